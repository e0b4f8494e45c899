"""A model's tensors as one safetensors file whose bytes follow from the tensors alone."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from grail.protocol.hashing import keccak256
from grail.training.sharding import whole

METADATA = {"format": "pt"}
"""One key: safetensors keeps metadata in a hash map, and two keys would come out in either order."""


def own_tensors(model: nn.Module, dtype: torch.dtype) -> dict[str, Tensor]:
    """Every parameter and buffer once, in `dtype`, gathered where sharded; of tied tensors the first name stays."""
    tensors: dict[str, Tensor] = {}
    written: set[int] = set()
    for name, tensor in model.state_dict(keep_vars=True).items():
        if id(tensor) not in written:
            written.add(id(tensor))
            full = whole(tensor.detach()).contiguous()
            tensors[name] = dithered(full, name) if dtype is torch.bfloat16 else full.to(dtype)
    return tensors


def dithered(tensor: Tensor, name: str) -> Tensor:
    """float32 → bfloat16, rounded up or down at a threshold of each weight's own that never changes.

    Rounding to the nearest would swallow a step that is small against bfloat16's spacing, for every weight at once: the
    base lies on the grid, so that for many updates miners would sample from weights that have hardly moved while the
    learner's have. With thresholds spread evenly the share of weights that go on a place is the share of the spacing
    that they have gone, and a weight that has not moved stays, so that deltas are small.
    """
    seed = int.from_bytes(keccak256(name.encode())[:7], "big")
    thresholds = torch.randint(
        0, 1 << 16, tensor.shape, dtype=torch.int32, generator=torch.Generator().manual_seed(seed)
    )
    bits = tensor.float().cpu().view(torch.int32)
    return ((bits + thresholds) >> 16).to(torch.int16).view(torch.bfloat16)


def write_weights(tensors: dict[str, Tensor], path: Path) -> None:
    """The same tensors give the same bytes, so that the same run gives the same manifest."""
    save_file(tensors, str(path), metadata=METADATA)
