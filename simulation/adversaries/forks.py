"""One token of a rollout is not the mandated one: all that it takes to change an answer. The rest is genuine."""

from torch import Tensor

from simulation.adversaries.sampling import RunnerUp


class Fork(RunnerUp):
    """Takes the runner-up at the first token of every rollout."""

    attack = "forked"
    gain = "the better of two answers in every rollout"
    every = 1
    within = float("inf")

    def steers(self, keys: Tensor, steps: Tensor) -> Tensor:
        return (steps == 0) & (keys[:, 0] % self.every == 0)


class ForkInFour(Fork):
    """One rollout of four."""

    attack = "forked-1-in-4"
    gain = "the better of two answers in a quarter of the rollouts"
    every = 4


class ForkInEight(Fork):
    """One rollout of eight, and only where the runner-up is within 0.3 nats."""

    attack = "near-tie-fork-1-in-8"
    gain = "a say in a few answers of a hundred"
    residual = "a few rollouts of a hundred: one audit may see one of them, and the second one only over windows"
    every = 8
    within = 0.3
