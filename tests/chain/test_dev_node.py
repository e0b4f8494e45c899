"""The development node: our client on it as on any other, and nothing that it said is lost when it is killed."""

import json

import httpx
import pytest

from benchmarks.relays import served
from grail.chain.accounts import Signer
from grail.chain.deployment import deploy
from grail.chain.dev_node import DevNode, RpcError
from grail.chain.dev_node_server import DevNodeServer
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.errors import ChainError, Reverted
from grail.protocol.records import Role
from tests.chain.test_embedded import MINER, OWNER, PLAN


@pytest.fixture()
def node(tmp_path):
    return DevNode(OWNER.address, tmp_path / "chain.sqlite")


def raw(signer=OWNER, nonce=0, fee=10**10, value=1, gas=100_000, chain=31_337):
    fields = {
        "to": MINER.name, "value": value, "gas": gas, "nonce": nonce, "chainId": chain, "data": "0x",
        "maxFeePerGas": fee, "maxPriorityFeePerGas": 10**9,
    }  # fmt: skip
    return "0x" + bytes(signer.account.sign_transaction(fields).raw_transaction).hex()


def test_our_client_deploys_registers_reads_events_and_reasons(node):
    with served(DevNodeServer(node, 0.05)) as url:
        chain = JsonRpcChain.connect(url)
        subnet = Subnet(chain, deploy(chain, OWNER, PLAN))
        chain.send(OWNER, MINER.address, b"", 10**20)
        subnet.transfer(OWNER, MINER.address, 3_000 * 10**18)
        subnet.register(MINER, Role.MINER, "http://relay", 2_000 * 10**18)
        assert subnet.neuron(MINER.address).endpoint == "http://relay"
        assert chain.logs([subnet.contracts["NeuronRegistry"].address], 0, chain.head().number)
        with pytest.raises(Reverted, match="AlreadyRegistered"):
            subnet.register(MINER, Role.MINER, "", 10**21)
        with pytest.raises(ChainError, match="cannot pay"):
            chain.send(Signer.from_key(b"\x09" * 32), MINER.address, b"", 1)
        assert chain.final_block() <= chain.head().number


def test_what_was_taken_is_mined_after_a_kill_and_what_was_told_stays(node, tmp_path):
    name = node.ask("eth_sendRawTransaction", [raw()])
    node.ask("eth_sendRawTransaction", [raw(nonce=1)])
    again = DevNode(OWNER.address, tmp_path / "chain.sqlite")
    assert again.ask("eth_getTransactionCount", ["0x" + OWNER.address.hex(), "pending"]) == "0x2"
    again.mine()
    receipt, head = again.ask("eth_getTransactionReceipt", [name]), again.chain.head()
    assert receipt["status"] == "0x1" and receipt["blockHash"] == "0x" + head.hash.hex()
    third = DevNode(OWNER.address, tmp_path / "chain.sqlite")
    assert third.chain.head() == head and third.ask("eth_getTransactionReceipt", [name]) == receipt
    third.mine()
    assert third.ask("eth_getBalance", ["0x" + MINER.address.hex()]) == hex(2)


def test_the_pool_refuses_what_nodes_refuse(node):
    poor = Signer.from_key(b"\x09" * 32)
    node.ask("eth_sendRawTransaction", [raw()])
    for wrong, reason in (
        (raw(), "already known"),
        (raw(value=2), "replacement transaction underpriced"),
        (raw(nonce=2), "nonce too high"),
        (raw(nonce=1, fee=1), "underpriced"),
        (raw(poor), "insufficient funds"),
        (raw(nonce=1, gas=10**9), "exceeds block gas limit"),
        (raw(nonce=1, chain=1), "invalid chain id"),
        ("0x02", "cannot decode"),
        ("0x" + "ff" * 200_000, "oversized"),
    ):
        with pytest.raises(RpcError, match=reason):
            node.ask("eth_sendRawTransaction", [wrong])
    better = node.ask("eth_sendRawTransaction", [raw(value=3, fee=2 * 10**10)])
    node.mine()
    assert node.ask("eth_getTransactionReceipt", [better])["status"] == "0x1"
    with pytest.raises(RpcError, match="nonce too low"):
        node.ask("eth_sendRawTransaction", [raw(value=9)])


def test_blocks_hold_as_much_as_their_gas_allows_and_the_rest_waits(node):
    for nonce in range(40):
        node.ask("eth_sendRawTransaction", [raw(nonce=nonce, gas=1_000_000)])
    node.mine()
    first = len(node.ask("eth_getBlockByNumber", ["latest", False])["transactions"])
    for _ in range(5):
        node.mine()
    assert 20 < first <= 40 and node.ask("eth_getTransactionCount", ["0x" + OWNER.address.hex()]) == hex(40)


@pytest.mark.parametrize(
    "body",
    [b"", b"{", b"[" * 10_000, b"null", b'{"method": 1}', b'{"method": "eth_call", "params": {}}', b"\xff", b"[1, 2]",
     b'{"method": "eth_call", "params": [7]}', b'{"method": "eth_getBalance", "params": ["0xzz"]}',
     b'{"method": "eth_getLogs", "params": [{"fromBlock": "0xffffff"}]}',
     b'{"method": "eth_getBalance", "params": []}'],
)  # fmt: skip
def test_nonsense_is_answered_and_harms_nothing(node, body):
    with served(DevNodeServer(node, 0)) as url:
        answer = httpx.post(url, content=body)
        said = answer.json()
        assert all("error" in one for one in (said if isinstance(said, list) else [said]))
        fine = httpx.post(url, content=json.dumps({"jsonrpc": "2.0", "id": 1, "method": "eth_chainId", "params": []}))
        assert fine.json() == {"jsonrpc": "2.0", "id": 1, "result": "0x7a69"}
