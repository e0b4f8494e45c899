"""Is cheating irrational under the live parameters? The bond inequality b >= 10 g (1 - x) / x of the design.

Reporting only (floats): nothing here decides money.
"""

from dataclasses import dataclass

from grail.governance.policy import Policy
from grail.protocol.constants import BPS

SAFETY_FACTOR = 10.0


@dataclass(frozen=True, slots=True)
class BondMargin:
    """Gain of one fake group and what it risks, in wei; `margin` >= 1 means the inequality holds."""

    gain_per_group: float
    detection: float
    bond_needed: float
    bond: float
    margin: float


def bond_margin(policy: Policy, miners: int, validators: int, groups_each: int) -> BondMargin:
    """Bond against gain when one group of a submission is fake and every audit opens `audit_rollouts` leaves.

    Detection is the chance that at least one of `validators` audits opens a leaf of that group; a fake group's
    every rollout is taken to fail its replay, which is what seed-bound sampling gives.
    """
    pool = policy.emission_per_window * policy.split_miners_bps / BPS
    gain = pool / max(1, miners * groups_each)
    opened = min(1.0, policy.audit_rollouts / (groups_each * policy.group_size))
    one_misses = (1 - opened) ** policy.group_size
    detection = 1 - one_misses**validators
    needed = SAFETY_FACTOR * gain * (1 - detection) / detection if detection else float("inf")
    margin = policy.bond_per_group / needed if needed else float("inf")
    return BondMargin(gain, detection, needed, float(policy.bond_per_group), margin)
