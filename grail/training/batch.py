"""Verified groups → padded tensors of one minibatch."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRollout:
    """One verified completion: ids int32, behaviour logprobs float32 (n,) as replayed, reward in reward units."""

    prompt: NDArray[np.int32]
    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    reward: float


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingGroup:
    """The verified rollouts of one problem, with the checkpoint version that the engine stamped on them."""

    miner: bytes
    checkpoint_version: int
    rollouts: tuple[TrainingRollout, ...]


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Right-padded rows. ids, mask: int64 (rows, width). places: which position predicts each sampled token, with
    targets int64, behaviour logprobs float32, advantages float32 and the row of each, all (sampled tokens,)."""

    ids: Tensor
    mask: Tensor
    rows: Tensor
    positions: Tensor
    targets: Tensor
    behaviour: Tensor
    advantages: Tensor


def collate(rollouts: Sequence[TrainingRollout], advantages: Sequence[float]) -> TrainingBatch:
    """Pad and index one minibatch."""
    width = max(len(r.prompt) + len(r.tokens) for r in rollouts)
    ids = torch.zeros((len(rollouts), width), dtype=torch.int64)
    mask = torch.zeros_like(ids)
    rows, positions = [], []
    for row, rollout in enumerate(rollouts):
        sequence = np.concatenate([rollout.prompt, rollout.tokens]).astype(np.int64)
        ids[row, : len(sequence)] = torch.from_numpy(sequence)
        mask[row, : len(sequence)] = 1
        rows.append(torch.full((len(rollout.tokens),), row))
        positions.append(torch.arange(len(rollout.prompt) - 1, len(sequence) - 1))
    owners = torch.cat(rows)
    return TrainingBatch(
        ids=ids,
        mask=mask,
        rows=owners,
        positions=torch.cat(positions),
        targets=torch.from_numpy(np.concatenate([r.tokens for r in rollouts]).astype(np.int64)),
        behaviour=torch.from_numpy(np.concatenate([r.logprobs for r in rollouts])),
        advantages=torch.tensor(advantages, dtype=torch.float32)[owners],
    )
