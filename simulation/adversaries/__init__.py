"""One cheat per file: an honest miner's Solve duty with the least change that cheats. For demo and red team."""

from miner.duties.solve import Solve
from simulation.adversaries.best_of_n import BestOfN
from simulation.adversaries.quantized_weights import QuantizedWeights
from simulation.adversaries.reward_forger import RewardForger

ADVERSARIES: dict[str, type[Solve]] = {
    "quantized-weights": QuantizedWeights,
    "best-of-n": BestOfN,
    "reward-forger": RewardForger,
}
