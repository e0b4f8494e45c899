"""The checks in the order of the spec, cheap first. Adding one touches one file and this list."""

from grail.verification.base import Check
from grail.verification.checks.derivation import DerivationCheck
from grail.verification.checks.reward import RewardCheck
from grail.verification.checks.structure import StructureCheck

WHOLE_CHECKS: tuple[Check, ...] = (StructureCheck(), DerivationCheck())
"""Run once on the whole submission."""
ROLLOUT_CHECKS: tuple[Check, ...] = (RewardCheck(),)
"""Run on the opened rollouts before they are replayed; the evidence (tokens, logprobs, sketch) follows."""
