"""Verified groups → the flat batch of one pass: rollouts that share a prompt share its tokens.

All tokens stand in one row, without padding: a prompt once and behind it the completions of a group. With prompts
longer than answers, as groups of eight mostly have, that is a fraction of the tokens that rows of one rollout each
would need, and the numbers are the same (`grail.training.attention`).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from grail.protocol.turns import Bridge, observed_tokens, transcript
from grail.training.attention import Layout


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingRollout:
    """One verified rollout: sampled ids int32 (n,), behaviour logprobs float32 (n,) as replayed, reward in reward
    units. `bridges`: what the world said between turns: read, never learnt.
    """

    prompt: NDArray[np.int32]
    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float32]
    reward: float
    bridges: tuple[Bridge, ...] = ()

    @property
    def length(self) -> int:
        """Ids behind the prompt."""
        return len(self.tokens) + observed_tokens(self.bridges)


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
    """ids and places (in their own sequence): int64 (1, tokens). `layout`: which of them make up each sample.

    Sampled tokens, all (sampled,): the flat place whose state predicts each, its id, its logprobs when sampled and
    when the update began, advantage and weight, and the number of its sample.
    """

    ids: Tensor
    places: Tensor
    layout: Layout
    states: Tensor
    targets: Tensor
    behaviour: Tensor
    old: Tensor
    advantages: Tensor
    weights: Tensor
    samples: Tensor
    reference: Tensor | None = None


def collate(rows: Sequence[Sequence[Sample]]) -> TrainingBatch:
    """Rows of samples that share a prompt each (`packed`) → one flat batch; samples are numbered in their order."""
    ids, places, sequences, states = [], [], [], []
    at = 0
    for row in rows:
        prompt = np.arange(at, at + len(row[0].rollout.prompt))
        ids.append(row[0].rollout.prompt)
        places.append(prompt - at)
        at += len(prompt)
        for sample in row:
            written, sampled = transcript(sample.rollout.tokens, sample.rollout.bridges)
            own = np.arange(at, at + len(written))
            ids.append(written)
            places.append(own - at + len(prompt))
            sequences.append(np.concatenate([prompt, own]))
            states.append(sequences[-1][len(prompt) - 1 + sampled])
            at += len(own)
    samples = [sample for row in rows for sample in row]
    counts = torch.tensor([len(sample.rollout.tokens) for sample in samples])
    return TrainingBatch(
        ids=torch.from_numpy(np.concatenate(ids).astype(np.int64))[None],
        places=torch.from_numpy(np.concatenate(places))[None],
        layout=_layout(sequences, at),
        states=torch.from_numpy(np.concatenate(states)),
        targets=torch.from_numpy(np.concatenate([s.rollout.tokens for s in samples]).astype(np.int64)),
        behaviour=_joined([s.rollout.logprobs for s in samples]),
        old=_joined([s.rollout.logprobs if s.old is None else s.old for s in samples]),
        advantages=torch.tensor([s.advantage for s in samples], dtype=torch.float32).repeat_interleave(counts),
        weights=torch.tensor([s.weight for s in samples], dtype=torch.float32).repeat_interleave(counts),
        samples=torch.arange(len(samples)).repeat_interleave(counts),
        reference=_joined([s.reference for s in samples if s.reference is not None])
        if samples[0].reference is not None
        else None,
    )


def _layout(sequences: Sequence[NDArray[np.int64]], tokens: int) -> Layout:
    longest = max(len(sequence) for sequence in sequences)
    table = np.zeros((len(sequences), longest), dtype=np.int64)
    back = np.empty(tokens, dtype=np.int64)
    for number, sequence in enumerate(sequences):
        table[number, : len(sequence)] = sequence
        back[sequence] = number * longest + np.arange(len(sequence))
    return Layout(torch.from_numpy(table), torch.from_numpy(back))


def _joined(values: Sequence[NDArray[np.floating]]) -> Tensor:
    return torch.from_numpy(np.concatenate(values).astype(np.float32))


def packed(samples: Sequence[Sample], most: int) -> list[list[Sample]]:
    """Rows of samples with the same prompt, of at most `most` tokens where one sample is not longer."""
    rows: list[list[Sample]] = []
    last: dict[bytes, list[Sample]] = {}
    for sample in samples:
        row = last.get(sample.rollout.prompt.tobytes())
        if row is None or _length(row) + sample.rollout.length > most:
            row = []
            rows.append(row)
            last[sample.rollout.prompt.tobytes()] = row
        row.append(sample)
    return rows


def micro_batches(samples: Sequence[Sample], most: int) -> list[list[list[Sample]]]:
    """Packed rows, by length, in pieces of at most `most` tokens where one sample is not longer."""
    pieces: list[list[list[Sample]]] = [[]]
    held = 0
    for row in sorted(packed(samples, most), key=_length):
        if pieces[-1] and held + _length(row) > most:
            pieces.append([])
            held = 0
        pieces[-1].append(row)
        held += _length(row)
    return pieces


def _length(row: Sequence[Sample]) -> int:
    return len(row[0].rollout.prompt) + sum(sample.rollout.length for sample in row)
