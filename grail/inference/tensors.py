"""Small things that several engines do with tensors."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def padded(rows: Sequence[np.ndarray], *, left: bool, device: str) -> tuple[Tensor, Tensor]:
    """Ids and mask of sequences of token ids, int64 (rows, longest)."""
    width = max(len(row) for row in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    for place, row in enumerate(rows):
        part = slice(width - len(row), width) if left else slice(0, len(row))
        ids[place, part] = torch.from_numpy(row.astype(np.int64))
        mask[place, part] = 1
    return ids.to(device), mask.to(device)


def project(states: Tensor, projection: Tensor) -> Tensor:
    """Sketch rows: P h / ‖h‖ in float32, (rows, m). states (rows, hidden), projection (m, hidden)."""
    states = states.float()
    return (states / states.norm(dim=-1, keepdim=True).clamp(min=1e-30)) @ projection.T
