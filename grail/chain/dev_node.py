"""A development node: the embedded chain behind JSON-RPC, with a pool and a block every so often.

It knows just what nodes are asked for by Grail and by common tools. A transaction that was taken and a block that was
told are on disk before the answer: a killed node goes on where it was, and loses nothing.
"""

import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from eth.exceptions import HeaderNotFound, TransactionNotFound, VMError
from eth_utils.exceptions import ValidationError
from rlp.exceptions import RLPException

from grail.chain.deployment import predicted_address
from grail.chain.embedded import CHAIN_ID, GAS_LIMIT, EmbeddedChain, NextBlock, reason_of
from grail.errors import BadInput
from grail.protocol.units import Address, BlockNumber

POOL = b"pool"
MOST_WAITING = 4_096
LONGEST_TRANSACTION = 128 << 10
FULL = 0.8
"""Part of a block's gas limit that transactions may ask for before the rest waits."""
FLOOR_GAS, FLOOR_TOKEN = 21_000, 10
"""EIP-7623: least gas of a transaction by its calldata, a zero byte being a token and another one four."""
TIP_WEI = 10**9


class RpcError(Exception):
    """An error as JSON-RPC says it."""

    def __init__(self, code: int, message: str, reason: bytes | None = None) -> None:
        super().__init__(message)
        self.body: dict[str, Any] = {"code": code, "message": message}
        if reason is not None:
            self.body["data"] = "0x" + reason.hex()


class DevNode:
    """The node. Not for threads: one caller at a time."""

    def __init__(self, funder: Address, path: Path | None = None) -> None:
        """`funder`: whom the genesis gives coins; `path`: SQLite file of the chain, None for memory only."""
        self.chain = EmbeddedChain(funder, path, lambda parent: max(parent + 1, int(time.time())))
        self._pyevm = self.chain.pyevm
        self._pool: dict[bytes, Any] = {}
        for raw in json.loads(self.chain.kept(POOL) or b"[]"):
            found = self._decoded(bytes.fromhex(raw))
            self._pool[found.hash] = found
        self._view: NextBlock | None = None
        self.methods: dict[str, Callable[..., Any]] = {
            "eth_chainId": lambda: hex(CHAIN_ID),
            "net_version": lambda: str(CHAIN_ID),
            "web3_clientVersion": lambda: "grail-dev-node",
            "eth_syncing": lambda: False,
            "eth_blockNumber": lambda: hex(self._head().block_number),
            "eth_gasPrice": lambda: hex(2 * self._base_fee() + TIP_WEI),
            "eth_maxPriorityFeePerGas": lambda: hex(TIP_WEI),
            "eth_getBlockByNumber": self._block,
            "eth_getBalance": lambda who, at="latest": hex(self._state(at).get_balance(_bytes(who))),
            "eth_getCode": lambda who, at="latest": "0x" + self._state(at).get_code(_bytes(who)).hex(),
            "eth_getTransactionCount": self._count,
            "eth_call": self._call,
            "eth_estimateGas": self._estimate,
            "eth_sendRawTransaction": self._send,
            "eth_getTransactionReceipt": self._receipt,
            "eth_getLogs": self._logs,
            "evm_mine": self.mine,
        }

    def ask(self, method: Any, params: Any) -> Any:
        """Answer one question. Raises RpcError."""
        if method not in self.methods:
            raise RpcError(-32601, f"the method {str(method)[:60]} does not exist here")
        try:
            return self.methods[method](*params)
        except (TypeError, ValueError, KeyError, AttributeError, BadInput) as error:
            raise RpcError(-32602, f"wrong parameters of {method} ({type(error).__name__})") from error
        except HeaderNotFound:
            raise RpcError(-32000, "header not found") from None

    def mine(self) -> str:
        """Make the next block out of what waits, and save it."""
        self._pyevm.header = self._pyevm.create_header_from_parent(self._head())
        limit = FULL * self._pyevm.header.gas_limit
        for name, waiting in list(self._pool.items()):
            if self._pyevm.header.gas_used + waiting.gas > limit and self._pyevm.header.gas_used:
                break
            del self._pool[name]
            try:
                self._pyevm.apply_transaction(waiting)
            except ValidationError:
                continue  # what its account can no longer pay for
        self._pyevm.mine_block(coinbase=bytes(20))
        self._save()
        return "0x0"

    # Reading

    def _head(self) -> Any:
        return self._pyevm.get_canonical_head()

    def _base_fee(self) -> int:
        return self._head().base_fee_per_gas or 0

    def _header(self, at: Any) -> Any:
        if at in ("latest", "pending", "safe", "finalized", None):
            return self._head()
        return self._pyevm.get_canonical_block_header_by_number(0 if at == "earliest" else int(at, 16))

    def _state(self, at: Any) -> Any:
        return self._pyevm.get_vm(self._pyevm.create_header_from_parent(self._header(at))).state

    def _block(self, at: str, whole: bool = False) -> dict[str, Any] | None:
        try:
            header = self._header(at)
        except HeaderNotFound:
            return None
        names = [] if header.gas_used == 0 else [
            "0x" + t.hash.hex() for t in self._pyevm.get_canonical_block_by_number(header.block_number).transactions
        ]  # fmt: skip
        numbers = {
            "number": header.block_number,
            "gasLimit": header.gas_limit,
            "gasUsed": header.gas_used,
            "timestamp": header.timestamp,
            "difficulty": header.difficulty,
            "baseFeePerGas": header.base_fee_per_gas,
            "size": 0,
        }
        words = {
            "hash": header.hash,
            "parentHash": header.parent_hash,
            "miner": header.coinbase,
            "stateRoot": header.state_root,
            "receiptsRoot": header.receipt_root,
            "transactionsRoot": header.transaction_root,
            "sha3Uncles": header.uncles_hash,
            "mixHash": header.mix_hash,
            "nonce": header.nonce,
            "extraData": header.extra_data,
            "logsBloom": header.bloom.to_bytes(256, "big"),
        }
        shown: dict[str, Any] = {name: hex(number) for name, number in numbers.items()}
        return shown | {name: "0x" + word.hex() for name, word in words.items()} | {"transactions": names, "uncles": []}

    def _count(self, who: str, at: str = "latest") -> str:
        sender = _bytes(who)
        waiting = sum(t.sender == sender for t in self._pool.values()) if at == "pending" else 0
        return hex(self._state(at).get_nonce(sender) + waiting)

    def _call(self, fields: dict[str, Any], at: str = "latest") -> str:
        return "0x" + self._ran(fields, at).output.hex()

    def _estimate(self, fields: dict[str, Any], at: str = "latest") -> str:
        data = _bytes(fields.get("data") or fields.get("input") or "0x")
        zeros = data.count(0)
        least = FLOOR_GAS + FLOOR_TOKEN * (zeros + 4 * (len(data) - zeros))
        return hex(max(least, GAS_LIMIT - self._ran(fields, at).get_gas_remaining()))

    def _ran(self, fields: dict[str, Any], at: str) -> Any:
        head = self._header(at)
        if self._view is None or self._view.head != head:
            self._view = NextBlock(self._pyevm, head)
        to, data = fields.get("to"), fields.get("data") or fields.get("input") or "0x"
        sender, value = fields.get("from") or "0x" + "00" * 20, int(fields.get("value") or "0x0", 16)
        try:
            return self._view.run(_bytes(sender), _bytes(to) if to else None, _bytes(data), value)
        except VMError as error:
            raise RpcError(3, "execution reverted", reason_of(error)) from error
        except ValidationError as error:
            raise RpcError(-32000, f"insufficient funds for gas * price + value ({error})") from error

    def _receipt(self, name: str) -> dict[str, Any] | None:
        try:
            number, index = self._pyevm.chaindb.get_transaction_index(_bytes(name))
        except TransactionNotFound:
            return None
        block = self._pyevm.get_canonical_block_by_number(number)
        receipts, sent = block.get_receipts(self._pyevm.chaindb), block.transactions[index]
        before = receipts[index - 1].gas_used if index else 0
        base = block.header.base_fee_per_gas or 0
        made = None if sent.to else "0x" + predicted_address(sent.sender, sent.nonce).hex()
        return {
            "transactionHash": name,
            "transactionIndex": hex(index),
            "blockNumber": hex(number),
            "blockHash": "0x" + block.hash.hex(),
            "from": "0x" + sent.sender.hex(),
            "to": "0x" + sent.to.hex() if sent.to else None,
            "gasUsed": hex(receipts[index].gas_used - before),
            "cumulativeGasUsed": hex(receipts[index].gas_used),
            "effectiveGasPrice": hex(min(sent.max_fee_per_gas, base + sent.max_priority_fee_per_gas)),
            "contractAddress": made,
            "status": hex(int.from_bytes(receipts[index].state_root, "big")),
            "logs": [],
            "logsBloom": "0x" + receipts[index].bloom.to_bytes(256, "big").hex(),
            "type": hex(getattr(sent, "type_id", None) or 0),
        }

    def _logs(self, wanted: dict[str, Any]) -> list[dict[str, Any]]:
        places = wanted.get("address") or []
        addresses = [_bytes(place) for place in ([places] if isinstance(places, str) else places)]
        first, last = (self._header(wanted.get(name, "latest")).block_number for name in ("fromBlock", "toBlock"))
        topics = [one for one in wanted.get("topics") or [] if one is not None]
        if topics:
            raise RpcError(-32602, "topics are not understood here: ask for addresses")
        found = self.chain.logs(addresses, BlockNumber(first), BlockNumber(last))
        return [
            {
                "address": "0x" + log.address.hex(),
                "topics": ["0x" + topic.hex() for topic in log.topics],
                "data": "0x" + log.data.hex(),
                "blockNumber": hex(log.block),
                "blockHash": "0x" + self._pyevm.get_canonical_block_header_by_number(log.block).hash.hex(),
                "logIndex": hex(log.index),
                "transactionHash": "0x" + log.transaction.hex(),
                "transactionIndex": "0x0",
                "removed": False,
            }
            for log in found
        ]

    # Sending

    def _send(self, raw: str) -> str:
        if len(raw) > 2 * LONGEST_TRANSACTION:
            raise RpcError(-32000, f"oversized data: a transaction has at most {LONGEST_TRANSACTION} bytes")
        sent = self._decoded(_bytes(raw))
        name = "0x" + sent.hash.hex()
        if sent.hash in self._pool or self._receipt(name) is not None:
            raise RpcError(-32000, "already known")
        if sent.max_fee_per_gas < self._base_fee():
            raise RpcError(-32000, "max fee per gas less than block base fee: transaction underpriced")
        state = self._state("latest")
        queued = {t.nonce: t for t in self._pool.values() if t.sender == sent.sender}
        nonce = state.get_nonce(sent.sender)
        if sent.nonce < nonce:
            raise RpcError(-32000, f"nonce too low: next nonce {nonce}, tx nonce {sent.nonce}")
        if sent.nonce > nonce + len(queued):
            raise RpcError(-32000, f"nonce too high: next nonce {nonce + len(queued)}, tx nonce {sent.nonce}")
        if state.get_balance(sent.sender) < sent.value + sent.gas * sent.max_fee_per_gas:
            raise RpcError(-32000, "insufficient funds for gas * price + value")
        if sent.gas > self._head().gas_limit:
            raise RpcError(-32000, "exceeds block gas limit")
        if len(self._pool) >= MOST_WAITING:
            raise RpcError(-32005, "the pool is full: try again")
        self._take(sent, queued.get(sent.nonce))
        self._save()
        return name

    def _take(self, sent: Any, before: Any | None) -> None:
        """Into the pool, in the place of one with the same nonce that offers less."""
        if before is None:
            self._pool[sent.hash] = sent
            return
        if sent.max_fee_per_gas * 10 < before.max_fee_per_gas * 11:
            raise RpcError(-32000, "replacement transaction underpriced")
        self._pool = {
            (sent.hash if t is before else name): (sent if t is before else t) for name, t in self._pool.items()
        }

    def _decoded(self, raw: bytes) -> Any:
        try:
            found = self._pyevm.get_transaction_builder().decode(raw)
            found.check_signature_validity()
            sender = found.sender
        except (RLPException, ValidationError, ValueError, TypeError, IndexError, NotImplementedError) as error:
            raise RpcError(-32000, f"rlp: cannot decode the transaction ({type(error).__name__})") from error
        if getattr(found, "chain_id", None) != CHAIN_ID or len(sender) != 20:
            raise RpcError(-32000, f"invalid chain id for signer: have {found.chain_id}, want {CHAIN_ID}")
        return found

    def _save(self) -> None:
        self.chain.keep(POOL, json.dumps([t.encode().hex() for t in self._pool.values()]).encode())
        self.chain.save()


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text.removeprefix("0x"))
