"""Does it pay a validator not to read? The game of auditors, their checkers and miners, under the live parameters.

One player deviates, all others are honest; validators are equal, and none is larger than what its stake must be.
Reporting only: nothing here decides money.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from grail.governance.policy import Policy
from grail.protocol.constants import BPS

JUDGES = 3
"""Validators that it takes to judge an audit: accuser and accused do not."""


@dataclass(frozen=True, slots=True)
class AuditOutlook:
    """One way to play a window; money in wei, exact.

    `detection`: chance that somebody checks what was not read, and accuses. `gain`: what the deviation saves or brings
    where it is not found; for the honest, what a window earns them. `loss`: detection times what a conviction slashes.
    `margin`: loss ÷ ((1 − detection) · gain); above 1 the deviation loses; None where nothing is to be found.
    """

    name: str
    detection: Fraction
    gain: Fraction
    loss: Fraction

    @property
    def margin(self) -> float | None:
        """Loss per gain that is kept; infinite where none is."""
        if not self.loss:
            return None
        kept = (1 - self.detection) * self.gain
        return float(self.loss / kept) if kept else math.inf


@dataclass(frozen=True, slots=True)
class AuditGame:
    """`one_in`: of so many seats as it holds a validator checks one of others'. `cost`: of an audit, as a share of what
    its seat pays."""

    policy: Policy
    miners: int
    validators: int
    one_in: int
    cost: Fraction

    @property
    def pay(self) -> Fraction:
        """What the seats of one validator earn in a window."""
        return Fraction(self.policy.emission_per_window * self.policy.split_validators_bps, BPS * self.validators)

    @property
    def seats(self) -> Fraction:
        """Of one validator in a window, on average."""
        return Fraction(self.miners * self.policy.audit_seats, self.validators)

    @property
    def checks(self) -> int:
        """That one validator makes in a window."""
        return max(1, math.ceil(self.seats / self.one_in))

    @property
    def sentence(self) -> Fraction:
        """What a convicted validator loses, with no more stake than it must have."""
        return Fraction(self.policy.min_stake_validator * self.policy.slash_bps, BPS)

    @property
    def found(self) -> Fraction:
        """Chance that somebody checks a validator in a window: each of the others draws among the others' seats."""
        if self.validators < JUDGES:
            return Fraction(0)
        missed = 1 - Fraction(1, self.validators - 1)
        return 1 - missed ** (self.checks * (self.validators - 1))

    def outlooks(self) -> list[AuditOutlook]:
        """Honest first, then the deviations of auditors, of a pair of a miner and an auditor, and of a checker."""
        audit = self.pay * self.cost
        check = audit / self.seats * self.checks
        honest = self.pay - audit - check
        return [
            AuditOutlook("honest audit", Fraction(0), honest, Fraction(0)),
            AuditOutlook("copy", self.found, audit, self.found * self.sentence),
            AuditOutlook("lazy, reads a third", self.found, audit * Fraction(2, 3), self.found * self.sentence),
            self._collude(audit),
            AuditOutlook("skip checks", Fraction(0), check, Fraction(0)),
        ]

    def _collude(self, audit: Fraction) -> AuditOutlook:
        """A miner fakes all its work and its friend accepts: unfound only where the friend holds every seat, and nobody
        checks it. The miner stakes the bond of its groups."""
        policy = self.policy
        alone = Fraction(1, self.validators) ** policy.audit_seats
        unfound = alone * (1 - self.found)
        work = Fraction(policy.emission_per_window * policy.split_miners_bps, BPS * self.miners)
        bonds = Fraction(policy.bond_per_group * policy.max_groups * policy.slash_bps, BPS)
        return AuditOutlook("collude", 1 - unfound, work + audit, (1 - unfound) * (self.sentence + bonds))

    @property
    def laziness(self) -> Fraction:
        """Share of audits that may be false before a check pays for itself: its cost by what it brings. Checks are not
        paid, so the game has no equilibrium without any laziness; it has one with this much."""
        reward = self.sentence * Fraction(self.policy.slash_accuser_bps, BPS)
        one = self.pay * self.cost / self.seats
        return min(Fraction(1), one / reward) if reward else Fraction(1)
