"""Verified groups → packed tensors of one minibatch: rollouts that share a prompt share its tokens.

A row holds a prompt once and behind it the completions of a group; each completion sees the prompt and itself. With
prompts longer than answers, as groups of eight mostly have, that is a fraction of the tokens that rows of one rollout
each would need, and the numbers are the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

ROW_TOKENS = 2_048
"""Longest packed row: its attention mask has the square of that."""


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
    environment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """A rollout with what the objective needs of it; `weight`: of each of its tokens.

    `old`: logprobs when the update began, float32 (n,); None where those when it was sampled stand for them.
    `reference`: those of a reference policy, where KL to one is asked for.
    """

    rollout: TrainingRollout
    advantage: float
    weight: float
    old: NDArray[np.float32] | None = None
    reference: NDArray[np.float32] | None = None


@dataclass(frozen=True, slots=True)
class TrainingBatch:
    """Rows: ids and places int64 (rows, width), mask bool (rows, 1, width, width): which column each column sees.

    Sampled tokens, all (tokens,): the row and column whose state predicts each, its id, its logprobs when sampled and
    when the update began, advantage and weight, and the number of its sample. `read`: tokens in the rows.
    """

    ids: Tensor
    places: Tensor
    mask: Tensor
    rows: Tensor
    columns: Tensor
    targets: Tensor
    behaviour: Tensor
    old: Tensor
    advantages: Tensor
    weights: Tensor
    samples: Tensor
    read: int
    reference: Tensor | None = None


def collate(rows: Sequence[Sequence[Sample]]) -> TrainingBatch:
    """Rows of samples that share a prompt each (`packed`) → one batch; samples are numbered in their order."""
    width = max(_length(row) for row in rows)
    ids = torch.zeros((len(rows), width), dtype=torch.int64)
    places = torch.zeros_like(ids)
    mask = torch.eye(width, dtype=torch.bool).repeat(len(rows), 1, 1)  # padding sees itself: no row may see nothing
    owners, columns = [], []
    for number, row in enumerate(rows):
        prompt = torch.from_numpy(row[0].rollout.prompt.astype(np.int64))
        start = len(prompt)
        ids[number, :start], places[number, :start] = prompt, torch.arange(start)
        mask[number, :start, :start] = torch.ones((start, start), dtype=torch.bool).tril()
        at = start
        for sample in row:
            count = len(sample.rollout.tokens)
            part = slice(at, at + count)
            ids[number, part] = torch.from_numpy(sample.rollout.tokens.astype(np.int64))
            places[number, part] = torch.arange(start, start + count)
            mask[number, part, :start] = True
            mask[number, part, part] = torch.ones((count, count), dtype=torch.bool).tril()
            owners.append(torch.full((count,), number))
            columns.append(torch.cat([torch.tensor([start - 1]), torch.arange(at, at + count - 1)]))
            at += count
    samples = [sample for row in rows for sample in row]
    counts = torch.tensor([len(sample.rollout.tokens) for sample in samples])
    return TrainingBatch(
        ids=ids,
        places=places,
        mask=mask[:, None],
        rows=torch.cat(owners),
        columns=torch.cat(columns),
        targets=torch.from_numpy(np.concatenate([s.rollout.tokens for s in samples]).astype(np.int64)),
        behaviour=_joined([s.rollout.logprobs for s in samples]),
        old=_joined([s.rollout.logprobs if s.old is None else s.old for s in samples]),
        advantages=torch.tensor([s.advantage for s in samples], dtype=torch.float32).repeat_interleave(counts),
        weights=torch.tensor([s.weight for s in samples], dtype=torch.float32).repeat_interleave(counts),
        samples=torch.arange(len(samples)).repeat_interleave(counts),
        read=sum(_length(row) for row in rows),
        reference=_joined([s.reference for s in samples if s.reference is not None])
        if samples[0].reference is not None
        else None,
    )


def _joined(values: Sequence[NDArray[np.floating]]) -> Tensor:
    return torch.from_numpy(np.concatenate(values).astype(np.float32))


def packed(samples: Sequence[Sample], *, share: bool) -> list[list[Sample]]:
    """Rows of samples with the same prompt, as long as they may be; of one sample each where nothing is shared."""
    rows: list[list[Sample]] = []
    last: dict[bytes, list[Sample]] = {}
    for sample in samples:
        row = last.get(sample.rollout.prompt.tobytes())
        if row is None or not share or _length(row) + len(sample.rollout.tokens) > ROW_TOKENS:
            row = []
            rows.append(row)
            last[sample.rollout.prompt.tobytes()] = row
        row.append(sample)
    return rows


def micro_batches(rows: Sequence[list[Sample]], most: int) -> list[list[list[Sample]]]:
    """Rows by length, cut so that each piece, padded to its longest row, holds at most `most` tokens."""
    pieces: list[list[list[Sample]]] = [[]]
    for row in sorted(rows, key=_length):
        if pieces[-1] and (len(pieces[-1]) + 1) * _length(row) > most:
            pieces.append([])
        pieces[-1].append(row)
    return pieces


def _length(row: Sequence[Sample]) -> int:
    return len(row[0].rollout.prompt) + sum(len(sample.rollout.tokens) for sample in row)
