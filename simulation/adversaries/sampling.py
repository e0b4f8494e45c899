"""The right model, another sampler. Logprobs and sketch are genuine; only tokens can tell."""

import torch
from torch import Tensor

from grail.environments.mandates import BeaconMandates
from grail.inference.base import Engine, Generation
from grail.inference.sampling import Mandate, mandated
from grail.inference.sampling.reference import scores
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import MILLI
from miner.duties.solve import requests_for
from simulation.adversaries.base import TOKENS, Attack, twin


class OtherSampler(Attack):
    """Chooses tokens by a rule of its own."""

    caught_by = TOKENS
    gain = "higher rewards, so a better name and more weight in the gradient"

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        """Tokens for logits float32 (rows, vocab), T in 1e-3, Philox keys int64 (rows, 2), steps int64 (rows,)."""
        raise NotImplementedError

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """Honest requests, another chooser."""
        own = twin(engine)
        own.choose = self.choose
        self.eos = own.checkpoint.rules.eos_ids
        self.last_step = own.checkpoint.rules.max_tokens - 1
        return own.generate(requests_for(mandates, groups, size), plan)


class Temperature07(OtherSampler):
    """T = 0.7."""

    attack = "temperature-0.7"
    residual = "some of a hundred tokens differ: an audit of short completions may see too few of them"
    temperature = 0.7

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        return mandated(logits, round(temperature_milli * self.temperature), keys, steps)


class Temperature09(Temperature07):
    """T = 0.9."""

    attack = "temperature-0.9"
    temperature = 0.9


class Temperature097(Temperature07):
    """T = 0.97."""

    attack = "temperature-0.97"
    residual = "one token of a hundred or fewer: it is seen over some thousand tokens"
    temperature = 0.97


class Temperature11(Temperature07):
    """T = 1.1."""

    attack = "temperature-1.1"
    gain = "none: a wrong setting, which must be told from an honest one"
    temperature = 1.1


class TopP(OtherSampler):
    """Nucleus sampling, p = 0.95."""

    attack = "top-p-0.95"
    residual = Temperature07.residual
    share = 0.95

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        ordered, ids = (logits * MILLI / temperature_milli).softmax(dim=1).sort(dim=1, descending=True)
        outside = (ordered.cumsum(dim=1) - ordered) >= self.share
        kept = logits.masked_fill(outside.scatter(1, ids, outside), -torch.inf)
        return mandated(kept, temperature_milli, keys, steps)


class TopK(OtherSampler):
    """The five likeliest tokens only."""

    attack = "top-k-5"
    residual = Temperature07.residual
    kept = 5

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        least = logits.topk(self.kept, dim=1).values[:, -1:]
        return mandated(logits.masked_fill(logits < least, -torch.inf), temperature_milli, keys, steps)


class Greedy(OtherSampler):
    """No noise at all."""

    attack = "greedy"

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        best = logits.max(dim=1)
        return Mandate(best.indices, best.values)


class OtherSeed(OtherSampler):
    """Noise of a key of its own."""

    attack = "other-seed"
    gain = "the first step of every selection"

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        return mandated(logits, temperature_milli, keys ^ 1, steps)


class LateStop(OtherSampler):
    """Never ends before max_tokens: pay is by the token."""

    attack = "late-stop"
    gain = "more tokens, so more pay"

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        going_on = logits.clone()
        rows = steps < self.last_step
        for token in self.eos:
            going_on[rows, token] = -torch.inf
        return mandated(going_on, temperature_milli, keys, steps)


class EndBias(OtherSampler):
    """0.2 nats more for the end."""

    attack = "end-bias-0.2"
    gain = "shorter answers, so less decoding"
    residual = "about one token of a hundred: it is seen over some thousand tokens"
    bias = 0.2

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        biased = logits.clone()
        biased[:, list(self.eos)] += self.bias * temperature_milli / MILLI
        return mandated(biased, temperature_milli, keys, steps)


class RunnerUp(OtherSampler):
    """Takes the second-best token instead of the mandated one, where `steers` says so."""

    within: float
    """Nats: how near it has to be."""

    def steers(self, keys: Tensor, steps: Tensor) -> Tensor:
        """bool, of the shape of `steps`: where it would. Everywhere, unless a kind of it is choosier."""
        return torch.ones_like(steps, dtype=torch.bool)

    def choose(self, logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
        found, best = scores(logits, temperature_milli, keys, steps).topk(2, dim=1)
        steered = ((found[:, 0] - found[:, 1] < self.within) & self.steers(keys, steps)).long()[:, None]
        return Mandate(best.gather(1, steered)[:, 0], found.gather(1, steered)[:, 0])


class NearTieSteering(RunnerUp):
    """Takes the runner-up wherever it is within 0.05 nats."""

    attack = "near-tie-steering-0.05"
    gain = "a say in about one token of a hundred"
    residual = "one token of a hundred: within one audit's flips by chance; it is seen over some thousand tokens"
    within = 0.05


class HairlineSteering(NearTieSteering):
    """Takes the runner-up only where it is within 0.001 nats."""

    attack = "near-tie-steering-0.001"
    gain = "a say in about one token of several thousand"
    within = 0.001
    residual = "as rare as an honest flip may be: the flip count caps it at the calibrated honest rate"
