"""Claims rewards that it did not earn: honest tokens, but every third wrong answer is said to be right."""

from grail.environments.base import RIGHT
from grail.protocol.units import MicroReward
from miner.duties.solve import Solve

EVERY = 3


class RewardForger(Solve):
    """Forges part of its rewards, so as not to stand out."""

    def reward(self, graded: MicroReward, group: int, index: int) -> MicroReward:
        """The graded reward, or a full one at every third place."""
        return RIGHT if (group + index) % EVERY == 0 else graded
