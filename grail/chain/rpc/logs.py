"""Events in pages that the node will answer: halved where it refuses, remembered, tried larger again now and then."""

import time
from collections.abc import Callable, Sequence
from typing import Any

from web3 import Web3

from grail.chain.base import Log
from grail.chain.rpc.faults import NodeRefused
from grail.errors import ChainError, ChainUnavailable
from grail.protocol.units import Address, BlockNumber

MOST_BLOCKS = 2_000
"""Blocks asked for in one eth_getLogs, at first and at most: many public nodes refuse longer ranges."""
GROW_AFTER = 32
"""Pages in a row that a node answers before twice as long ones are tried."""


SINGLE_TRIES, PAUSE_SECONDS = 5, 0.25
"""Of a single block that is refused: a busy node uses the words of one that is asked for too much. Each pause is twice
as long as the one before.
"""


class LogPages:
    """Reads events through one connection."""

    def __init__(self, ask: Callable[[dict[str, Any]], Sequence[Any]], name: str) -> None:
        """`ask`: eth_getLogs; raises NodeRefused where the node will not answer."""
        self._ask = ask
        self._name = name
        self._blocks = MOST_BLOCKS
        self._answered = 0

    def read(self, addresses: Sequence[Address], first: BlockNumber, last: BlockNumber) -> list[Log]:
        """Events of these contracts in blocks [first, last], in chain order.

        Raises ChainUnavailable where the node answers what was not asked, ChainError where it goes on refusing a single
        block.
        """
        asked = [Web3.to_checksum_address(address) for address in addresses]
        found: dict[tuple[int, int], Log] = {}
        start, refusals = int(first), 0
        while start <= last:
            end = min(int(last), start + self._blocks - 1)
            try:
                entries = self._ask({"address": asked, "fromBlock": hex(start), "toBlock": hex(end)})
            except NodeRefused as refused:
                refusals = refusals + 1 if end == start else 0
                self._shrink(start, end, refusals, refused)
                continue
            for entry in entries:
                log = self._log(entry)
                if not start <= log.block <= end or log.address not in addresses or entry.get("removed"):
                    raise ChainUnavailable(f"{self._name} sends events that were not asked for: use another node")
                found[log.block, log.index] = log
            start, refusals = end + 1, 0
            self._grow()
        return [found[place] for place in sorted(found)]

    def _shrink(self, start: int, end: int, refusals: int, refused: NodeRefused) -> None:
        if refusals >= SINGLE_TRIES:
            raise ChainError(f"{self._name} gives no events of block {start} ({refused}): use another node")
        if refusals:
            time.sleep(PAUSE_SECONDS * 2 ** (refusals - 1))
        self._blocks, self._answered = max(1, (end - start + 1) // 2), 0

    def _grow(self) -> None:
        self._answered += 1
        if self._answered >= GROW_AFTER:
            self._blocks, self._answered = min(MOST_BLOCKS, 2 * self._blocks), 0

    def _log(self, entry: Any) -> Log:
        try:
            return Log(
                address=bytes.fromhex(entry["address"][2:]),
                topics=tuple(bytes(topic) for topic in entry["topics"]),
                data=bytes(entry["data"]),
                block=BlockNumber(entry["blockNumber"]),
                index=entry["logIndex"],
                transaction=bytes(entry["transactionHash"]),
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ChainUnavailable(f"{self._name} sends events that are none: use another node") from error
