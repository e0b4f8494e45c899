"""What a submission is paid for [C]: its worth, times what its miner delivered of what it had promised. Twin of
Pledges.sol and SettlementJudge._paid.

Whatever a miner chooses after it knows a window's problems, it is paid, on average over beacons, for no more groups
than it delivered a window before (docs/adr/0021-pledges.md).
"""

from collections.abc import Sequence
from dataclasses import dataclass

from grail.protocol.records import Commitment


@dataclass(frozen=True, slots=True)
class Past:
    """One window that counts: groups pledged for it, and what was committed (None: nothing)."""

    pledged: int
    commitment: Commitment | None

    @property
    def delivered(self) -> int:
        """Groups committed."""
        return self.commitment.n_groups if self.commitment else 0


@dataclass(frozen=True, slots=True)
class Record:
    """A miner before a window. `pledged`: groups for this window; `past`: of the last `reliability_windows` windows
    those in which anybody worked, oldest first."""

    pledged: int
    past: Sequence[Past] = ()

    @property
    def delivered(self) -> int:
        """Groups delivered in the windows that count."""
        return sum(entry.delivered for entry in self.past)

    @property
    def promised(self) -> int:
        """Groups promised in them: at least what is promised now, so that small promises kept earn nothing for a large
        one."""
        return sum(max(entry.pledged, entry.delivered, self.pledged) for entry in self.past)

    def paid(self, worth: int, groups: int) -> int:
        """The part of `worth` that is paid for `groups` groups: nothing for more than were pledged, all of it where
        nobody has worked in any of the windows that count. Rounds down."""
        if groups > self.pledged:
            return 0
        return worth * self.delivered // self.promised if self.promised else worth
