"""Work is kept group by group: an engine that crashes takes one call's worth along, and nothing is made twice."""

import numpy as np
import pytest

from grail.inference.base import RolloutRequest
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.storage.database import Database
from grail.storage.journal import Journal
from miner.duties import drafts as module
from miner.duties.drafts import Drafts


class Crashing:
    """The real engine, which dies in a given call."""

    def __init__(self, engine, crash_in):
        self.engine, self.left, self.asked = engine, crash_in, []

    def generate(self, requests, plan, *, greedy=False):
        self.left -= 1
        if self.left == 0:
            raise RuntimeError("the device is gone")
        self.asked += [request.key for request in requests]
        return self.engine.generate(requests, plan, greedy=greedy)


@pytest.fixture
def groups(requests):
    return [RolloutRequest(r.prompt, keccak256(r.key + bytes([i]))) for r in requests[:6] for i in range(4)]


@pytest.fixture
def journal(tmp_path):
    return Journal(Database.in_file(tmp_path / "grail.sqlite"))


def alike(one, other):
    return len(one) == len(other) and all(
        a.tokens.tolist() == b.tokens.tolist()
        and a.logprobs.tobytes() == b.logprobs.tobytes()
        and np.array_equal(a.sketch, b.sketch)
        and a.finish == b.finish
        for a, b in zip(one, other, strict=True)
    )


def test_after_a_crash_only_what_is_missing_is_made(engine, groups, plan, journal, monkeypatch):
    monkeypatch.setattr(module, "SLICE", 8)
    dying = Crashing(engine, crash_in=3)
    with pytest.raises(RuntimeError):
        Drafts(journal, "miner").complete(dying, groups, 4, plan)
    assert dying.asked == [request.key for request in groups[:16]]
    again = Crashing(engine, crash_in=-1)
    made = Drafts(journal, "miner").complete(again, groups, 4, plan)
    assert again.asked == [request.key for request in groups[16:]]
    assert alike(made[:16], [g for part in (groups[:8], groups[8:16]) for g in engine.generate(part, plan)])


def test_drafts_of_another_miner_plan_or_key_are_not_found(engine, groups, plan, journal):
    Drafts(journal, "miner").complete(engine, groups[:4], 4, plan)
    other_plan = SketchPlan(keccak256(b"other"), plan.dim, plan.stride)
    for drafts, asked, how in (
        (Drafts(journal, "another"), groups[:4], plan),
        (Drafts(journal, "miner"), groups[4:8], plan),
        (Drafts(journal, "miner"), groups[:4], other_plan),
    ):
        fresh = Crashing(engine, crash_in=-1)
        drafts.complete(fresh, asked, 4, how)
        assert fresh.asked


def test_what_is_committed_is_forgotten(engine, groups, plan, journal):
    drafts = Drafts(journal, "miner")
    drafts.complete(engine, groups[:4], 4, plan)
    drafts.forget()
    fresh = Crashing(engine, crash_in=-1)
    drafts.complete(fresh, groups[:4], 4, plan)
    assert len(fresh.asked) == 4
