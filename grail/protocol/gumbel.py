"""Seeded sampling [C]: the noise G(key, t, v) and the mandated token (spec section 4), NumPy reference.

`grail.inference.sampler` is the torch twin: same words, same token.
"""

import numpy as np
from numpy.typing import NDArray

from grail.protocol.constants import MILLI, NOISE_MAX
from grail.protocol.philox import Words, key_words, philox


def noise_words(key: bytes, step: int, token_ids: NDArray[np.int64]) -> Words:
    """The 32-bit word behind each id's noise: Philox counter (v // 4, t, 0, 0), word v % 4. Shape of `token_ids`."""
    ids = np.asarray(token_ids, dtype=np.int64)
    words = np.stack(philox((ids // 4, step, 0, 0), key_words(key)))
    return np.take_along_axis(words, (ids % 4)[None, ...], axis=0)[0]


def noise(key: bytes, step: int, token_ids: NDArray[np.int64]) -> NDArray[np.float64]:
    """Gumbel noise G = -log(-log((r + 1/2) 2^-32)), float64, shape of `token_ids`."""
    uniform = (noise_words(key, step, token_ids).astype(np.float64) + 0.5) * 2.0**-32
    return -np.log(-np.log(uniform))


def mandated_token(logits: NDArray[np.float32], key: bytes, step: int, temperature_milli: int) -> int:
    """The one token that the protocol allows at `step`: argmax_v(logits[v] / T + G), ties to the lowest id.

    `logits`: float32 (vocab,). Noise is evaluated only for ids that can still win: those within NOISE_MAX of
    the score that the largest logit already reaches.
    """
    scaled = logits.astype(np.float64) * MILLI / temperature_milli
    leader = np.array([int(np.argmax(scaled))])
    bound = scaled[leader] + noise(key, step, leader) - NOISE_MAX
    candidates = np.flatnonzero(scaled >= bound)
    scores = scaled[candidates] + noise(key, step, candidates)
    return int(candidates[int(np.argmax(scores))])
