"""Notices when blocks leave the chain: what was read in them, or done, may be gone.

A node that lags, or does not answer, is no reorganisation: only another hash at a height that was seen is one.
"""

from grail.chain.base import Chain
from grail.errors import ChainError, ChainUnavailable
from grail.protocol.units import BlockNumber

REMEMBERED = 256
"""Heads that were seen; a reorganisation deeper than all of them goes back to before the oldest."""


def still_there(chain: Chain, seen: dict[int, str]) -> tuple[int | None, int | None]:
    """Drop from `seen` (block → hash in hex) what has left the chain: (the newest that is there, the lowest dropped).

    Where the node does not have a block, or not yet, it says nothing of it.
    """
    dropped: int | None = None
    for block in sorted(seen, reverse=True):
        try:
            there = chain.block_hash(BlockNumber(block)).hex()
        except ChainUnavailable:
            raise
        except ChainError:
            continue
        if there == seen[block]:
            return block, dropped
        dropped = block
        del seen[block]
    return None, dropped


class Reorganisations:
    """Looks at the chain's newest blocks."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._seen: dict[int, str] = {}

    def look(self) -> int | None:
        """The last block that is still there, after a reorganisation; None where there was none since the last look."""
        head = self._chain.head()
        there, dropped = still_there(self._chain, self._seen)
        self._seen[head.number] = head.hash.hex()
        for block in sorted(self._seen)[:-REMEMBERED]:
            del self._seen[block]
        if dropped is None:
            return None
        return dropped - 1 if there is None else there
