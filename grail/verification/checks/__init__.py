"""The checks in the order of the spec: whole submissions first. Adding one touches one file and this list."""

from grail.verification.base import Check
from grail.verification.checks.derivation import DerivationCheck
from grail.verification.checks.dialogue import DialogueCheck
from grail.verification.checks.reward import RewardCheck
from grail.verification.checks.structure import StructureCheck

WHOLE_CHECKS: tuple[Check, ...] = (StructureCheck(), DerivationCheck(), DialogueCheck())
"""Run once on the whole submission."""
ROLLOUT_CHECKS: tuple[Check, ...] = (RewardCheck(),)
"""Run on the opened rollouts after their replay: a grader may run a program, and tokens that the model did not say are
no reason to."""
