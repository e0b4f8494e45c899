"""Continuous batching on a transformers cache: rows join a batch that decodes, and leave it with their last token.

All rows end in the same column, padded on the left. Positions are the tokens' own, whatever their column. A row whose
turn is over leaves with its cache, reads what the world answers in one pass with others that wait, and joins again.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from grail.checkpoints.files import Checkpoint
from grail.inference.base import Generation, Partner, RolloutRequest
from grail.inference.sampling import Mandate, key_tensor, logprobs_of
from grail.inference.tensors import padded, project
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH
from grail.protocol.turns import Bridge, transcript

Chooser = Callable[[Tensor, int, Tensor, Tensor], Mandate]
"""(logits, T in 1e-3, Philox keys, steps) → tokens: `mandated`, in whose place the red team puts others."""


@dataclass
class Batch:
    """Rows that decode. rows: int64 (n,), numbers of requests. steps: int64 (n,), tokens that each has.

    hidden: (n, hidden), the states that the next tokens are sampled from. mask: int64 (n, width).
    """

    cache: DynamicCache
    mask: Tensor
    hidden: Tensor
    rows: Tensor
    steps: Tensor

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def joinable(self) -> bool:
        """Plain attention over everything; windows and recurrent states cannot be put side by side."""
        return all(type(layer) is DynamicLayer for layer in self.cache.layers)

    def keep(self, which: Tensor) -> None:
        """Let go of all rows but these, bool (n,)."""
        places = which.nonzero()[:, 0]
        self.cache.batch_select_indices(places)
        for name in ("mask", "hidden", "rows", "steps"):
            setattr(self, name, getattr(self, name)[places])

    def take(self, which: Tensor) -> "Batch":
        """Another batch of these rows alone, bool (n,); this one keeps them, too."""
        places, cache = which.nonzero()[:, 0], copy.copy(self.cache)
        cache.layers = [copy.copy(layer) for layer in self.cache.layers]
        cache.batch_select_indices(places)
        return Batch(cache, self.mask[places], self.hidden[places], self.rows[places], self.steps[places])

    def join(self, other: "Batch") -> None:
        """Take in the rows of another batch; columns that only padding fills are dropped first."""
        unused = int(self.mask.any(dim=0).int().argmax())
        width = max(self.mask.shape[1] - unused, other.mask.shape[1])
        for mine, theirs in zip(self.cache.layers, other.cache.layers, strict=True):
            for name in ("keys", "values"):
                both = [_padded(getattr(layer, name), width, dim=2) for layer in (mine, theirs)]
                setattr(mine, name, torch.cat(both))
        self.mask = torch.cat([_padded(mask, width, dim=1) for mask in (self.mask, other.mask)])
        for name in ("hidden", "rows", "steps"):
            setattr(self, name, torch.cat([getattr(self, name), getattr(other, name)]))


def _padded(states: Tensor, width: int, dim: int) -> Tensor:
    """The last `width` columns, with zeros before the first where there are fewer."""
    missing = width - states.shape[dim]
    if missing <= 0:
        return states.narrow(dim, -missing, width)
    shape = list(states.shape)
    shape[dim] = missing
    return torch.cat([states.new_zeros(shape), states], dim=dim)


class Model(Protocol):
    """What decoding needs of an engine: a TransformersEngine has it."""

    checkpoint: Checkpoint
    device: str
    choose: Chooser

    @property
    def hidden_size(self) -> int: ...

    def prefill(self, prompts: Sequence[np.ndarray]) -> tuple[DynamicCache, Tensor, Tensor]: ...

    def hidden(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache | None) -> Tensor: ...

    def logits(self, states: Tensor) -> Tensor: ...


@dataclass
class _Talking:
    """A row's dialogue: tokens of the turns that are over, what the world said to them."""

    partner: Partner
    sampled: int = 0
    bridges: list[Bridge] = field(default_factory=list)


def _joined(batch: Batch | None, other: Batch) -> Batch:
    if batch is None:
        return other
    batch.join(other)
    return batch


class Decoder:
    """One call of `generate`: what is still to be done, and what has been made."""

    def __init__(self, engine: Model, requests: Sequence[RolloutRequest], plan: SketchPlan, greedy: bool) -> None:
        self._engine = engine
        self._requests = requests
        self._plan = plan
        self._rules = rules = engine.checkpoint.rules
        device = engine.device
        count, longest = len(requests), rules.max_tokens
        self._keys = key_tensor([request.key for request in requests], device)
        self._projection = torch.from_numpy(plan.matrix(engine.hidden_size)).to(device)
        self._eos = torch.tensor(rules.eos_ids, dtype=torch.int64, device=device)
        self._tokens = torch.zeros((count, longest), dtype=torch.int64, device=device)
        self._logprobs = torch.zeros((count, longest), device=device)
        self._sketches = torch.zeros((count, plan.rows(longest), plan.dim), device=device)
        self._counts = torch.zeros(count, dtype=torch.int64, device=device)
        self._limits = torch.full((count,), longest, dtype=torch.int64, device=device)
        self._greedy = greedy
        self._talks: dict[int, _Talking] = {}

    def _waiting(self) -> list[int]:
        """Requests that are not done, shortest prompt first; their dialogues begin anew."""
        done = self._counts.tolist()
        left = [place for place in range(len(done)) if not done[place]]
        for place in left:
            world = self._requests[place].world
            if world is not None:
                self._talks[place] = _Talking(world.begin())
                self._limits[place] = self._talks[place].partner.limit
        return sorted(left, key=lambda place: (len(self._requests[place].prompt), place))

    @torch.inference_mode()
    def run(self, room: int) -> list[Generation]:
        """Finish everything with at most `room` rows at a time: the completions, in the order of the requests.

        May be called again after it failed: what is done stays done.
        """
        waiting, batch, answered = self._waiting(), None, None
        while waiting or batch or answered:
            held = (len(batch) if batch else 0) + (len(answered) if answered else 0)
            if answered and (batch is None or len(answered) * 4 >= len(batch)):
                batch, answered = _joined(batch, self._heard(answered)), None
            elif waiting and (batch is None or (batch.joinable and held <= room * 3 // 4)):
                taken = waiting[: room - held]
                waiting = waiting[len(taken) :]
                batch = _joined(batch, self._prefilled(taken))
            assert batch is not None
            joinable = batch.joinable
            talking = self._step(batch)
            batch = batch if len(batch) else None
            if talking is not None and joinable:
                answered = _joined(answered, talking)
            elif talking is not None:
                waiting = talking.rows.tolist() + waiting
        return self._made()

    def _prefilled(self, places: Sequence[int]) -> Batch:
        """Rows that begin, or that read their whole dialogue again because their cache cannot join others'."""
        cache, hidden, mask = self._engine.prefill([self._history(place) for place in places])
        rows = torch.tensor(places, device=self._engine.device)
        steps = [self._talks[place].sampled if place in self._talks else 0 for place in places]
        return Batch(cache, mask, hidden, rows, torch.tensor(steps, device=self._engine.device))

    def _history(self, place: int) -> np.ndarray:
        """All that row `place` has read and sampled so far, int32 (n,)."""
        prompt, talk = self._requests[place].prompt, self._talks.get(place)
        if talk is None or not talk.sampled:
            return prompt
        sampled = self._tokens[place, : talk.sampled].cpu().numpy().astype(np.int32)
        return np.concatenate([prompt, transcript(sampled, talk.bridges)[0]])

    def _heard(self, batch: Batch) -> Batch:
        """Rows after they have read the last token of their turn and what the world said to it."""
        last = self._tokens[batch.rows, batch.steps - 1].tolist()
        said = [self._talks[row].bridges[-1].ids for row in batch.rows.tolist()]
        unread = [np.concatenate([[token], ids]) for token, ids in zip(last, said, strict=True)]
        ids, own = padded(unread, left=True, device=self._engine.device)
        batch.mask = torch.cat([batch.mask, own], dim=1)
        positions = (batch.mask.cumsum(1) - 1).clamp(min=0)[:, -ids.shape[1] :]
        batch.hidden = self._engine.hidden(ids, batch.mask, positions, batch.cache)[:, -1]
        return batch

    def _answered(self, row: int, end: int) -> bool:
        """Does the world answer to the turn of row `row` that ends before step `end`?"""
        talk = self._talks.get(row)
        if talk is None:
            return False
        bridge = talk.partner.answer(self._tokens[row, talk.sampled : end].cpu().numpy().astype(np.int32))
        talk.sampled = end
        if bridge is None:
            return False
        talk.bridges.append(Bridge(end, bridge))
        self._limits[row] = end + talk.partner.limit
        return True

    def _step(self, batch: Batch) -> Batch | None:
        """One token for each row; rows whose turn is over leave. Returns those of them that go on talking."""
        rows, steps, temperature = batch.rows, batch.steps, self._rules.temperature_milli
        logits = self._engine.logits(batch.hidden)
        if self._greedy:
            chosen = logits.argmax(dim=1)
        else:
            chosen = self._engine.choose(logits, temperature, self._keys[rows], steps).tokens
        self._tokens[rows, steps] = chosen
        self._logprobs[rows, steps] = logprobs_of(logits, temperature, chosen)
        sketched = steps % self._plan.stride == 0
        self._sketches[rows[sketched], steps[sketched] // self._plan.stride] = project(
            batch.hidden[sketched], self._projection
        )
        ended = torch.isin(chosen, self._eos) | (steps + 1 == self._limits[rows])
        batch.steps, talking = steps + 1, None
        if bool(ended.any()):
            goes_on = torch.zeros_like(ended)
            for place in ended.nonzero()[:, 0].tolist():
                goes_on[place] = self._answered(int(rows[place]), int(steps[place]) + 1)
            over = ended & ~goes_on
            self._counts[rows[over]] = steps[over] + 1
            talking = batch.take(goes_on) if bool(goes_on.any()) else None
            batch.keep(~ended)
            chosen = chosen[~ended]
        if len(batch):
            batch.mask = torch.cat([batch.mask, batch.mask.new_ones(len(batch), 1)], dim=1)
            positions = batch.mask.sum(1, keepdim=True) - 1
            batch.hidden = self._engine.hidden(chosen[:, None], batch.mask, positions, batch.cache)[:, -1]
        return talking

    def _made(self) -> list[Generation]:
        tokens, sketches = self._tokens.cpu().numpy().astype(np.int32), self._sketches.cpu().numpy().astype(np.float16)
        logprobs = np.minimum(self._logprobs.cpu().numpy(), 0).astype(np.float16) + np.float16(0)
        return [
            Generation(
                tokens=tokens[row, :count].copy(),
                logprobs=logprobs[row, :count].copy(),
                sketch=sketches[row, : self._plan.rows(count)].copy(),
                finish=FINISH_EOS if int(tokens[row, count - 1]) in self._rules.eos_ids else FINISH_LENGTH,
                bridges=tuple(self._talks[row].bridges) if row in self._talks else (),
            )
            for row, count in enumerate(self._counts.tolist())
        ]
