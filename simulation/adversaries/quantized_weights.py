"""Samples with 4-bit weights: a quarter of the memory, and cheaper tokens. Gain: the cost of honest weights."""

import copy
from typing import Any

import torch

from grail.environments.mandates import BeaconMandates
from grail.inference.base import Engine, Generation
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from miner.duties.solve import Solve, requests_for

BITS = 4
GROUP = 32


class QuantizedWeights(Solve):
    """Generates, sketch and logprobs included, with symmetric round-to-nearest weights in groups of 32."""

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """Honest requests, another model."""
        assert isinstance(engine, TransformersEngine)
        cheap = copy.copy(engine)
        cheap.use_model(quantized(engine.model, BITS, GROUP))
        return cheap.generate(requests_for(mandates, groups, size), plan)


def quantized(model: Any, bits: int, group: int) -> Any:
    """A copy of the model whose every matrix went through `bits`-bit integers, one scale for `group` weights."""
    twin = copy.deepcopy(model)
    top = 2 ** (bits - 1) - 1
    with torch.no_grad():
        for parameter in twin.parameters():
            if parameter.dim() != 2 or parameter.shape[1] % group:
                continue
            blocks = parameter.float().reshape(parameter.shape[0], -1, group)
            scale = blocks.abs().amax(dim=2, keepdim=True).clamp(min=1e-12) / top
            rounded = (blocks / scale).round().clamp(-top, top) * scale
            parameter.copy_(rounded.reshape(parameter.shape))
    return twin
