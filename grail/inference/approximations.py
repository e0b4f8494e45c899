"""Cheaper versions of a model: what a cheat would run in its place, and what a validator asks after.

Each function takes a transformers model and returns a copy. Copies share nothing with the original.
"""

import copy
from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor

INT8_GROUP = 64


def quantized(model: Any, bits: int, group: int) -> Any:
    """Every matrix through symmetric round-to-nearest integers of `bits` bits, one scale for `group` weights."""
    top = 2 ** (bits - 1) - 1

    def rounded(weight: Tensor) -> Tensor:
        if weight.shape[1] % group:
            return weight
        blocks = weight.float().reshape(weight.shape[0], -1, group)
        scale = blocks.abs().amax(dim=2, keepdim=True).clamp(min=1e-12) / top
        return ((blocks / scale).round().clamp(-top, top) * scale).reshape(weight.shape)

    return changed(model, rounded)


def in_fp8(values: Tensor) -> Tensor:
    """Through float8 e4m3 with one scale for the tensor, and back."""
    scale = values.abs().amax().float().clamp(min=1e-12) / torch.finfo(torch.float8_e4m3fn).max
    return ((values.float() / scale).to(torch.float8_e4m3fn).float() * scale).to(values.dtype)


def in_int8(values: Tensor) -> Tensor:
    """Through symmetric 8-bit integers with one scale for each last dimension, and back."""
    scale = values.abs().amax(dim=-1, keepdim=True).float().clamp(min=1e-12) / 127
    return ((values.float() / scale).round().clamp(-127, 127) * scale).to(values.dtype)


def with_cache(model: Any, rounding: Callable[[Tensor], Tensor]) -> Any:
    """A copy that caches keys and values only after `rounding`."""
    other = copy.deepcopy(model)
    for name, module in other.named_modules():
        if name.endswith(("k_proj", "v_proj")):
            module.register_forward_hook(lambda _module, _inputs, output: rounding(output))
    return other


def changed(model: Any, change: Callable[[Tensor], Tensor]) -> Any:
    """A copy whose every matrix went through `change`."""
    other = copy.deepcopy(model)
    with torch.no_grad():
        for parameter in other.parameters():
            if parameter.dim() == 2:
                parameter.copy_(change(parameter))
    return other


APPROXIMATIONS: Mapping[str, Callable[[Any], Any]] = {
    "int8": lambda model: quantized(model, 8, INT8_GROUP),
    "fp8": lambda model: changed(model, in_fp8),
}
"""By name: the ones that differ so little that a validator has to ask whom the miner follows."""
