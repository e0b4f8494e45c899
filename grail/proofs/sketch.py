"""The sketch [C]: a random ±1/√d projection of the normalised last hidden state (spec section 8).

Knows hidden sizes and seeds; knows no models. NumPy reference of the matrix, from which engines make their own copy.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grail.proofs.rounding import beyond_rounding
from grail.protocol.philox import stream

SCHEME = "sketch/1"


@dataclass(frozen=True, slots=True)
class SketchPlan:
    """How a window is sketched: 32-byte seed, `dim` numbers for every `stride`-th sampled token, from the first.

    `second`: another seed; replays then give `dim` more numbers under its projection, after those under the first.
    """

    seed: bytes
    dim: int
    stride: int
    second: bytes | None = None

    def rows(self, n_tokens: int) -> int:
        """Sketched positions of a completion."""
        return -(-n_tokens // self.stride)

    def matrix(self, hidden_size: int) -> NDArray[np.float32]:
        """P, float32 (dim, hidden_size), entries ±1/√hidden_size; with a `second` seed its P below the first one.

        Row i takes ceil(hidden_size / 32) words of the seed's Philox stream after those of the rows before it;
        entry j is positive where bit j % 32 (least significant first) of word j // 32 is set.
        """
        if self.second is not None:
            halves = (SketchPlan(seed, self.dim, self.stride) for seed in (self.seed, self.second))
            return np.concatenate([half.matrix(hidden_size) for half in halves])
        per_row = -(-hidden_size // 32)
        words = stream(self.seed, self.dim * per_row).reshape(self.dim, per_row)
        bits = (words[:, :, None] >> np.arange(32, dtype=np.uint32)) & np.uint32(1)
        signs = bits.reshape(self.dim, -1)[:, :hidden_size].astype(np.float32) * 2 - 1
        return (signs / np.float32(np.sqrt(hidden_size))).astype(np.float32)


def sketch_errors(replayed: NDArray[np.float32], claimed: NDArray[np.float16]) -> NDArray[np.float64]:
    """Relative squared error ‖P h' − p‖² / ‖P h'‖² of each sketched position, float64 (rows,); of each number counts
    what lies beyond its rounding.
    """
    norm = np.maximum((replayed.astype(np.float64) ** 2).sum(axis=1), 1e-30)
    return (beyond_rounding(claimed, replayed) ** 2).sum(axis=1) / norm
