"""What a miner can finish before a deadline: its speed and the chain's, measured while it works, kept over restarts."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass

from grail.storage.journal import Journal

KEPT = "pace"
"""The journal's name for it."""
SPARE_PART, SPARE_BLOCKS = 0.1, 3
"""Of the time for commitments, what is left for grading, proofs, storing and the transaction; and the least of it."""
NEW_PART = 0.5
"""Weight of what a window has shown against what was known before."""


@dataclass(frozen=True, slots=True)
class Pace:
    """0 where it is not measured. `blocks_per_second`: of the chain, 0 also where it stands still while we work."""

    seconds_per_group: float = 0.0
    blocks_per_second: float = 0.0

    @classmethod
    def load(cls, journal: Journal, miner: str) -> "Pace":
        """What was measured last."""
        return cls(**(journal.note(miner, KEPT, 0) or {}))

    def save(self, journal: Journal, miner: str) -> None:
        """Keep it."""
        journal.record(miner, KEPT, 0, asdict(self))

    def fits(self, blocks: int) -> int | None:
        """Groups that can be finished within so many blocks; None where it is not known."""
        blocks_per_group = self.seconds_per_group * self.blocks_per_second
        return int(blocks / blocks_per_group) if blocks_per_group else None

    def after(self, seconds_per_group: float, blocks_per_second: float) -> "Pace":
        """With what another window has shown."""
        return Pace(
            _blended(self.seconds_per_group, seconds_per_group), _blended(self.blocks_per_second, blocks_per_second)
        )


def _blended(before: float, new: float) -> float:
    return new if not before else before + NEW_PART * (new - before)


def working_blocks(phase: int) -> int:
    """Of a commit phase, the blocks for generating."""
    return phase - max(SPARE_BLOCKS, round(SPARE_PART * phase))


class Planner:
    """One window's plan: asked before every piece of work, told after it."""

    def __init__(
        self, pace: Pace, head: Callable[[], int], last: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        """`head`: the chain's newest block. `last`: block until which groups must be finished."""
        self._pace = pace
        self._head = head
        self._last = last
        self._clock = clock
        self._began, self._first = clock(), head()
        self._seconds = 0.0
        self._made = 0

    def room(self, wanted: int) -> int:
        """How many of `wanted` groups to make next; 0 to stop. One is always tried."""
        left = self._last - self._head()
        if left <= 0 and self._made:
            return 0
        fits = self.pace.fits(max(0, left))
        return wanted if fits is None else max(min(wanted, fits), 0 if self._made else 1)

    def made(self, groups: int, seconds: float) -> None:
        """So many were finished in so much time."""
        self._made += groups
        self._seconds += seconds

    @property
    def pace(self) -> Pace:
        """With what this window has shown so far."""
        passed = self._clock() - self._began
        if not self._made or not passed:
            return self._pace
        return self._pace.after(self._seconds / self._made, (self._head() - self._first) / passed)
