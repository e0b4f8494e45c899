"""float32 → bfloat16 so that small steps are not lost, the same on every machine."""

import numpy as np
import torch
from torch import Tensor

from grail.protocol.hashing import keccak256


def dithered(tensor: Tensor, name: str) -> Tensor:
    """Rounded up or down at a threshold of each weight's own that never changes; `name`: the tensor's.

    Rounding to the nearest would swallow a step that is small against bfloat16's spacing, for every weight at once: the
    base lies on the grid, so that for many updates miners would sample from weights that have hardly moved while the
    learner's have. With thresholds spread evenly the share of weights that go on a place is the share of the spacing
    that they have gone, and a weight that has not moved stays, so that deltas are small. Thresholds are 16-bit words,
    little-endian, of NumPy's Philox (4 × 64, a stream that NumPy promises not to change) by a key from the name.
    """
    key = int.from_bytes(keccak256(name.encode())[:16], "big")
    words = np.random.Philox(key=key).random_raw(-(-tensor.numel() // 4)).astype("<u8").view("<u2")
    thresholds = torch.from_numpy(words[: tensor.numel()].astype(np.int32)).view(tensor.shape)
    bits = tensor.float().cpu().view(torch.int32)
    return ((bits + thresholds) >> 16).to(torch.int16).view(torch.bfloat16)
