"""Continuous batching on a transformers cache: rows join a batch that decodes, and leave it with their last token.

All rows end in the same column, padded on the left. Positions are the tokens' own, whatever their column.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from transformers import DynamicCache
from transformers.cache_utils import DynamicLayer

from grail.checkpoints.files import Checkpoint
from grail.inference.base import Generation, RolloutRequest
from grail.inference.sampling import Mandate, key_tensor, logprobs_of
from grail.inference.tensors import project
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH

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
        self._greedy = greedy

    def _waiting(self) -> list[int]:
        """Requests that are not done, shortest prompt first."""
        done = self._counts.tolist()
        left = [place for place in range(len(done)) if not done[place]]
        return sorted(left, key=lambda place: (len(self._requests[place].prompt), place))

    @torch.inference_mode()
    def run(self, room: int) -> list[Generation]:
        """Finish everything with at most `room` rows at a time: the completions, in the order of the requests.

        May be called again after it failed: what is done stays done.
        """
        waiting, batch = self._waiting(), None
        while waiting or batch:
            if waiting and (batch is None or (batch.joinable and len(batch) <= room * 3 // 4)):
                taken = waiting[: room - (len(batch) if batch else 0)]
                waiting = waiting[len(taken) :]
                joining = self._prefilled(taken)
                if batch:
                    batch.join(joining)
                else:
                    batch = joining
            assert batch is not None
            self._step(batch)
            batch = batch if len(batch) else None
        return self._made()

    def _prefilled(self, places: Sequence[int]) -> Batch:
        cache, hidden, mask = self._engine.prefill([self._requests[place].prompt for place in places])
        rows = torch.tensor(places, device=self._engine.device)
        return Batch(cache, mask, hidden, rows, torch.zeros_like(rows))

    def _step(self, batch: Batch) -> None:
        """One token for each row; rows that end leave."""
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
        ended = torch.isin(chosen, self._eos) | (steps + 1 == self._rules.max_tokens)
        self._counts[rows[ended]] = steps[ended] + 1
        batch.steps = steps + 1
        if bool(ended.any()):
            batch.keep(~ended)
            chosen = chosen[~ended]
        if len(batch):
            batch.mask = torch.cat([batch.mask, batch.mask.new_ones(len(batch), 1)], dim=1)
            positions = batch.mask.sum(1, keepdim=True) - 1
            batch.hidden = self._engine.hidden(chosen[:, None], batch.mask, positions, batch.cache)[:, -1]

    def _made(self) -> list[Generation]:
        tokens, sketches = self._tokens.cpu().numpy().astype(np.int32), self._sketches.cpu().numpy().astype(np.float16)
        logprobs = np.minimum(self._logprobs.cpu().numpy(), 0).astype(np.float16) + np.float16(0)
        return [
            Generation(
                tokens=tokens[row, :count].copy(),
                logprobs=logprobs[row, :count].copy(),
                sketch=sketches[row, : self._plan.rows(count)].copy(),
                finish=FINISH_EOS if int(tokens[row, count - 1]) in self._rules.eos_ids else FINISH_LENGTH,
            )
            for row, count in enumerate(self._counts.tolist())
        ]
