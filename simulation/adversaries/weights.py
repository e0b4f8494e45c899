"""Another model than the registered one: cheaper, smaller, older, or badly merged."""

import copy
from typing import Any, ClassVar

import torch
from torch import Tensor

from grail.config import TrainingSettings
from grail.environments.mandates import BeaconMandates
from grail.inference.approximations import changed, in_fp8, quantized, with_cache
from grail.inference.base import Engine, Generation
from grail.proofs.sketch import SketchPlan
from miner.duties.solve import requests_for
from simulation.adversaries.base import REPLAY, TOKENS, Attack, laundered, twin

GROUP = 32
LORA_RANK, LORA_SHARE = 4, 0.02
"""An adapter of this rank whose product is this share of each weight's norm."""


class OtherModel(Attack):
    """Generates with `model` of the registered one; launders sketch and logprobs where `wash` says so."""

    caught_by = REPLAY
    gain = "cheaper tokens"
    wash: ClassVar[bool] = False

    def model(self, model: Any) -> Any:
        """The model to generate with."""
        raise NotImplementedError

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """Honest requests, another model."""
        requests, cheap = requests_for(mandates, groups, size), twin(engine)
        cheap.use_model(self.model(cheap.model))
        made = cheap.generate(requests, plan)
        return laundered(engine, requests, [g.tokens for g in made], plan) if self.wash else made


def steps_away(model: Any, steps: int, rate: float) -> Any:
    """A copy that AdamW moved by real steps on random text: every weight by about `rate` a step, as training does."""
    other = copy.deepcopy(model).train()
    optimizer = torch.optim.AdamW(other.parameters(), lr=rate)
    generator = torch.Generator().manual_seed(0)
    for _ in range(steps):
        ids = torch.randint(0, model.config.vocab_size, (32, 16), generator=generator)
        other(input_ids=ids, labels=ids).loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    return other.eval()


def with_adapter(model: Any, sign: float) -> Any:
    """A copy with a low-rank adapter added (sign 1) to or taken (-1) from every matrix."""
    generator = torch.Generator().manual_seed(1)

    def adapted(weight: Tensor) -> Tensor:
        left = torch.randn(weight.shape[0], LORA_RANK, generator=generator)
        right = torch.randn(LORA_RANK, weight.shape[1], generator=generator)
        product = left @ right
        return weight + sign * LORA_SHARE * weight.norm() / product.norm() * product

    return changed(model, adapted)


class Int4(OtherModel):
    """4-bit weights."""

    attack = "int4-weights"
    bits: ClassVar[int] = 4

    def model(self, model: Any) -> Any:
        return quantized(model, self.bits, GROUP)


class Int6(Int4):
    """6-bit weights."""

    attack = "int6-weights"
    bits = 6


class Int8(Int4):
    """8-bit weights."""

    attack = "int8-weights"
    bits = 8


class Fp8(OtherModel):
    """float8 e4m3 weights."""

    attack = "fp8-weights"

    def model(self, model: Any) -> Any:
        return changed(model, in_fp8)


class WashedInt4(Int4):
    """4-bit tokens under the right model's sketch and logprobs."""

    attack = "int4-laundered"
    caught_by, wash = TOKENS, True


class WashedFp8(Fp8):
    """float8 tokens under the right model's sketch and logprobs."""

    attack = "fp8-laundered"
    caught_by, wash = TOKENS, True
    residual = "a few of a hundred tokens differ: some audits of short completions see too few of them"


class WashedInt8(Int8):
    """8-bit tokens under the right model's sketch and logprobs."""

    attack = "int8-laundered"
    caught_by, wash = TOKENS, True
    residual = "differs in about one token of a thousand: seen by validators that ask after it, in a window or two"


class WashedBf16(OtherModel):
    """Weights rounded to bfloat16, half the memory's bandwidth, under the right model's sketch and logprobs."""

    attack = "bf16-laundered"
    caught_by, wash = TOKENS, True
    residual = "one token of some hundred differs: it is seen over some thousand tokens"

    def model(self, model: Any) -> Any:
        return changed(model, lambda weight: weight.bfloat16().to(weight.dtype))


class Fp8KvCache(OtherModel):
    """Keys and values through float8 before they are cached."""

    attack = "fp8-kv-cache"
    gain = "twice the batch in the same memory"

    def model(self, model: Any) -> Any:
        return with_cache(model, in_fp8)


class SmallerModel(OtherModel):
    """The registered model without its last layer."""

    attack = "smaller-model"

    def model(self, model: Any) -> Any:
        other = copy.deepcopy(model)
        other.base_model.layers = other.base_model.layers[:-1]
        return other


class OtherFineTune(OtherModel):
    """Sixty-four steps elsewhere."""

    attack = "other-fine-tune"
    gain = "rollouts of a model that it has anyway"

    def model(self, model: Any) -> Any:
        return steps_away(model, 64, TrainingSettings().learning_rate)


class Stale(OtherModel):
    """One learner's step behind."""

    attack = "stale-1-step"
    gain = "no download, no reload"
    steps: ClassVar[int] = 1
    rate: ClassVar[float] = TrainingSettings().learning_rate

    def model(self, model: Any) -> Any:
        return steps_away(model, self.steps, self.rate)


class Stale2(Stale):
    """Two steps behind."""

    attack = "stale-2-steps"
    steps = 2


class Stale8(Stale):
    """Eight steps behind."""

    attack = "stale-8-steps"
    steps = 8


class StaleAtTinyRate(Stale):
    """One step behind at the learning rate of large models, 1e-6."""

    attack = "stale-1-step-lr-1e-6"
    rate = 1e-6


class AdapterLeftOff(OtherModel):
    """The registered model without its adapter."""

    attack = "adapter-left-off"
    gain = "one base for several networks"

    def model(self, model: Any) -> Any:
        return with_adapter(model, -1)


class AdapterMergedTwice(OtherModel):
    """The adapter merged into weights that already held it."""

    attack = "adapter-merged-twice"
    gain = "none: a broken set-up, which must be told from an honest one"

    def model(self, model: Any) -> Any:
        return with_adapter(model, 1)
