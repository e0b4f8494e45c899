"""The Chain protocol over pyrevm: an EVM in this process without signatures or gas, for thousands of histories.

Also what no chain offers: going back to a point. pyrevm pays for it with levels of calls, of which the EVM has 1,024: a
transaction that stays takes one for good.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import pyrevm

from grail.chain.accounts import Signer
from grail.chain.base import Head, Log, Receipt
from grail.chain.reverts import RevertDecoder
from grail.protocol.units import Address, BlockNumber, Digest

CHAIN_ID = 1
BLOCK_SECONDS = 12
GAS = 30_000_000
WORN = 500


def named(address: Address) -> str:
    return "0x" + address.hex()


@dataclass(frozen=True)
class Point:
    """Where a chain can go back to."""

    checkpoint: object
    block: int
    logs: int


class RevmChain:
    """Every transaction makes a block of its own. Contracts cannot send (EIP-3607)."""

    chain_id = CHAIN_ID

    def __init__(self) -> None:
        self._evm = pyrevm.EVM()
        self._block = 1
        self._logs: list[Log] = []
        self.reverts = RevertDecoder()
        self._enter()

    def _enter(self) -> None:
        self._evm.set_block_env(
            pyrevm.BlockEnv(number=self._block, timestamp=1_700_000_000 + BLOCK_SECONDS * self._block)
        )

    @property
    def is_worn(self) -> bool:
        """Is it time for a new one?"""
        return self._evm.journal_depth > WORN

    def mark(self) -> Point:
        """Remember this point."""
        return Point(self._evm.snapshot(), self._block, len(self._logs))

    def go_back(self, point: Point) -> None:
        """Undo everything since a point."""
        self._evm.revert(point.checkpoint)
        self._block = point.block
        del self._logs[point.logs :]
        self._enter()

    def head(self) -> Head:
        return Head(BlockNumber(self._block), self.block_hash(BlockNumber(self._block)))

    def block_hash(self, number: BlockNumber) -> Digest:
        return bytes(self._evm.block_hash(number))

    def block_time(self, number: BlockNumber) -> int:
        return int(number)

    def final_block(self) -> BlockNumber:
        return BlockNumber(self._block)

    def code(self, address: Address) -> bytes:
        return bytes(self._evm.get_code(named(address)) or b"").rstrip(b"\0")

    def nonce(self, address: Address) -> int:
        return self._evm.basic(named(address)).nonce

    def mine(self, blocks: int) -> None:
        """Make empty blocks."""
        self._block += blocks
        self._enter()

    def call(self, to: Address, data: bytes) -> bytes:
        """As the next block would see it, like the other chains."""
        self.mine(1)
        try:
            return self._run(bytes(20), to, data, keep=False)
        finally:
            self.mine(-1)

    def send(
        self, signer: Signer, to: Address | None, data: bytes, value: int = 0, *, last: BlockNumber | None = None
    ) -> Receipt:
        self.mine(1)
        if to is None:
            made = self._evm.deploy(named(signer.address), data)
            return Receipt(bytes(32), BlockNumber(self._block), 0, bytes.fromhex(made[2:]))
        self._run(signer.address, to, data, keep=True)
        return Receipt(bytes(32), BlockNumber(self._block), self._evm.result.gas_used)

    def logs(self, addresses: Sequence[Address], first: BlockNumber, last: BlockNumber) -> list[Log]:
        return [log for log in self._logs if log.address in addresses and first <= log.block <= last]

    def _run(self, sender: Address, to: Address, data: bytes, *, keep: bool) -> bytes:
        before = self._evm.snapshot()
        try:
            found = self._evm.message_call(named(sender), named(to), data, gas=GAS)
        except RuntimeError as error:
            self._evm.revert(before)
            raise self.reverts.explain(_output(error), f"call 0x{data[:4].hex()}") from error
        if keep:
            for index, log in enumerate(self._evm.result.logs):
                topics = tuple(bytes.fromhex(topic.removeprefix("0x")) for topic in log.topics)
                body = log.data if isinstance(log.data, bytes) else log.data[1]
                address = bytes.fromhex(log.address[2:])
                self._logs.append(Log(address, topics, bytes(body), BlockNumber(self._block), index, bytes(32)))
        else:
            self._evm.revert(before)
        return bytes(found)


def _output(error: RuntimeError) -> bytes:
    """Revert data from pyrevm's message."""
    text = str(error)
    start = text.find("output: 0x")
    return bytes.fromhex(text[start + 10 :].split(" ")[0].rstrip("})")) if start >= 0 else b""
