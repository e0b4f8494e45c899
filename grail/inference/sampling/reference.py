"""Seeded sampling in plain torch, on any device: the noise of every id, nothing skipped, nothing compiled."""

from typing import NamedTuple

import torch
from torch import Tensor

from grail.protocol.constants import MILLI
from grail.protocol.philox import ROUNDS, WEYL_0, WEYL_1

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_LOW = 0xFFFFFFFF
_HALF = 0xFFFF
PIECE = 1 << 21
"""Ids whose noise is held at once: bounds memory to some 300 MiB, whatever batch and vocabulary are."""


class Mandate(NamedTuple):
    """tokens: int64 (rows,), what must be sampled. scores: float64 (rows,), logits / T + G of that token."""

    tokens: Tensor
    scores: Tensor


def _multiply(factor: int, value: Tensor) -> tuple[Tensor, Tensor]:
    """High and low 32 bits of factor * value; in two halves, because int64 has no room for the product."""
    low = value * (factor & _HALF)
    middle = value * (factor >> 16) + (low >> 16)
    return middle >> 16, ((middle & _HALF) << 16) | (low & _HALF)


def _philox(keys: Tensor, steps: Tensor, blocks: Tensor) -> Tensor:
    """Four words for each counter (block, step, 0, 0): int64 (..., 4), shape of the broadcast arguments.

    keys: int64 (..., 2); steps and blocks: int64.
    """
    c0, c1, c2, c3 = blocks, steps, torch.zeros_like(blocks), torch.zeros_like(blocks)
    k0, k1 = keys[..., 0], keys[..., 1]
    for _ in range(ROUNDS):
        high0, low0 = _multiply(_M0, c0)
        high1, low1 = _multiply(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + WEYL_0) & _LOW, (k1 + WEYL_1) & _LOW
    return torch.stack(torch.broadcast_tensors(c0, c1, c2, c3), dim=-1)


def _gumbel(words: Tensor) -> Tensor:
    """G = -log(-log((r + 1/2) 2^-32)), float64."""
    return -torch.log(-torch.log((words.double() + 0.5) * 2.0**-32))


def noise_words(keys: Tensor, steps: Tensor, ids: Tensor) -> Tensor:
    """The 32-bit word behind each noise, int64 in [0, 2^32). keys (n, 2), steps (n,), ids (n,), all int64."""
    return _philox(keys, steps, ids // 4).gather(1, (ids % 4)[:, None])[:, 0]


def noise(keys: Tensor, steps: Tensor, vocabulary: int) -> Tensor:
    """Gumbel noise of every id, float64 (rows, vocabulary). keys (rows, 2), steps (rows,), int64."""
    blocks = torch.arange(-(-vocabulary // 4), device=keys.device)
    words = _philox(keys[:, None, :], steps[:, None], blocks[None, :])
    return _gumbel(words.flatten(1)[:, :vocabulary])


def scores(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Tensor:
    """logits / T + G, float64 (rows, vocab); logits float32 (rows, vocab)."""
    return logits.double() * MILLI / temperature_milli + noise(keys, steps, logits.shape[1])


def scores_of(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor, ids: Tensor) -> Tensor:
    """logits / T + G of one id in each row, float64 (rows,); ids int64 (rows,)."""
    own = logits.gather(1, ids[:, None])[:, 0].double() * MILLI / temperature_milli
    return own + _gumbel(noise_words(keys, steps, ids))


def mandated(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
    """The token of each row, and its score."""
    rows = max(1, PIECE // logits.shape[1])
    tokens, best = [], []
    for first in range(0, len(logits), rows):
        part = slice(first, first + rows)
        found = scores(logits[part], temperature_milli, keys[part], steps[part])
        best.append(found.amax(dim=1))
        ids = torch.arange(found.shape[1], device=found.device)
        tokens.append(torch.where(found == best[-1][:, None], ids, found.shape[1]).amin(dim=1))
    return Mandate(torch.cat(tokens), torch.cat(best))


def margins_of(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor, claimed: Tensor) -> Tensor:
    """Best score minus the claimed id's, float64 (rows,)."""
    rows = max(1, PIECE // logits.shape[1])
    margins = []
    for first in range(0, len(logits), rows):
        part = slice(first, first + rows)
        found = scores(logits[part], temperature_milli, keys[part], steps[part])
        margins.append(found.amax(dim=1) - found.gather(1, claimed[part][:, None])[:, 0])
    return torch.cat(margins)
