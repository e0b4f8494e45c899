"""From worth to wei [C]: how a window's emission is divided. Twin of RewardPool.settle and claim.

Every division rounds down; what is left over, and what nobody earned, is never minted.
"""

from dataclasses import dataclass
from enum import IntEnum

from grail.governance.policy import Policy
from grail.protocol.constants import BPS
from grail.protocol.records import Terms


class Share(IntEnum):
    """Whose part of the emission; the numbers are RewardPool.sol's."""

    MINER = 1
    VALIDATOR = 2
    TRAINER = 3
    TREASURY = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class Budgets:
    """A window's emission in parts (wei), and what miners' and validators' parts are divided by."""

    miners: int
    validators: int
    trainer: int
    treasury: int
    burn: int
    whole: int
    seats: int

    def miner(self, value: int) -> int:
        """What a submission of this worth is paid."""
        return self.miners * value // self.whole if self.whole else 0

    def validator(self, value: int) -> int:
        """What a validator is paid whose seats have judged this much worth."""
        return self.validators * value // (self.whole * self.seats) if self.whole else 0

    def minted(self, terms: Terms) -> int:
        """What is minted at once, the burnt part left out."""
        if self.whole == 0:
            return 0
        return self.miner(terms.due) + self.validator(terms.earned) + self.trainer + self.treasury


def budgets(policy: Policy, emission: int, terms: Terms, *, trainer: bool) -> Budgets:
    """Divide `emission` (wei). `trainer`: the window had a checkpoint, whose publisher is paid."""
    return Budgets(
        miners=emission * policy.split_miners_bps // BPS,
        validators=emission * policy.split_validators_bps // BPS,
        trainer=emission * policy.split_trainer_bps // BPS if trainer else 0,
        treasury=emission * policy.split_treasury_bps // BPS,
        burn=emission * policy.split_burn_bps // BPS if terms.whole else 0,
        whole=terms.whole,
        seats=policy.audit_seats,
    )
