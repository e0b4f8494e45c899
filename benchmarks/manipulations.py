"""What detection.py tries: other weights, caches, samplers, keys, and answers changed afterwards."""

import copy
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from grail.inference.approximations import changed, in_fp8, in_int8, quantized, with_cache
from grail.inference.sampling import Mandate, mandated
from simulation.adversaries.weights import steps_away

Sampler = Callable[[Tensor, int, Tensor, Tensor], Mandate]


@dataclass(frozen=True)
class Manipulation:
    """A cheat: another model, another sampler, other keys, or tokens changed afterwards."""

    name: str
    model: Callable[[Any], Any] | None = None
    sampler: Sampler = mandated
    foreign_keys: bool = False
    edited: int = 0


def manipulations() -> list[Manipulation]:
    """What is tried."""
    return [
        Manipulation("int4 weights", lambda model: quantized(model, 4, 32)),
        Manipulation("fp8 weights", lambda model: changed(model, in_fp8)),
        Manipulation("int8 weights", lambda model: quantized(model, 8, 64)),
        Manipulation("fp8 KV cache", lambda model: with_cache(model, in_fp8)),
        Manipulation("int8 KV cache", lambda model: with_cache(model, in_int8)),
        Manipulation("1 AdamW step stale, lr 1e-6", one_step_stale),
        Manipulation("temperature 0.9", sampler=lambda logits, t, *rest: mandated(logits, round(0.9 * t), *rest)),
        Manipulation("wrong seed", foreign_keys=True),
        Manipulation("edited answer", edited=4),
    ]


def one_step_stale(model: Any) -> Any:
    """Weights one AdamW step at a rate of 1e-6 away, in the model's dtype."""
    dtype = next(model.parameters()).dtype
    return steps_away(model.float() if dtype is torch.float32 else _float_copy(model), 1, 1e-6).to(dtype)


def _float_copy(model: Any) -> Any:
    return copy.deepcopy(model).float()
