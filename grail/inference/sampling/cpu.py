"""Seeded sampling as a compiled kernel for the CPU.

One Philox call gives the noise words of four ids. The two logarithms of a noise are taken only for ids that can still
win, told by a bound that vectorises: with c = 2^32 − 1 − r, G ≤ −log((c + 1/2) 2^-32), and the bits of a float32
x = 2^e (1 + m), read as an integer, are 2^23 (127 + e + m), of which e + m ≤ log2 x. Of 49,152 ids some hundred remain.
Nothing is approximated: what the bound leaves out cannot win.
"""

import math
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import torch
from numba import njit
from numpy.typing import NDArray
from torch import Tensor

from grail.protocol.constants import MILLI, NOISE_MIN
from grail.protocol.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS
from grail.protocol.philox import WEYL_0 as _WEYL_0
from grail.protocol.philox import WEYL_1 as _WEYL_1

WEYL_0, WEYL_1 = np.uint64(_WEYL_0), np.uint64(_WEYL_1)
LOW, HIGH = np.uint64(0xFFFFFFFF), np.uint64(32)
ZERO = np.uint64(0)
SIZE = 1_024
"""Ids looked at together: their words and bounds (9 KiB) stay in the first cache."""
NATS_PER_BIT = np.float32(math.log(2) * 2.0**-23)
NATS_AT_ZERO = (32 + 127) * math.log(2)
SLACK = 1e-3
"""Nats, for the rounding of bounds in float32; and in millionths of the score, for that of large ones."""
INLINE = 1 << 16
"""Ids in a batch below which handing work to threads costs more than it saves."""


@njit(nogil=True, cache=True, error_model="numpy")
def _words(first: int, step: int, k0: int, k1: int, out: NDArray[np.uint32]) -> None:
    """out[4 j + w]: word w of the Philox block `first` + j; as many whole blocks as `out` holds."""
    for j in range(out.shape[0] // 4):
        c0, c1, c2, c3 = (np.uint64(first) + np.uint64(j)) & LOW, np.uint64(step), ZERO, ZERO
        a, b = np.uint64(k0), np.uint64(k1)
        for _ in range(ROUNDS):
            p0, p1 = MULTIPLIER_0 * c0, MULTIPLIER_1 * c2
            c0, c1, c2, c3 = (p1 >> HIGH) ^ c1 ^ a, p1 & LOW, (p0 >> HIGH) ^ c3 ^ b, p0 & LOW
            a, b = (a + WEYL_0) & LOW, (b + WEYL_1) & LOW
        out[4 * j], out[4 * j + 1], out[4 * j + 2], out[4 * j + 3] = c0, c1, c2, c3


@njit(nogil=True, cache=True, error_model="numpy")
def _look(
    logits: NDArray[np.float32],
    words: NDArray[np.uint32],
    scale: np.float32,
    least: np.float32,
    complements: NDArray[np.float32],
    can: NDArray[np.uint8],
) -> None:
    """can[i]: whether logits[i] · scale and the most that the noise of words[i] may be could add up to the best score.

    `least`: that score, less what the bound leaves out. `complements`: room for as many numbers.
    """
    bits = complements.view(np.int32)
    for i in range(logits.shape[0]):
        complements[i] = np.float32(np.uint32(LOW) - words[i]) + np.float32(0.5)
    for i in range(logits.shape[0]):
        can[i] = logits[i] * scale - np.float32(bits[i]) * NATS_PER_BIT >= least


@njit(nogil=True, cache=True, error_model="numpy")
def _score(logit: float, temperature_milli: int, word: int) -> float:
    """logit / T + G, float64."""
    uniform = (np.float64(word) + 0.5) * 2.0**-32
    return np.float64(logit) * MILLI / temperature_milli - math.log(-math.log(uniform))


@njit(nogil=True, cache=True, error_model="numpy")
def _rows(
    first: int,
    last: int,
    logits: NDArray[np.float32],
    largest: NDArray[np.float32],
    temperature_milli: int,
    keys: NDArray[np.int64],
    steps: NDArray[np.int64],
    claimed: NDArray[np.int64],
    tokens: NDArray[np.int64],
    best: NDArray[np.float64],
    own: NDArray[np.float64],
) -> None:
    """Rows first … last − 1: the mandated token, its score, and the score of the claimed id."""
    vocabulary = logits.shape[1]
    words, complements = np.empty(SIZE, np.uint32), np.empty(SIZE, np.float32)
    can = np.zeros(SIZE, np.uint8)
    eights = can.view(np.uint64)
    scale = MILLI / temperature_milli
    for row in range(first, last):
        winner, top = vocabulary, np.float64(largest[row]) * MILLI / temperature_milli + NOISE_MIN - SLACK
        for start in range(0, vocabulary, SIZE):
            part = logits[row, start : start + SIZE]
            count = part.shape[0]
            _words(start // 4, steps[row], keys[row, 0], keys[row, 1], words[: (count + 3) // 4 * 4])
            least = top - NATS_AT_ZERO - SLACK - abs(top) * 1e-6
            can[count // 8 * 8 :] = 0
            _look(part, words, np.float32(scale), np.float32(least), complements, can)
            for eight in range((count + 7) // 8):
                if eights[eight] == 0:
                    continue
                for i in range(8 * eight, min(8 * eight + 8, count)):
                    if can[i]:
                        score = _score(part[i], temperature_milli, words[i])
                        if score > top or (winner == vocabulary and score == top):
                            top, winner = score, start + i
        tokens[row], best[row] = winner, top
        _words(claimed[row] // 4, steps[row], keys[row, 0], keys[row, 1], words[:4])
        own[row] = _score(logits[row, claimed[row]], temperature_milli, words[claimed[row] % 4])


@cache
def _pool(threads: int) -> ThreadPoolExecutor:
    return ThreadPoolExecutor(threads, thread_name_prefix="sampler")


def _sample(
    logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor, claimed: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Tokens int64, their scores and the claimed ids' scores float64, (rows,) each; spread over torch's threads."""
    rows = len(logits)
    tokens = torch.empty(rows, dtype=torch.int64)
    best, own = torch.empty(rows, dtype=torch.float64), torch.empty(rows, dtype=torch.float64)
    inputs = [tensor.detach().contiguous().numpy() for tensor in (keys, steps, claimed)]
    outputs = [tensor.numpy() for tensor in (tokens, best, own)]
    table = logits.detach().float().contiguous().numpy()
    threads = 1 if logits.numel() < INLINE else min(torch.get_num_threads(), rows)
    edges = [rows * part // threads for part in range(threads + 1)]
    arguments: tuple[Any, ...] = (table, table.max(axis=1), temperature_milli, *inputs, *outputs)
    if threads == 1:
        _rows(0, rows, *arguments)
    else:
        for part in [_pool(threads).submit(_rows, a, b, *arguments) for a, b in pairwise(edges)]:
            part.result()
    return tokens, best, own


def mandated(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> tuple[Tensor, Tensor]:
    """The token of each row, int64, and its score, float64."""
    tokens, best, _ = _sample(logits, temperature_milli, keys, steps, torch.zeros_like(steps))
    return tokens, best


def margins_of(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor, claimed: Tensor) -> Tensor:
    """Best score minus the claimed id's, float64 (rows,): one function scores both, so exactly 0 where they are one."""
    _, best, own = _sample(logits, temperature_milli, keys, steps, claimed)
    return best - own
