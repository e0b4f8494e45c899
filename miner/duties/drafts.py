"""Completions of a window that is not committed yet, group by group: what an engine that crashes must not take along.

A group is kept under the key of its first rollout, which stands for window, miner, problem, checkpoint and rules: a
draft of anything else is never found.
"""

import io
import time
from collections.abc import Sequence

import numpy as np

from grail.inference.base import Engine, Generation, RolloutRequest
from grail.proofs.sketch import SketchPlan
from grail.storage.journal import Journal
from miner.duties.pace import Planner

SLICE = 256
"""Rollouts of one call of the engine: enough to keep it busy, and the most that a crash costs."""


class Drafts:
    """The finished groups of one miner."""

    def __init__(self, journal: Journal, miner: str) -> None:
        self._journal = journal
        self._miner = miner

    def complete(
        self,
        engine: Engine,
        requests: Sequence[RolloutRequest],
        size: int,
        plan: SketchPlan,
        planner: Planner | None = None,
    ) -> list[Generation]:
        """All completions in the order of the requests, `size` a group; those that an earlier try finished are read.
        With a `planner`: the groups from the first on that are finished in time.
        """
        groups = [requests[first : first + size] for first in range(0, len(requests), size)]
        made = [self._read(group[0].key, plan) for group in groups]
        missing = [number for number, found in enumerate(made) if found is None]
        at_once = max(1, SLICE // size)
        while missing:
            count = min(at_once, len(missing))
            numbers = missing[: count if planner is None else planner.room(count)]
            if not numbers:
                break
            missing, began = missing[len(numbers) :], time.monotonic()
            done = engine.generate([request for number in numbers for request in groups[number]], plan)
            for place, number in enumerate(numbers):
                made[number] = group = done[place * size : (place + 1) * size]
                self._journal.keep_draft(self._miner, groups[number][0].key, _packed(group, plan))
            if planner is not None:
                planner.made(len(numbers), time.monotonic() - began)
        finished = made[: made.index(None)] if None in made else made
        return [generation for group in finished if group is not None for generation in group]

    def forget(self) -> None:
        """Once they are committed."""
        self._journal.forget_drafts(self._miner)

    def _read(self, key: bytes, plan: SketchPlan) -> list[Generation] | None:
        raw = self._journal.draft(self._miner, key)
        return None if raw is None else _unpacked(raw, plan)


def _packed(group: Sequence[Generation], plan: SketchPlan) -> bytes:
    out = io.BytesIO()
    np.savez(
        out,
        counts=np.array([len(made.tokens) for made in group]),
        finish=np.array([made.finish for made in group]),
        plan=np.frombuffer(plan.seed, np.uint8),
        **{name: np.concatenate([getattr(made, name) for made in group]) for name in ("tokens", "logprobs", "sketch")},
    )
    return out.getvalue()


def _unpacked(raw: bytes, plan: SketchPlan) -> list[Generation] | None:
    """None where it was sketched by another plan."""
    with np.load(io.BytesIO(raw), allow_pickle=False) as kept:
        if kept["plan"].tobytes() != plan.seed:
            return None
        ends = np.cumsum(kept["counts"])
        rows = np.cumsum([plan.rows(int(count)) for count in kept["counts"]])
        parts = zip(
            np.split(kept["tokens"], ends[:-1]),
            np.split(kept["logprobs"], ends[:-1]),
            np.split(kept["sketch"], rows[:-1]),
            kept["finish"].tolist(),
            strict=True,
        )
        return [Generation(*part) for part in parts]
