"""Seeded sampling on tensors: the torch twin of `grail.protocol.gumbel` (same words, same token).

Noise is evaluated only for ids that can still win, which is exact: G ≤ NOISE_MAX, so an id whose logit / T is more than
NOISE_MAX below a score already reached cannot be the argmax.
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from grail.protocol.constants import MILLI, NOISE_MAX
from grail.protocol.philox import ROUNDS, WEYL_0, WEYL_1, key_words

_M0, _M1 = 0xD2511F53, 0xCD9E8D57
_LOW = 0xFFFFFFFF
_HALF = 0xFFFF


class Mandate(NamedTuple):
    """tokens: int64 (rows,), what must be sampled. scores: float64 (rows,), logits / T + G of that token."""

    tokens: Tensor
    scores: Tensor


def key_tensor(keys: Sequence[bytes], device: torch.device | str = "cpu") -> Tensor:
    """Philox keys of 32-byte rollout keys: int64 (rows, 2)."""
    return torch.tensor([key_words(key) for key in keys], dtype=torch.int64, device=device)


def _multiply(factor: int, value: Tensor) -> tuple[Tensor, Tensor]:
    """High and low 32 bits of factor * value; in two halves, because int64 has no room for the product."""
    low = value * (factor & _HALF)
    middle = value * (factor >> 16) + (low >> 16)
    return middle >> 16, ((middle & _HALF) << 16) | (low & _HALF)


def noise_words(keys: Tensor, steps: Tensor, ids: Tensor) -> Tensor:
    """The 32-bit word behind each noise, int64 in [0, 2^32). keys (n, 2), steps (n,), ids (n,), all int64."""
    c0, c1, c2, c3 = ids // 4, steps, torch.zeros_like(ids), torch.zeros_like(ids)
    k0, k1 = keys[:, 0], keys[:, 1]
    for _ in range(ROUNDS):
        high0, low0 = _multiply(_M0, c0)
        high1, low1 = _multiply(_M1, c2)
        c0, c1, c2, c3 = high1 ^ c1 ^ k0, low1, high0 ^ c3 ^ k1, low0
        k0, k1 = (k0 + WEYL_0) & _LOW, (k1 + WEYL_1) & _LOW
    words = torch.stack((c0, c1, c2, c3))
    return words.gather(0, (ids % 4)[None])[0]


def noise(keys: Tensor, steps: Tensor, ids: Tensor) -> Tensor:
    """Gumbel noise, float64 (n,), for n (key, step, id) triples."""
    uniform = (noise_words(keys, steps, ids).double() + 0.5) * 2.0**-32
    return -torch.log(-torch.log(uniform))


def scaled_logits(logits: Tensor, temperature_milli: int) -> Tensor:
    """logits / T in float64; `logits` float32 (rows, vocab)."""
    return logits.double() * MILLI / temperature_milli


def mandated(scaled: Tensor, keys: Tensor, steps: Tensor) -> Mandate:
    """The token of each row: scaled float64 (rows, vocab), keys int64 (rows, 2), steps int64 (rows,)."""
    rows = scaled.shape[0]
    leader = scaled.argmax(dim=1)
    reached = scaled.gather(1, leader[:, None])[:, 0] + noise(keys, steps, leader)
    row, ids = torch.nonzero(scaled >= (reached - NOISE_MAX)[:, None], as_tuple=True)
    scores = scaled[row, ids] + noise(keys[row], steps[row], ids)
    best = torch.full((rows,), -torch.inf, dtype=torch.float64, device=scaled.device)
    best = best.scatter_reduce(0, row, scores, "amax")
    winner = scores == best[row]
    tokens = torch.full((rows,), scaled.shape[1], dtype=torch.int64, device=scaled.device)
    tokens = tokens.scatter_reduce(0, row[winner], ids[winner], "amin")
    return Mandate(tokens, best)


def scores_of(scaled: Tensor, keys: Tensor, steps: Tensor, ids: Tensor) -> Tensor:
    """logits / T + G of one given id in each row, float64 (rows,)."""
    return scaled.gather(1, ids[:, None])[:, 0] + noise(keys, steps, ids)
