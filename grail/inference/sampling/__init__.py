"""Seeded sampling on tensors: what `grail.protocol.gumbel` defines, at the speed of the device.

One meaning, three implementations: `cpu` (numba, lazy noise), `cuda` (Triton, two passes) and `reference` (plain torch)
for whatever has neither. They agree in every chosen token; scores differ by the rounding of two logarithms.
"""

from collections.abc import Sequence
from importlib.util import find_spec

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from grail.inference.sampling import reference
from grail.inference.sampling.reference import Mandate
from grail.protocol.constants import LEAST_SPREAD, MILLI, MOST_SPREAD
from grail.protocol.philox import key_words

NEAR = 64
"""Rows whose exponentials are taken at once: so many stay in a CPU's memory without fetching fresh pages."""

__all__ = ["Mandate", "key_tensor", "logprobs_of", "mandated", "margins_of", "spreads_of"]


def key_tensor(keys: Sequence[bytes], device: torch.device | str = "cpu") -> Tensor:
    """Philox keys of 32-byte rollout keys: int64 (rows, 2)."""
    return torch.tensor([key_words(key) for key in keys], dtype=torch.int64, device=device)


def mandated(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
    """The token of each row: argmax_v(logits[v] / T + G(key, step, v)), ties to the lowest id.

    logits: float32 (rows, vocab), no NaN. keys: int64 (rows, 2) from `key_tensor`. steps: int64 (rows,).
    """
    if _is_compiled(logits):
        from grail.inference.sampling import cpu

        return Mandate(*cpu.mandated(logits, temperature_milli, keys, steps))
    if _has_kernel(logits):
        from grail.inference.sampling import cuda

        tokens = cuda.mandated(logits, temperature_milli, keys, steps)
        return Mandate(tokens, reference.scores_of(logits, temperature_milli, keys, steps, tokens))
    return reference.mandated(logits, temperature_milli, keys, steps)


def margins_of(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor, claimed: Tensor) -> Tensor:
    """Best score minus the claimed id's, float64 (rows,) in nats: exactly 0 where the claimed id is the mandated one.

    `claimed`: int64 (rows,); the rest as in `mandated`.
    """
    if _is_compiled(logits):
        from grail.inference.sampling import cpu

        return cpu.margins_of(logits, temperature_milli, keys, steps, claimed)
    if _has_kernel(logits):
        best = mandated(logits, temperature_milli, keys, steps).scores
        return (best - reference.scores_of(logits, temperature_milli, keys, steps, claimed)).clamp(min=0)
    return reference.margins_of(logits, temperature_milli, keys, steps, claimed)


def spreads_of(logits: Tensor, temperature_milli: int) -> Tensor:
    """How far scores lie apart without noise, float32 (rows,) in nats: the mean distance of a row's logits from their
    mean, within LEAST_SPREAD … MOST_SPREAD, divided by T. Rounding moves scores by a share of it.
    """
    found = [(part - part.mean(dim=1, keepdim=True)).abs().mean(dim=1) for part in logits.float().split(NEAR)]
    return torch.cat(found).clamp(LEAST_SPREAD, MOST_SPREAD) * MILLI / temperature_milli


def _is_compiled(logits: Tensor) -> bool:
    return logits.device.type == "cpu" and find_spec("numba") is not None


def _has_kernel(logits: Tensor) -> bool:
    return logits.device.type == "cuda" and find_spec("triton") is not None


def logprobs_of(logits: Tensor, temperature_milli: int, ids: Tensor) -> Tensor:
    """log softmax(logits / T) of one id in each row, float32 (rows,)."""
    scale, found = MILLI / temperature_milli, []
    for part, own in zip(logits.split(NEAR), ids.split(NEAR), strict=True):
        found.append(cross_entropy(part if scale == 1 else part * scale, own, reduction="none"))
    return -torch.cat(found)
