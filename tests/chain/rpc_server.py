"""A node that lies on demand: a small real HTTP server that speaks JSON-RPC, with a script of its answers.

node = RpcServer(eth_getLogs=lambda params, count: [])        # an answer by method; count: how often it was asked
raise Says(-32005, "rate")                                     # inside an answer: a JSON-RPC error
raise Raw(429, "slow down", {"Retry-After": "1"})              # anything that HTTP can carry
raise Hangs(3.0), raise Drips(), raise Cut()                   # a silent, a dripping, a broken connection
"""

import json
import time
from collections.abc import Callable, Mapping
from typing import Any

from eth_account.typed_transactions import TypedTransaction
from eth_utils.crypto import keccak
from hexbytes import HexBytes

from tests.chain.speaking import Handler, failed, serving

Answers = Callable[[list[Any], int], Any]


class Says(Exception):
    def __init__(self, code: int, message: str, data: Any = None) -> None:
        self.body = {"code": code, "message": message} | ({} if data is None else {"data": data})


class Raw(Exception):
    def __init__(self, status: int, text: str = "", headers: Mapping[str, str] | None = None) -> None:
        self.status, self.text, self.headers = status, text, headers or {}


class Hangs(Exception):
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds


class Drips(Exception):
    pass


class Cut(Exception):
    pass


def block(number: int = 100, fork: int = 0, **more: Any) -> dict[str, Any]:
    """A block as nodes send it; `fork` gives it another hash."""
    zeros = "0x" + "00" * 32
    return {
        "number": hex(number), "hash": f"0x{(number << 8) + fork + 0xABC0000:064x}", "parentHash": zeros,
        "nonce": "0x" + "00" * 8, "sha3Uncles": zeros, "logsBloom": "0x" + "00" * 256, "transactionsRoot": zeros,
        "stateRoot": zeros, "receiptsRoot": zeros, "miner": "0x" + "00" * 20, "difficulty": "0x1", "extraData": "0x",
        "size": "0x1", "gasLimit": "0x1c9c380", "gasUsed": "0x0", "timestamp": "0x1", "transactions": [], "uncles": [],
        "baseFeePerGas": "0x3b9aca00",
    } | more  # fmt: skip


def receipt(name: str, status: str = "0x1", number: int = 101) -> dict[str, Any]:
    return {
        "transactionHash": name, "transactionIndex": "0x0", "blockHash": "0x" + "11" * 32, "blockNumber": hex(number),
        "from": "0x" + "00" * 20, "to": "0x" + "22" * 20, "cumulativeGasUsed": "0x5208", "gasUsed": "0x5208",
        "contractAddress": None, "logs": [], "logsBloom": "0x" + "00" * 256, "status": status,
        "effectiveGasPrice": "0x1", "type": "0x2",
    }  # fmt: skip


def log(number: int, index: int = 0, address: str = "0x" + "22" * 20) -> dict[str, Any]:
    return {
        "address": address, "topics": ["0x" + "33" * 32], "data": "0x", "blockNumber": hex(number),
        "logIndex": hex(index), "transactionHash": "0x" + "44" * 32, "transactionIndex": "0x0",
        "blockHash": "0x" + "55" * 32, "removed": False,
    }  # fmt: skip


def sent(raw: str) -> dict[str, Any]:
    """Fields of a typed transaction as it was sent, and its hash."""
    return TypedTransaction.from_bytes(HexBytes(raw)).as_dict() | {"name": "0x" + keccak(hexstr=raw).hex()}


class RpcServer:
    """`answers`: method → what it answers. `calls`: (method, params) of every question so far."""

    def __init__(self, **answers: Answers) -> None:
        self.calls: list[tuple[str, list[Any]]] = []
        self.answers: dict[str, Answers] = {
            "eth_chainId": lambda p, n: "0x7a69",
            "eth_getBlockByNumber": lambda p, n: block(),
            "eth_getTransactionCount": lambda p, n: "0x0",
            "eth_estimateGas": lambda p, n: "0x5208",
            "eth_getBalance": lambda p, n: "0x0",
            "eth_getLogs": lambda p, n: [],
            "eth_call": lambda p, n: "0x",
        } | answers
        self._server, self.url = serving(self._handler())

    def asked(self, method: str) -> list[list[Any]]:
        """Parameters of every question of one method."""
        return [params for name, params in self.calls if name == method]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def __enter__(self) -> "RpcServer":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _answer(self, question: dict[str, Any]) -> tuple[int, bytes, Mapping[str, str]]:
        method, params = question["method"], question.get("params", [])
        self.calls.append((method, params))
        try:
            if method not in self.answers:
                raise Says(-32601, f"the method {method} does not exist")
            found = self.answers[method](params, len(self.asked(method)))
            return 200, json.dumps({"jsonrpc": "2.0", "id": question["id"], "result": found}).encode(), {}
        except Says as error:
            return 200, failed(question["id"], error.body), {}
        except Raw as raw:
            return raw.status, raw.text.encode(), raw.headers

    def _handler(self) -> type[Handler]:
        node = self

        class Lying(Handler):
            def do_POST(self) -> None:
                question = json.loads(self.body())
                try:
                    return self.say(*node._answer(question))
                except Hangs as hangs:
                    time.sleep(hangs.seconds)
                    return self.cut()
                except Cut:
                    return self.cut()
                except Drips:
                    return self._drip()

            def _drip(self) -> None:
                """Headers, a byte at a time, for ever: no time-out of a single read ever ends it."""
                self.close_connection = True
                try:
                    self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Drip: ")
                    while True:
                        self.wfile.write(b"x")
                        self.wfile.flush()
                        time.sleep(0.05)
                except OSError:
                    return

        return Lying
