"""Which verified groups are trained on: the rest are dropped before they cost anything, and counted by reason."""

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from grail.config import TrainingSettings
from grail.training.batch import TrainingGroup


@dataclass(frozen=True, slots=True)
class Filtered:
    """What is kept, and how many were dropped for which reason."""

    groups: tuple[TrainingGroup, ...]
    dropped: Counter[str]


def choose(groups: Sequence[TrainingGroup], settings: TrainingSettings) -> Filtered:
    """The groups to learn from, in their order.

    Dropped: `no_signal` (equal rewards, hence no
    advantage), `too_easy` (more than `easiest` of the rollouts have the best reward), `too_long` (a completion longer
    than `longest`), `too_many` (of a miner that already gives `miner_share` of what is left, so that nobody dominates).
    """
    dropped: Counter[str] = Counter()
    kept = []
    for group in groups:
        reason = _reason(group, settings)
        if reason:
            dropped[reason] += 1
        else:
            kept.append(group)
    fair = _shared(kept, settings.miner_share)
    dropped["too_many"] += len(kept) - len(fair)
    return Filtered(tuple(fair), +dropped)


def _reason(group: TrainingGroup, settings: TrainingSettings) -> str:
    rewards = [rollout.reward for rollout in group.rollouts]
    if len(set(rewards)) < 2:
        return "no_signal"
    if rewards.count(max(rewards)) > settings.easiest * len(rewards):
        return "too_easy"
    if any(len(rollout.tokens) > settings.longest for rollout in group.rollouts):
        return "too_long"
    return ""


def _shared(groups: Sequence[TrainingGroup], share: float) -> list[TrainingGroup]:
    """At most ceil(share · all) groups of each miner; a miner that is alone dominates nobody."""
    if len({group.miner for group in groups}) < 2:
        return list(groups)
    most, taken, kept = math.ceil(share * len(groups)), Counter[bytes](), []
    for group in groups:
        taken[group.miner] += 1
        if taken[group.miner] <= most:
            kept.append(group)
    return kept
