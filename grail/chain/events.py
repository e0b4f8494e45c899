"""Reorg-safe event reader with a persisted cursor.

Reads decoded events up to the head, page by page. The cursor remembers the hashes of the last blocks it read to; when
one of them has left the chain, the reader steps back to the newest that is still there and says so, and the caller
forgets what came after.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from grail.chain.base import Chain
from grail.chain.contract import ChainEvent, Contract
from grail.errors import ChainError
from grail.protocol.units import BlockNumber

REMEMBERED = 64
"""Read positions kept; a reorganisation deeper than all of them restarts from the first block."""


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

    def read(self) -> Batch:
        """All events between the cursor and the head. The cursor moves only after a complete read."""
        rewound = self._rewind()
        last = max(self._cursor, default=None)
        start = self._first if last is None else last + 1
        head = self._chain.head()
        events: list[ChainEvent] = []
        if start <= head.number:
            for log in self._chain.logs(list(self._by_address), BlockNumber(start), head.number):
                event = self._by_address[log.address].event(log)
                if event is not None:
                    events.append(event)
            self._cursor[head.number] = head.hash.hex()
            for block in sorted(self._cursor)[:-REMEMBERED]:
                del self._cursor[block]
        self._store.save_cursor(self._name, self._cursor)
        return Batch(tuple(events), rewound)

    def _rewind(self) -> int | None:
        """Drop marks that are no longer on the chain; the block to rewind to, or None."""
        dropped = False
        for block in sorted(self._cursor, reverse=True):
            if self._hash_at(block) == self._cursor[block]:
                return block if dropped else None
            del self._cursor[block]
            dropped = True
        return self._first - 1 if dropped else None

    def _hash_at(self, block: int) -> str | None:
        try:
            return self._chain.block_hash(BlockNumber(block)).hex()
        except ChainError:
            return None
