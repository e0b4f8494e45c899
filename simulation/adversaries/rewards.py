"""Honest tokens, false rewards."""

from grail.environments.base import RIGHT
from grail.protocol.units import MicroReward
from simulation.adversaries.base import Attack

EVERY = 3


class RewardForger(Attack):
    """Says of every third place that it was right, so as not to stand out."""

    attack = "reward-forger"
    gain = "a name, and weight in the gradient, that it did not earn"
    caught_by = frozenset({"reward"})

    def reward(self, graded: MicroReward, group: int, index: int) -> MicroReward:
        """The graded reward, or a full one at every third place."""
        return RIGHT if (group + index) % EVERY == 0 else graded


class InvertedReward(RewardForger):
    """Says right of what is wrong and wrong of what is right: poison for the learner."""

    attack = "reward-inverted"
    gain = "none but harm"

    def reward(self, graded: MicroReward, group: int, index: int) -> MicroReward:
        """The other reward."""
        return MicroReward(RIGHT - graded)
