"""Does cheating pay under the live parameters? Expected loss q · S against expected gain (1 − q) · g.

Reporting only (floats): nothing here decides money.
"""

import math
from dataclasses import dataclass
from fractions import Fraction

from grail.governance.policy import Policy
from grail.protocol.constants import BPS

SAFETY_FACTOR = 10.0
"""The margin that the design asks for: parameters, prices and detection are all only roughly known."""


@dataclass(frozen=True, slots=True)
class CheatOutlook:
    """One size of cheating in one window; money in wei.

    `detection`: chance q that some validator's audit proves the fault. `gain`: the pay of the fake groups, an upper
    bound of what faking saves. `loss`: q times what a conviction slashes. `margin`: q · S / ((1 − q) · g); above 1
    cheating loses money, `SAFETY_FACTOR` is what the design asks for.
    """

    fake_groups: int
    detection: float
    gain: float
    loss: float
    margin: float


def cheat_outlook(
    policy: Policy, *, miners: int, groups: int, fake_groups: int, rollouts_needed: int = 1
) -> CheatOutlook:
    """The outlook of a miner who fakes `fake_groups` of its `groups` and stakes no more than their bond.

    Emission is shared by `miners` equal miners. The seats of a submission open different rollouts; they prove the fault
    when they open at least `rollouts_needed` fake ones: one or two, since an audit goes on while its evidence is
    suspicious and so comes to open the rest; `grail redteam` says how many tokens each cheat takes.
    """
    rollouts, fakes = groups * policy.group_size, fake_groups * policy.group_size
    opened = min(policy.audit_seats * policy.audit_rollouts, rollouts)
    missed = sum(
        math.comb(fakes, k) * math.comb(rollouts - fakes, opened - k) for k in range(min(rollouts_needed, opened + 1))
    ) / math.comb(rollouts, opened)
    gain = policy.emission_per_window * policy.split_miners_bps / BPS / miners * fake_groups / groups
    slashed = policy.bond_per_group * groups * policy.slash_bps / BPS
    loss = (1 - missed) * slashed
    return CheatOutlook(fake_groups, 1 - missed, gain, loss, loss / (missed * gain) if missed * gain else math.inf)


def start_up(policy: Policy) -> float:
    """Windows' pay that a new identity forgoes until it is paid in full, delivering all that it pledged from the first
    window on: nothing in the first, 1/R in the second, and so on."""
    return (policy.reliability_windows + 1) / 2


@dataclass(frozen=True, slots=True)
class CommitteeOutlook:
    """What an adversary with this share of the active stake may hope for; exact.

    `p_no_honest_seat`: it holds every seat of a submission, so that nobody drawn accuses (an outsider still may).
    `p_jury_captured`: it holds a majority of a jury. `p_appeal_fails`: it outvotes what honest stake turns out.
    """

    share: Fraction
    seats: int
    p_no_honest_seat: Fraction
    p_jury_captured: Fraction
    p_appeal_fails: Fraction


def committee_outlook(policy: Policy, share: Fraction, turnout: Fraction = Fraction(1, 2)) -> CommitteeOutlook:
    """Seats are drawn apart, each with the adversary's share. `turnout`: of the honest stake, on appeal."""
    seats, jury = policy.audit_seats, policy.jury_seats
    captured = sum(
        (math.comb(jury, n) * share**n * (1 - share) ** (jury - n) for n in range(jury // 2 + 1, jury + 1)), Fraction()
    )
    fails = Fraction(int(share > (1 - share) * turnout))
    return CommitteeOutlook(share, seats, share**seats, captured, fails)
