"""Seeded sampling as a compiled kernel for the CPU.

One Philox call gives the noise words of four ids; that part is a plain loop over blocks, which the compiler
vectorises. The two logarithms of a noise are taken only for ids that can still win, told by one look into a table: with
c = 2^32 − 1 − r, G ≤ −log((c + 1/2) 2^-32), so an id that lies k or more nats behind the best score so far needs
c ≤ 2^32 e^-k. Of 49,152 ids some twenty remain. Nothing is approximated: what the table leaves out cannot win.
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

from grail.protocol.constants import MILLI, NOISE_MAX
from grail.protocol.philox import MULTIPLIER_0, MULTIPLIER_1, ROUNDS
from grail.protocol.philox import WEYL_0 as _WEYL_0
from grail.protocol.philox import WEYL_1 as _WEYL_1

WEYL_0, WEYL_1 = np.uint64(_WEYL_0), np.uint64(_WEYL_1)
LOW, HIGH = np.uint64(0xFFFFFFFF), np.uint64(32)
ZERO = np.uint64(0)
WORD = np.int64(0xFFFFFFFF)
BLOCKS = 256
"""Philox calls made at once: their words (4 KiB) stay in the first cache."""
REACH = math.ceil(NOISE_MAX) + 1
"""Nats behind the best score from which no noise can help."""
SLACK = 1e-6
"""Nats, for the rounding of the look that precedes the exact score."""
LARGEST_COMPLEMENT = np.minimum(np.exp(-np.arange(REACH)) * 2.0**32 + 1, 2.0**32 - 1).astype(np.uint32)
INLINE = 1 << 16
"""Ids in a batch below which handing work to threads costs more than it saves."""


@njit(nogil=True, cache=True, error_model="numpy")
def _words(first: int, step: int, k0: int, k1: int, out: NDArray[np.uint32]) -> None:
    """out[w, j]: word w of the Philox block `first` + j."""
    for j in range(out.shape[1]):
        c0, c1, c2, c3 = (np.uint64(first) + np.uint64(j)) & LOW, np.uint64(step), ZERO, ZERO
        a, b = np.uint64(k0), np.uint64(k1)
        for _ in range(ROUNDS):
            p0, p1 = MULTIPLIER_0 * c0, MULTIPLIER_1 * c2
            c0, c1, c2, c3 = (p1 >> HIGH) ^ c1 ^ a, p1 & LOW, (p0 >> HIGH) ^ c3 ^ b, p0 & LOW
            a, b = (a + WEYL_0) & LOW, (b + WEYL_1) & LOW
        out[0, j], out[1, j], out[2, j], out[3, j] = c0, c1, c2, c3


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
    blocks = (vocabulary + 3) // 4
    words = np.empty((4, BLOCKS), np.uint32)
    scale = MILLI / temperature_milli
    for row in range(first, last):
        top, winner = -np.inf, vocabulary
        for block in range(0, blocks, BLOCKS):
            _words(block, steps[row], keys[row, 0], keys[row, 1], words)
            for j in range(min(BLOCKS, blocks - block)):
                for w in range(min(4, vocabulary - 4 * (block + j))):
                    token = 4 * (block + j) + w
                    behind = top - logits[row, token] * scale - SLACK
                    if behind >= 0 and (behind >= REACH or WORD - words[w, j] > LARGEST_COMPLEMENT[int(behind)]):
                        continue
                    score = _score(logits[row, token], temperature_milli, words[w, j])
                    if score > top:
                        top, winner = score, token
        tokens[row], best[row] = winner, top
        _words(claimed[row] // 4, steps[row], keys[row, 0], keys[row, 1], words[:, :1])
        own[row] = _score(logits[row, claimed[row]], temperature_milli, words[claimed[row] % 4, 0])


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
    arguments: tuple[Any, ...] = (table, temperature_milli, *inputs, *outputs)
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
