"""Seeded sampling as Triton kernels: two passes over the logits, nothing of the size of the vocabulary written.

The first pass gives every tile of ids its best score in float32, whose two logarithms an accelerator has in hardware.
The second looks again, in float64, at the few tiles that come within the rounding of float32 of the best, and only what
float64 says matters. So the token is the one of `reference`; its score is left to `reference`, which gives the same
bits for the same id.

Without a GPU the kernels run in Triton's interpreter (TRITON_INTERPRET=1), which is how they are tested.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from grail.protocol.constants import MILLI
from grail.protocol.philox import WEYL_0, WEYL_1

BLOCKS = 256
"""Philox blocks of a tile: four ids each."""
SLACK = 1e-3
"""Nats, and share of 1,000: more than ten times what a score in float32 may be off."""
NOBODY = -1.0e30
_WEYL_0 = tl.constexpr(WEYL_0)
_WEYL_1 = tl.constexpr(WEYL_1)
_NOBODY = tl.constexpr(NOBODY)
_ROUNDS = tl.constexpr(10)


@triton.jit
def _multiply(factor: tl.constexpr, value):
    """High and low word of factor · value."""
    product = value.to(tl.uint64) * factor
    return (product >> 32).to(tl.uint32), product.to(tl.uint32)


@triton.jit
def _words(block, step, key_0, key_1):
    """The four words of Philox blocks (block, step, 0, 0), uint32."""
    c0 = block.to(tl.uint32)
    c1 = tl.zeros_like(c0) + step.to(tl.uint32)
    c2 = tl.zeros_like(c0)
    c3 = tl.zeros_like(c0)
    a = key_0.to(tl.uint32)
    b = key_1.to(tl.uint32)
    for _ in tl.static_range(_ROUNDS):
        high_0, low_0 = _multiply(0xD2511F53, c0)
        high_1, low_1 = _multiply(0xCD9E8D57, c2)
        c0 = high_1 ^ c1 ^ a
        c1 = low_1
        c2 = high_0 ^ c3 ^ b
        c3 = low_0
        a = (a.to(tl.uint64) + _WEYL_0).to(tl.uint32)
        b = (b.to(tl.uint64) + _WEYL_1).to(tl.uint32)
    return c0, c1, c2, c3


@triton.jit
def _rough(logit, scale, word):
    """logit / T + G in float32, for a word given from either end, so that neither is lost in rounding."""
    below = (word.to(tl.float32) + 0.5) * 2.3283064365386963e-10
    above = ((word ^ 0xFFFFFFFF).to(tl.float32) + 0.5) * 2.3283064365386963e-10
    near_one = tl.where(
        above < 1e-3, above + above * above * 0.5 + above * above * above * 0.3333333, -tl.log(1 - above)
    )
    return logit * scale - tl.log(tl.where(below < 0.5, -tl.log(below), near_one))


@triton.jit
def _exact(logit, milli_over, word):
    """logit / T + G in float64."""
    uniform = (word.to(tl.float64) + 0.5) * 2.3283064365386962890625e-10
    return logit.to(tl.float64) * 1000.0 / milli_over - tl.log(-tl.log(uniform))


@triton.jit
def _best_of_tiles(logits, row_stride, keys, steps, best, vocabulary, milli, tiles, SIZE: tl.constexpr):
    """best[row, tile]: the highest score in float32."""
    row, tile = tl.program_id(0), tl.program_id(1)
    block = tile * SIZE + tl.arange(0, SIZE)
    words = _words(block, tl.load(steps + row), tl.load(keys + 2 * row), tl.load(keys + 2 * row + 1))
    scale = 1000.0 / milli
    top = tl.full((SIZE,), _NOBODY, tl.float32)
    for w in tl.static_range(4):
        token = block * 4 + w
        logit = tl.load(logits + row.to(tl.int64) * row_stride + token, mask=token < vocabulary, other=_NOBODY)
        top = tl.maximum(top, tl.where(token < vocabulary, _rough(logit, scale, words[w]), _NOBODY))
    tl.store(best + row * tiles + tile, tl.max(top, axis=0))


@triton.jit
def _winners_of_tiles(
    logits, row_stride, keys, steps, best, floor, scores, tokens,
    vocabulary, milli, tiles, SIZE: tl.constexpr,
):  # fmt: skip
    """scores[row, tile], tokens[row, tile]: the winner in float64, lowest id first; of tiles that reach the floor."""
    row, tile = tl.program_id(0), tl.program_id(1)
    lowest = tl.load(floor + row)
    if tl.load(best + row * tiles + tile) >= lowest:
        block = tile * SIZE + tl.arange(0, SIZE)
        words = _words(block, tl.load(steps + row), tl.load(keys + 2 * row), tl.load(keys + 2 * row + 1))
        top = tl.full((SIZE,), _NOBODY, tl.float64)
        winner = tl.zeros((SIZE,), tl.int64) + vocabulary
        for w in tl.static_range(4):
            token = block * 4 + w
            logit = tl.load(logits + row.to(tl.int64) * row_stride + token, mask=token < vocabulary, other=_NOBODY)
            score = tl.where(token < vocabulary, _exact(logit, milli, words[w]), _NOBODY)
            winner = tl.where(score > top, token.to(tl.int64), winner)
            top = tl.maximum(top, score)
        highest = tl.max(top, axis=0)
        tl.store(scores + row * tiles + tile, highest)
        tl.store(tokens + row * tiles + tile, tl.min(tl.where(top == highest, winner, vocabulary), axis=0))


def mandated(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Tensor:
    """The token of each row, int64 (rows,). As `grail.inference.sampling.mandated`."""
    rows, vocabulary = logits.shape
    tiles = triton.cdiv(vocabulary, 4 * BLOCKS)
    logits, keys, steps = logits.contiguous(), keys.contiguous(), steps.contiguous()
    best = torch.empty((rows, tiles), dtype=torch.float32, device=logits.device)
    told = logits, logits.stride(0), keys, steps, best
    _best_of_tiles[(rows, tiles)](*told, vocabulary, temperature_milli, tiles, SIZE=BLOCKS)
    top = best.amax(dim=1)
    floor = top - SLACK * (1 + top.abs() / MILLI)
    scores = torch.full((rows, tiles), NOBODY, dtype=torch.float64, device=logits.device)
    tokens = torch.full((rows, tiles), vocabulary, dtype=torch.int64, device=logits.device)
    _winners_of_tiles[(rows, tiles)](*told, floor, scores, tokens, vocabulary, temperature_milli, tiles, SIZE=BLOCKS)
    return torch.where(scores == scores.amax(dim=1, keepdim=True), tokens, vocabulary).amin(dim=1)
