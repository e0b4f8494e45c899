"""Notices when blocks leave the chain: what was read in them, or done, may be gone.

A node that lags, or does not answer, is no reorganisation: only another hash at a height that was seen is one.
"""

from grail.chain.base import Chain
from grail.errors import ChainError, ChainUnavailable
from grail.protocol.units import BlockNumber

REMEMBERED = 256
"""Heads that were seen; a reorganisation deeper than all of them goes back to before the oldest."""


class Reorganisations:
    """Looks at the chain's newest blocks."""

    def __init__(self, chain: Chain) -> None:
        self._chain = chain
        self._seen: dict[int, bytes] = {}

    def look(self) -> int | None:
        """The last block that is still there, after a reorganisation; None where there was none since the last look."""
        head = self._chain.head()
        gone = self._gone()
        self._seen[head.number] = head.hash
        for block in sorted(self._seen)[:-REMEMBERED]:
            del self._seen[block]
        return gone

    def _gone(self) -> int | None:
        dropped: int | None = None
        for block in sorted(self._seen, reverse=True):
            try:
                there = self._chain.block_hash(BlockNumber(block))
            except ChainUnavailable:
                raise
            except ChainError:
                continue  # not there yet: this node lags
            if there == self._seen[block]:
                return None if dropped is None else block
            dropped = block
            del self._seen[block]
        return None if dropped is None else dropped - 1
