"""Which verified groups carry signal: the rest are dropped before they cost anything, and counted."""

from collections.abc import Sequence
from dataclasses import dataclass

from grail.training.batch import TrainingGroup


@dataclass(frozen=True, slots=True)
class Filtered:
    """What is kept, and how many were dropped for which reason."""

    groups: tuple[TrainingGroup, ...]
    no_signal: int
    stale: int


def keep_signal(groups: Sequence[TrainingGroup], learner_version: int, max_staleness: int) -> Filtered:
    """Drop groups whose rewards are all equal (zero advantage) and those more than `max_staleness` versions old."""
    fresh = [g for g in groups if 0 <= learner_version - g.checkpoint_version <= max_staleness]
    mixed = [g for g in fresh if len({rollout.reward for rollout in g.rollouts}) > 1]
    return Filtered(tuple(mixed), len(fresh) - len(mixed), len(groups) - len(fresh))
