"""Reorg-safe event reader with a persisted cursor.

Reads decoded events up to the head. What lies above the final block is read again each time, and what is new in it is
given: a replica that lags sends fewer events than there are, and no error. The cursor remembers the hashes of the last
blocks it read to; when one of them has left the chain, the reader steps back to the newest that is still there and says
so, and the caller forgets what came after.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from grail.chain.base import Chain, Head
from grail.chain.contract import ChainEvent, Contract
from grail.chain.reorganisations import still_there
from grail.protocol.units import BlockNumber

REMEMBERED = 64
"""Read positions kept; a reorganisation deeper than all of them restarts from the first block."""
UNSURE = "?"
"""Behind the hash of a position that was not final when it was read to."""

Cursor = dict[int, str]
"""Where reading stands: block → hash in hex of the last positions that were read to."""


class CursorStore(Protocol):
    """Keeps a cursor between processes."""

    def load_cursor(self, name: str) -> Cursor:
        """The stored cursor, empty when new."""
        ...

    def save_cursor(self, name: str, cursor: Cursor) -> None:
        """Keep it."""
        ...


@dataclass(frozen=True, slots=True)
class Batch:
    """Events newly read. When `rewound_to` is set, the caller must first drop all events above that block."""

    events: tuple[ChainEvent, ...]
    rewound_to: int | None


class EventReader:
    """Follows the events of a network's contracts."""

    def __init__(
        self, chain: Chain, contracts: Mapping[str, Contract], first_block: int, store: CursorStore, name: str
    ) -> None:
        self._chain = chain
        self._by_address = {contract.address: contract for contract in contracts.values()}
        self._first = first_block
        self._store = store
        self._name = name
        self._cursor = store.load_cursor(name)
        self._given: set[tuple[int, int]] | None = None
        """Places of events above the last sure position; None until the first read, which gives them all again."""

    def read(self, most: int | None = None) -> Batch:
        """All events up to the head that were not given before, of at most `most` blocks behind what is sure. The
        cursor moves only after a complete read.
        """
        rewound = self._rewind()
        sure = max(
            (block for block, mark in self._cursor.items() if not mark.endswith(UNSURE)), default=self._first - 1
        )
        if self._given is None or rewound is not None:
            unsure = any(block > sure for block in self._cursor)
            rewound = min(sure, rewound if rewound is not None else sure) if unsure or rewound is not None else None
            self._given = set()
        head = self._chain.head()
        if most is not None and head.number > sure + most:
            last = BlockNumber(sure + most)
            head = Head(last, self._chain.block_hash(last))
        final = min(head.number, self._chain.final_block())
        events: list[ChainEvent] = []
        if sure < head.number:
            for log in self._chain.logs(list(self._by_address), BlockNumber(sure + 1), head.number):
                event, place = self._by_address[log.address].event(log), (int(log.block), log.index)
                if event is not None and place not in self._given:
                    events.append(event)
                    self._given.add(place)
            self._mark(sure, final, head.number, head.hash.hex())
        self._given = {place for place in self._given if place[0] > final}
        self._store.save_cursor(self._name, self._cursor)
        return Batch(tuple(events), rewound)

    def _mark(self, sure: int, final: int, head: int, name: str) -> None:
        if sure < final < head:
            self._cursor[final] = self._chain.block_hash(BlockNumber(final)).hex()
        self._cursor[head] = name if head <= final else name + UNSURE
        firm = sorted(block for block, mark in self._cursor.items() if not mark.endswith(UNSURE))
        overtaken = [block for block, mark in self._cursor.items() if mark.endswith(UNSURE) and block <= final]
        for block in [*firm[:-REMEMBERED], *overtaken]:
            del self._cursor[block]

    def _rewind(self) -> int | None:
        """Drop marks that are no longer on the chain; the block to rewind to, or None."""
        marks = {block: mark.removesuffix(UNSURE) for block, mark in self._cursor.items()}
        there, dropped = still_there(self._chain, marks)
        self._cursor = {block: mark for block, mark in self._cursor.items() if block in marks}
        if dropped is None:
            return None
        return self._first - 1 if there is None else there
