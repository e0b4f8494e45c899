"""Replays on a real local cluster of two workers: the same numbers, and nothing lost when a worker is killed."""

import os
import signal
import threading
import time

import numpy as np
import pytest

pytest.importorskip("ray", reason="NOTICE: Ray is missing: tests of replays on a cluster are SKIPPED")

from grail.errors import BadInput, Unavailable
from grail.inference.base import ReplayRequest
from grail.inference.engine_cache import EngineCache
from grail.inference.ray_engine import RayEngine, RayWorkers


@pytest.fixture(scope="module")
def workers():
    return RayWorkers("local", count=2)


@pytest.fixture(scope="module")
def asked(engine, requests, plan):
    made = engine.generate(requests, plan)
    return [ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(requests, made, strict=True)] * 8


def same(found, expected):
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_allclose(one.margins, other.margins, atol=1e-4)
        np.testing.assert_allclose(one.logprobs, other.logprobs, atol=1e-4)
        np.testing.assert_allclose(one.sketch, other.sketch, atol=1e-4)


def test_pieces_come_back_in_order_and_a_killed_worker_loses_nothing(workers, tiny, engine, asked, plan):
    spread = RayEngine(tiny, engine, workers)
    expected = engine.replay(asked, plan)
    same(spread.replay(asked, plan), expected)
    victim = workers.pids()[0]
    found: list = []
    audit = threading.Thread(target=lambda: found.extend(spread.replay(asked * 4, plan)))
    audit.start()
    time.sleep(0.05)
    os.kill(victim, signal.SIGKILL)
    audit.join(120)
    same(found, expected * 4)
    assert victim not in workers.pids(), "a new worker stands in its place"


def test_several_audits_at_once_share_the_workers(workers, tiny, engine, asked, plan):
    spread, found = RayEngine(tiny, engine, workers), {}
    audits = [
        threading.Thread(target=lambda n=n: found.setdefault(n, spread.replay(asked[n : n + 20], plan)))
        for n in range(4)
    ]
    for audit in audits:
        audit.start()
    for audit in audits:
        audit.join(60)
    for n in range(4):
        same(found[n], engine.replay(asked[n : n + 20], plan))


def test_float32_and_errors_are_the_engines_own(workers, tiny, engine, asked, plan):
    spread = RayEngine(tiny, engine, workers).in_float32()
    same(spread.replay(asked[:4], plan), engine.replay(asked[:4], plan))
    wrong = ReplayRequest(asked[0].prompt, asked[0].key, np.array([10**6], dtype=np.int32))
    with pytest.raises(BadInput, match="expected token ids"):
        spread.replay([wrong], plan)


def test_an_engine_cache_with_an_address_spreads_audits(workers, tiny, requests, plan):
    cache = EngineCache("transformers", ray="local")
    spread = cache.engine(tiny)
    assert isinstance(spread, RayEngine) and cache.parallel >= 2
    assert len(spread.generate(requests[:2], plan)) == 2


def test_a_cluster_that_is_not_there_is_named(monkeypatch):
    import ray

    monkeypatch.setattr(ray, "is_initialized", lambda: False)
    with pytest.raises(Unavailable, match="ray start"):
        RayWorkers("127.0.0.1:1")
