"""Who audits what [C]: seats of a window's submissions, drawn from the active stake. Twin of SettlementJudge.sol."""

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from itertools import accumulate

from grail.protocol.constants import TAG_COMMITTEE
from grail.protocol.hashing import tagged_hash
from grail.protocol.sortition import point
from grail.protocol.units import Address, Digest

NOBODY = bytes(20)


@dataclass(frozen=True, slots=True)
class Place:
    """One place of the active set before a window: who held it (zero: nobody), and its stake in wei."""

    holder: Address
    stake: int


@dataclass(frozen=True)
class Committee:
    """A window's seats. `line`: all places of the active set, in order; `seats`: of each submission."""

    challenge: Digest
    line: Sequence[Place]
    seats: int
    _drawn: dict[int, list[Address]] = field(default_factory=dict, compare=False, repr=False)

    def holders(self, index: int) -> list[Address]:
        """The holders of submission number `index` (from zero), seat by seat; none where nobody was active."""
        if index not in self._drawn:
            self._drawn[index] = self._draw(index)
        return self._drawn[index]

    def seats_of(self, index: int, validator: Address) -> list[int]:
        """Numbers of a validator's seats in a submission."""
        return [seat for seat, holder in enumerate(self.holders(index)) if holder == validator]

    def _draw(self, index: int) -> list[Address]:
        ends = list(accumulate(place.stake for place in self.line))
        if not ends or ends[-1] == 0:
            return []
        seed = tagged_hash(TAG_COMMITTEE, self.challenge)
        points = (point(seed, index * self.seats + seat, ends[-1]) for seat in range(self.seats))
        return [self.line[bisect_right(ends, found)].holder for found in points]
