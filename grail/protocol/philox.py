"""Philox-4x32-10 [C]: a counter-based generator, 128-bit counter and 64-bit key to four 32-bit words.

Source: Salmon, Moraes, Dror, Shaw, "Parallel random numbers: as easy as 1, 2, 3", SC 2011. The constants are the
paper's; tests/vectors/philox.json holds Random123's published known answers. Twin of Philox.sol.
"""

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint32]
Integers = NDArray[np.integer]

ROUNDS = 10
MULTIPLIER_0 = np.uint64(0xD2511F53)
MULTIPLIER_1 = np.uint64(0xCD9E8D57)
WEYL_0 = 0x9E3779B9
WEYL_1 = 0xBB67AE85
_LOW = np.uint64(0xFFFFFFFF)
_SHIFT = np.uint64(32)


def philox(
    counter: tuple[Integers | int, ...], key: tuple[Integers | int, Integers | int]
) -> tuple[Words, Words, Words, Words]:
    """Four arrays of words for broadcastable counter words (c0..c3) and key words (k0, k1), all uint32."""
    c0, c1, c2, c3 = (np.asarray(value, dtype=np.uint64) for value in counter)
    k0, k1 = (np.asarray(value, dtype=np.uint64) for value in key)
    for _ in range(ROUNDS):
        p0 = MULTIPLIER_0 * c0
        p1 = MULTIPLIER_1 * c2
        c0, c1, c2, c3 = (p1 >> _SHIFT) ^ c1 ^ k0, p1 & _LOW, (p0 >> _SHIFT) ^ c3 ^ k1, p0 & _LOW
        k0 = (k0 + np.uint64(WEYL_0)) & _LOW
        k1 = (k1 + np.uint64(WEYL_1)) & _LOW
    shape = np.broadcast_shapes(c0.shape, c1.shape, c2.shape, c3.shape)
    w0, w1, w2, w3 = (np.broadcast_to(x, shape).astype(np.uint32) for x in (c0, c1, c2, c3))
    return w0, w1, w2, w3


def key_words(key: bytes) -> tuple[int, int]:
    """Philox key of a 32-byte protocol key: its first 8 bytes as two big-endian words (k0, k1)."""
    return int.from_bytes(key[0:4], "big"), int.from_bytes(key[4:8], "big")


def stream(key: bytes, count: int) -> Words:
    """The first `count` words of a key's stream: counter (block, 0, 0, 0), words in order. Shape (count,)."""
    blocks = np.arange((count + 3) // 4, dtype=np.uint32)
    return np.stack(philox((blocks, 0, 0, 0), key_words(key)), axis=1).reshape(-1)[:count]
