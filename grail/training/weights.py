"""A model's tensors as one safetensors file whose bytes follow from the tensors alone."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from grail.inference.dithering import dithered
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


def write_weights(tensors: dict[str, Tensor], path: Path) -> None:
    """The same tensors give the same bytes, so that the same run gives the same manifest."""
    save_file(tensors, str(path), metadata=METADATA)
