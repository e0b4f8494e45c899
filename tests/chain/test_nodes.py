"""Real nodes fail in many ways: each is waited out, asked elsewhere, or named; nothing that one says ends a process."""

import contextlib
import itertools
import random

import pytest

from grail.chain import jsonrpc, transactions
from grail.chain.accounts import Signer
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.rpc import nodes
from grail.errors import ChainError, ChainUnavailable, GrailError, Reverted, TooLate
from grail.protocol.hashing import keccak256
from tests.chain.rpc_server import Cut, Drips, Hangs, Raw, RpcServer, Says, block, log, receipt, sent

KEY = Signer.from_key(bytes(31) + b"\x07")
TO = b"\x22" * 20


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """The same pauses, a hundred times shorter."""
    monkeypatch.setattr(nodes, "FIRST_PAUSE", 0.0025)
    monkeypatch.setattr(nodes, "LONGEST_PAUSE", 0.05)
    monkeypatch.setattr(nodes, "LONGEST_REST", 0.1)
    monkeypatch.setattr(nodes, "CALL_SECONDS", 1.0)
    monkeypatch.setattr(transactions, "RECEIPT_SECONDS", 1.0)
    monkeypatch.setattr(transactions, "USED_SECONDS", 0.3)


PASSING = [
    Raw(429, "slow down", {"Retry-After": "0"}), Raw(429, "<html>"), Raw(502), Raw(503, "busy"), Raw(504, "{}"),
    Raw(524), Raw(401, "no key"), Raw(200, ""), Raw(200, '{"jsonrpc": "2.0", "id"'), Raw(200, "<!DOCTYPE html>"),
    Raw(200, "[]"), Raw(200, "null"), Raw(200, "[" * 4_000), Raw(200, '{"jsonrpc":"2.0","id":1}'),
    Raw(200, '{"jsonrpc":"2.0","id":99999,"result":"0x1"}'),
    Raw(429, '{"jsonrpc":"2.0","id":null,"error":{"code":-32000,"message":"no"}}'),
    Says(-32005, "project ID request rate exceeded"), Says(-32005, "limit exceeded"), Says(429, "Too Many Requests"),
    Says(-32007, "50/second request limit reached"), Says(-32603, "header not found"), Says(-32000, "header not found"),
    Says(-32603, "Internal error"), Says(-32000, "missing trie node 1f"), Says(-32000, "request timed out"),
    Says(-32090, "Too many requests, retry in 10s"), Says(-32016, "over the rate limit"), Cut(), Hangs(1.5), Drips(),
]  # fmt: skip


@pytest.mark.parametrize("fault", PASSING, ids=lambda fault: f"{type(fault).__name__} {vars(fault)}"[:50])
def test_what_may_pass_is_asked_again(fault):
    def head(params, count):
        if count == 1:
            raise fault
        return block(7)

    with RpcServer(eth_getBlockByNumber=head) as node:
        assert JsonRpcChain.connect(node.url).head().number == 7


@pytest.mark.parametrize("fault", PASSING[:8], ids=lambda fault: f"{type(fault).__name__} {vars(fault)}"[:50])
def test_what_does_not_pass_is_named_and_the_tries_are_counted(fault):
    def head(params, count):
        raise fault

    with RpcServer(eth_getBlockByNumber=head) as node:
        chain = JsonRpcChain.connect(node.url)
        with pytest.raises(ChainUnavailable, match=f"no answer to eth_getBlockByNumber after {jsonrpc.ATTEMPTS} tries"):
            chain.head()
        assert len(node.asked("eth_getBlockByNumber")) == jsonrpc.ATTEMPTS
        with pytest.raises(ChainUnavailable):
            chain.head()
        assert len(node.asked("eth_getBlockByNumber")) <= jsonrpc.ATTEMPTS + 2, "a node that is down is not hammered"


def test_retry_after_is_heard(monkeypatch):
    waited = []

    def head(params, count):
        if count == 1:
            raise Raw(429, "", {"Retry-After": "7"})
        return block()

    with RpcServer(eth_getBlockByNumber=head) as node:
        chain = JsonRpcChain.connect(node.url)
        monkeypatch.setattr(chain._web3.provider, "_sleep", waited.append)
        monkeypatch.setattr(nodes, "LONGEST_PAUSE", 8.0)
        chain.head()
    assert waited == [7.0]


def test_another_node_answers_while_the_first_is_ill(monkeypatch):
    monkeypatch.setattr(nodes, "FIRST_PAUSE", 5.0)
    monkeypatch.setattr(nodes, "LONGEST_REST", 60.0)

    def ill(params, count):
        raise Raw(503)

    with RpcServer() as well, RpcServer(eth_getBlockByNumber=ill) as bad:
        chain = JsonRpcChain.connect([bad.url, well.url])
        for _ in range(20):
            assert chain.head().number == 100
        assert len(bad.asked("eth_getBlockByNumber")) == 1, "at once, and the ill one is left alone for a while"


def test_an_answer_about_the_question_is_no_fault_of_the_node():
    def reverts(params, count):
        raise Says(3, "execution reverted", "0x08c379a0")

    with RpcServer(eth_call=reverts) as node:
        with pytest.raises(Reverted):
            JsonRpcChain.connect(node.url).call(TO, b"\1\2\3\4")
        assert len(node.asked("eth_call")) == 1


@pytest.mark.parametrize(
    "answer",
    [None, 7, "0x", [], {}, {"number": "0x1"}, block(hash="0x12"), block(number=-1), block(hash=None), {"number": []}],
)
def test_a_block_that_is_none_is_named(answer):
    with RpcServer(eth_getBlockByNumber=lambda params, count: answer) as node:
        chain = JsonRpcChain.connect(node.url)
        with pytest.raises(GrailError):
            chain.block_hash(1)


def test_a_key_in_the_url_is_never_shown():
    secret = "9aSECRETaa3d95b3bc440fa88ea12eaa4456161"
    with pytest.raises(ChainUnavailable) as caught:
        JsonRpcChain.connect(f"http://user:{secret}@127.0.0.1:1/v3/{secret}?key={secret}")
    assert secret not in str(caught.value) and secret not in repr(caught.value.__cause__)


# Blocks and events


def test_any_consensus_may_fill_extra_data():
    with RpcServer(eth_getBlockByNumber=lambda p, n: block(extraData="0x" + "ab" * 97, difficulty="0x2")) as node:
        assert JsonRpcChain.connect(node.url).head().number == 100


def test_what_is_final_is_the_nodes_word_or_a_depth():
    def said(params, count):
        return block({"latest": 500, "finalized": 430}.get(params[0]) or int(params[0], 16))

    def unsaid(params, count):
        if params[0] == "finalized":
            raise Says(-39001, "unknown block")
        return block(500)

    with RpcServer(eth_getBlockByNumber=said) as node:
        assert JsonRpcChain.connect(node.url).final_block() == 430
    with RpcServer(eth_getBlockByNumber=unsaid) as node:
        assert JsonRpcChain.connect(node.url).final_block() == 500 - jsonrpc.FINAL_DEPTH


@pytest.mark.parametrize(
    "refusal",
    [
        Says(-32602, "eth_getLogs is limited to a 1000 blocks range"),
        Says(-32005, "query returned more than 10000 results"),
        Says(-32000, "exceed maximum block range: 5000"),
        Says(-32600, "Log response size exceeded. You can make eth_getLogs requests with up to a 2K block range"),
        Says(-32614, "eth_getLogs is limited to 0 - 10000 blocks range"),
        Says(-32000, "logs matched by query exceeds limit of 10000"),
        Raw(413, "Payload Too Large"),
    ],
    ids=lambda refusal: str(vars(refusal))[:60],
)
def test_pages_of_events_halve_until_the_node_answers(refusal):
    def logs(params, count):
        first, last = int(params[0]["fromBlock"], 16), int(params[0]["toBlock"], 16)
        if last - first + 1 > 300:
            raise refusal
        return [log(number) for number in range(first, last + 1) if number % 100 == 0]

    with RpcServer(eth_getLogs=logs) as node:
        chain = JsonRpcChain.connect(node.url)
        assert [entry.block for entry in chain.logs([TO], 1, 1_500)] == list(range(100, 1_501, 100))
        refused = len(node.asked("eth_getLogs"))
        chain.logs([TO], 1, 180)
        assert len(node.asked("eth_getLogs")) == refused + 1, "what works is remembered"


def test_a_single_block_that_is_refused_for_a_while_is_asked_for_again():
    def logs(params, count):
        if count < 4:
            raise Says(-32005, "query returned more than 10000 results")
        return [log(5)]

    with RpcServer(eth_getLogs=logs) as node:
        assert [entry.block for entry in JsonRpcChain.connect(node.url).logs([TO], 5, 5)] == [5]


def test_a_node_that_refuses_a_single_block_is_named():
    def logs(params, count):
        raise Says(-32000, "too many results")

    with (
        RpcServer(eth_getLogs=logs) as node,
        pytest.raises(ChainError, match="gives no events of block 5"),
    ):
        JsonRpcChain.connect(node.url).logs([TO], 5, 9)


@pytest.mark.parametrize("odd", [log(50), log(7, address="0x" + "44" * 20), log(7) | {"removed": True}, {"address": 3}])
def test_events_that_were_not_asked_for_are_not_believed(odd):
    with RpcServer(eth_getLogs=lambda p, n: [odd]) as node, pytest.raises(ChainUnavailable):
        JsonRpcChain.connect(node.url).logs([TO], 1, 10)


# Transactions


class Pool:
    """A mempool of one account. `mines`: what a transaction must offer."""

    def __init__(self, mines: int = 0) -> None:
        self.sent: list[dict] = []
        self.mines = mines

    def send(self, params, count):
        found = sent(params[0])
        self.sent.append(found)
        return found["name"]

    def receipt(self, params, count):
        there = [tx for tx in self.sent if tx["name"] == params[0] and tx["maxFeePerGas"] >= self.mines]
        return receipt(params[0]) if there else None

    @property
    def nonces(self) -> set[int]:
        return {tx["nonce"] for tx in self.sent}


def server(pool: Pool, **more) -> RpcServer:
    return RpcServer(**{"eth_sendRawTransaction": pool.send, "eth_getTransactionReceipt": pool.receipt} | more)


@pytest.mark.parametrize(
    "text",
    ["already known", "AlreadyKnown", "Known transaction", "known transaction: 3b7b", "transaction already imported",
     "ALREADY_EXISTS: already known", "tx already exists in cache"],
)  # fmt: skip
def test_a_lost_answer_is_no_second_transaction(text):
    """The node has it, the answer never came; what it says to the resend depends on who wrote it."""
    pool = Pool()

    def lost(params, count):
        if count == 1:
            pool.send(params, count)
            raise Cut
        raise Says(-32000, text)

    with server(pool, eth_sendRawTransaction=lost) as node:
        JsonRpcChain.connect(node.url).send(KEY, TO, b"\1")
    assert len(pool.sent) == 1


def test_nonce_too_low_after_a_lost_answer_finds_the_receipt():
    pool = Pool()

    def lost(params, count):
        if count == 1:
            pool.send(params, count)
            raise Cut
        raise Says(-32000, "nonce too low: next nonce 1, tx nonce 0")

    with server(pool, eth_sendRawTransaction=lost) as node:
        JsonRpcChain.connect(node.url).send(KEY, TO, b"\1")
    assert len(pool.sent) == 1


def test_nonce_too_low_without_a_receipt_is_another_process():
    def used(params, count):
        raise Says(-32000, "nonce too low")

    with server(Pool(), eth_sendRawTransaction=used) as node, pytest.raises(ChainError, match="another process"):
        JsonRpcChain.connect(node.url).send(KEY, TO, b"\1")


def test_the_same_call_later_is_a_new_transaction():
    pool = Pool()
    with server(pool, eth_getTransactionCount=lambda p, n: hex(len(pool.sent))) as node:
        chain = JsonRpcChain.connect(node.url)
        for _ in range(3):
            chain.send(KEY, TO, b"\1")
    assert pool.nonces == {0, 1, 2}


def test_a_stuck_transaction_is_offered_more_under_its_nonce():
    pool = Pool(mines=40 * 10**9)
    base = {"wei": 10**9}
    with server(pool, eth_getBlockByNumber=lambda p, n: block(baseFeePerGas=hex(base["wei"]))) as node:
        chain = JsonRpcChain.connect(node.url)
        with pytest.raises(ChainUnavailable, match="stays sent"):
            chain.send(KEY, TO, b"\1")
        base["wei"] = 30 * 10**9
        chain.send(KEY, TO, b"\1")
    assert pool.nonces == {0}
    fees = [tx["maxFeePerGas"] for tx in pool.sent]
    assert all(later * 8 >= earlier * 9 for earlier, later in itertools.pairwise(fees))


def test_what_waits_behind_a_stuck_transaction_pushes_it():
    pool = Pool(mines=40 * 10**9)
    base = {"wei": 10**9}
    with server(pool, eth_getBlockByNumber=lambda p, n: block(baseFeePerGas=hex(base["wei"]))) as node:
        chain = JsonRpcChain.connect(node.url)
        with pytest.raises(ChainUnavailable):
            chain.send(KEY, TO, b"\1")
        base["wei"] = 30 * 10**9
        chain.send(KEY, TO, b"\2")
    assert [tx["nonce"] for tx in pool.sent] == [0, 0, 1], "the first one again, then the second"


def test_an_earlier_action_that_can_never_be_mined_holds_up_nobody():
    """Its nonce was used by somebody else: it is forgotten, and what waits behind it goes out."""
    pool, used = Pool(mines=40 * 10**9), {"on": False}
    base = {"wei": 10**9}

    def send(params, count):
        if used["on"] and sent(params[0])["nonce"] == 0:
            raise Says(-32000, "nonce too low")
        return pool.send(params, count)

    blocks = {
        "eth_getBlockByNumber": lambda p, n: block(baseFeePerGas=hex(base["wei"])),
        "eth_getTransactionCount": lambda p, n: hex(1 + max(pool.nonces)) if used["on"] else "0x0",
    }
    with server(pool, eth_sendRawTransaction=send, **blocks) as node:
        chain = JsonRpcChain.connect(node.url)
        with pytest.raises(ChainUnavailable):
            chain.send(KEY, TO, b"\1")
        base["wei"], used["on"] = 30 * 10**9, True
        for payload in (b"\2", b"\3"):
            chain.send(KEY, TO, payload)
    assert [tx["nonce"] for tx in pool.sent] == [0, 1, 2]


def test_what_cannot_be_mined_in_time_is_not_sent():
    with server(Pool(), eth_getBlockByNumber=lambda p, n: block(100)) as node:
        chain = JsonRpcChain.connect(node.url)
        with pytest.raises(TooLate, match="block 100 is the last one"):
            chain.send(KEY, TO, b"\1", last=100)
        assert not node.asked("eth_sendRawTransaction")
        chain.send(KEY, TO, b"\1", last=101)


def test_what_was_not_mined_in_time_is_taken_back_and_holds_up_nothing():
    """Its nonce goes to an empty transaction that offers more; the next action is mined behind it."""
    pool, head = Pool(mines=3 * 10**9), {"number": 100}

    def blocks(params, count):
        head["number"] += 4 * (len(pool.sent) > 0)
        return block(head["number"])

    with server(pool, eth_getBlockByNumber=blocks) as node:
        chain = JsonRpcChain.connect(node.url)
        pool.mines = 10**30
        with pytest.raises(TooLate, match="not mined until block 110"):
            chain.send(KEY, TO, b"\1", last=110)
        pool.mines = 0
        chain.send(KEY, TO, b"\2")
        with pytest.raises(TooLate):
            chain.send(KEY, TO, b"\1", last=110)
    first, empty, *rest = pool.sent
    assert (empty["nonce"], bytes(empty["data"]), empty["value"]) == (0, b"", 0)
    assert empty["maxFeePerGas"] * 8 >= first["maxFeePerGas"] * 9
    assert [(tx["nonce"], bytes(tx["data"])) for tx in rest][-1] == (1, b"\2")


def test_the_owners_bound_on_fees_holds():
    pool = Pool()

    def wants_more(params, count):
        raise Says(-32000, "replacement transaction underpriced")

    with server(pool, eth_sendRawTransaction=wants_more) as node:
        chain = JsonRpcChain.connect(node.url, fee_cap=5 * 10**9)
        with pytest.raises(ChainUnavailable, match="max_fee_gwei"):
            chain.send(KEY, TO, b"\1")
    assert max(sent(p[0])["maxFeePerGas"] for p in node.asked("eth_sendRawTransaction")) <= 5 * 10**9


def test_a_chain_without_base_fees_gets_a_gas_price():
    raw = []

    def send(params, count):
        raw.append(params[0])
        return "0x" + keccak256(bytes.fromhex(params[0][2:])).hex()

    legacy = block()
    del legacy["baseFeePerGas"]
    with RpcServer(
        eth_getBlockByNumber=lambda p, n: legacy,
        eth_gasPrice=lambda p, n: hex(7 * 10**9),
        eth_sendRawTransaction=send,
        eth_getTransactionReceipt=lambda p, n: receipt(p[0]),
    ) as node:
        JsonRpcChain.connect(node.url).send(KEY, TO, b"\1")
    assert int(raw[0][2:4], 16) >= 0xC0, "a legacy transaction is a bare list"


@pytest.mark.parametrize("method", ["eth_estimateGas", "eth_sendRawTransaction"])
def test_an_empty_account_is_named_with_what_it_has(method):
    def poor(params, count):
        raise Says(-32000, "insufficient funds for gas * price + value: balance 0, tx cost 63000000000000")

    answers = {method: poor, "eth_getBalance": lambda p, n: hex(5 * 10**15)}
    with server(Pool(), **answers) as node, pytest.raises(ChainError, match=rf"{KEY.name}.*has 0\.005.*send it some"):
        JsonRpcChain.connect(node.url).send(KEY, TO, b"\1")


def test_nodes_without_pending_are_asked_for_the_latest():
    def count(params, number):
        if params[1] == "pending":
            raise Says(-32000, "pending block is not available")
        return "0x5"

    def estimate(params, number):
        if params[1:] == ["pending"]:
            raise Says(-32602, "pending not supported")
        return "0x5208"

    pool = Pool()
    with server(pool, eth_getTransactionCount=count, eth_estimateGas=estimate) as node:
        JsonRpcChain.connect(node.url).send(KEY, TO, b"\1")
    assert pool.nonces == {5}


def test_whatever_a_node_answers_is_one_of_our_errors():
    """Random answers to everything that is asked: no other exception ever comes out."""
    draws = random.Random(5)
    oddities = [None, 0, -1, "", "0x", "0xzz", "x" * 50, [], {}, [{}], {"a": 1}, True, 1e300, "0x" + "ff" * 40]

    def odd(params, count):
        if draws.random() < 0.3:
            raise draws.choice([fault for fault in PASSING if not isinstance(fault, Hangs | Drips)])
        return draws.choice(oddities)

    methods = """eth_getBlockByNumber eth_getLogs eth_call eth_getTransactionCount eth_estimateGas eth_getCode
        eth_sendRawTransaction eth_getTransactionReceipt eth_getBalance eth_gasPrice"""
    with RpcServer(**dict.fromkeys(methods.split(), odd)) as node:
        chain = JsonRpcChain.connect(node.url)
        asks = (
            chain.head,
            chain.final_block,
            lambda: chain.block_hash(3),
            lambda: chain.code(TO),
            lambda: chain.nonce(TO),
            lambda: chain.call(TO, b"\1\2\3\4"),
            lambda: chain.logs([TO], 1, 9),
        )
        for _ in range(25):
            for ask in asks:
                with contextlib.suppress(GrailError):
                    ask()
        for _ in range(3):
            with contextlib.suppress(GrailError):
                chain.send(KEY, TO, b"\1")
