"""Honest tokens, false evidence: sketches and logprobs that no pass of the right model gave."""

import dataclasses

import numpy as np
from numpy.typing import NDArray

from grail.environments.mandates import BeaconMandates
from grail.inference.base import Engine, Generation
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from simulation.adversaries.base import Attack, stored


class OtherSketch(Attack):
    """A sketch that costs nothing."""

    gain = "no hidden states to keep"
    caught_by = frozenset({"sketch"})

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.float16]:
        """The sketch to show, float16 (rows, m) of the place's own shape."""
        raise NotImplementedError

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """Honest but for the sketch."""
        made = super().complete(engine, mandates, groups, size, plan)
        return [dataclasses.replace(g, sketch=self.forge(place, made)) for place, g in enumerate(made)]


class ZeroSketch(OtherSketch):
    """All zeros: what a vacuous check accepts."""

    attack = "sketch-of-zeros"

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.float16]:
        return np.zeros_like(made[place].sketch)


class RandomSketch(OtherSketch):
    """Noise of the right size."""

    attack = "sketch-of-noise"

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.float16]:
        honest = made[place].sketch
        noise = np.random.default_rng(place).normal(size=honest.shape) * honest.std()
        return noise.astype(np.float16)


class NeighboursSketch(OtherSketch):
    """The sketch of the rollout before, for another completion or prompt."""

    attack = "sketch-of-another-rollout"

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.float16]:
        other = made[place - len(made) // 2].sketch
        rows = len(made[place].sketch)
        return np.resize(other, (rows, other.shape[1]))


class LastWindowsSketch(Attack):
    """Projected with last window's matrix."""

    attack = "sketch-of-last-window"
    gain = "no second projection for a replayed completion"
    caught_by = frozenset({"sketch"})

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """Honest but for the projection's seed."""
        stale = SketchPlan(keccak256(plan.seed), plan.dim, plan.stride)
        return super().complete(engine, mandates, groups, size, stale)


class OtherLogprobs(Attack):
    """Logprobs that bend the learner's importance ratio."""

    gain = "more weight in the gradient"
    caught_by = frozenset({"logprobs"})

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.floating]:
        """The logprobs to show, (n,)."""
        raise NotImplementedError

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """Honest but for the logprobs."""
        made = super().complete(engine, mandates, groups, size, plan)
        return [dataclasses.replace(g, logprobs=stored(self.forge(place, made))) for place, g in enumerate(made)]


class ShiftedLogprobs(OtherLogprobs):
    """Two hundredths of a nat lower."""

    attack = "logprobs-shifted"

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.floating]:
        return made[place].logprobs.astype(np.float32) - 0.02


class ClippedLogprobs(OtherLogprobs):
    """Never under -1."""

    attack = "logprobs-clipped"
    residual = "few tokens of a sure model lie under -1: one audit of short completions may see too few of them"

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.floating]:
        return np.maximum(made[place].logprobs, np.float16(-1))


class CopiedLogprobs(OtherLogprobs):
    """Of the rollout before."""

    attack = "logprobs-copied"

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.floating]:
        return np.resize(made[place - 1].logprobs, len(made[place].logprobs))


class CertainLogprobs(OtherLogprobs):
    """All zero: every token was certain."""

    attack = "logprobs-of-zero"

    def forge(self, place: int, made: list[Generation]) -> NDArray[np.floating]:
        return np.zeros_like(made[place].logprobs)
