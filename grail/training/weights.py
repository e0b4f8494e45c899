"""A model's tensors as one safetensors file whose bytes follow from the tensors alone."""

from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

METADATA = {"format": "pt"}
"""One key: safetensors keeps metadata in a hash map, and two keys would come out in either order."""


def write_weights(model: nn.Module, path: Path, dtype: torch.dtype) -> None:
    """Write every parameter and buffer once, in `dtype`; of tied tensors the first name stays.

    The same tensors give the same bytes, so that the same run gives the same manifest.
    """
    tensors: dict[str, Tensor] = {}
    written: set[int] = set()
    for name, tensor in model.state_dict().items():
        if tensor.data_ptr() not in written:
            written.add(tensor.data_ptr())
            tensors[name] = tensor.detach().to(dtype).contiguous()
    save_file(tensors, str(path), metadata=METADATA)
