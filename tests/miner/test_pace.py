"""A miner delivers what it can finish in time, knows how much that is, and promises no more."""

import pytest

from grail.inference.base import RolloutRequest
from grail.protocol.hashing import keccak256
from grail.storage.database import Database
from grail.storage.journal import Journal
from miner.duties import drafts as module
from miner.duties.drafts import Drafts
from miner.duties.pace import Pace, Planner, working_blocks


class World:
    """A clock and a chain that makes a block every `block_seconds`; a group takes `group_seconds`."""

    def __init__(self, block_seconds, group_seconds):
        self.now, self.block_seconds, self.group_seconds, self.calls = 0.0, block_seconds, group_seconds, []

    def clock(self):
        return self.now

    def head(self):
        return int(self.now / self.block_seconds)

    def generate(self, requests, plan, *, greedy=False):
        groups = len(requests) // 4
        self.calls.append(groups)
        self.now += groups * self.group_seconds
        return self.engine.generate(requests, plan, greedy=greedy)


@pytest.fixture
def requests_of(requests):
    return lambda groups: [
        RolloutRequest(requests[i % 6].prompt, keccak256(bytes([i, j]))) for i in range(groups) for j in range(4)
    ]


@pytest.fixture
def journal(tmp_path):
    return Journal(Database.in_file(tmp_path / "grail.sqlite"))


def finished(world, journal, requests, plan, last, pace, monkeypatch):
    """Groups finished, and the pace afterwards."""
    monkeypatch.setattr(module, "SLICE", 16)
    monkeypatch.setattr(module.time, "monotonic", world.clock)
    planner = Planner(pace, world.head, last, world.clock)
    made = Drafts(journal, "miner").complete(world, requests, 4, plan, planner)
    return len(made) // 4, planner.pace


def test_a_slow_miner_makes_a_prefix_in_time_and_knows_its_pace(engine, requests_of, plan, journal, monkeypatch):
    world = World(block_seconds=1.0, group_seconds=2.0)
    world.engine = engine
    groups, pace = finished(world, journal, requests_of(20), plan, 25, Pace(), monkeypatch)
    assert groups == 12 and world.now <= 25, "in pieces of four, the last one as large as the time that is left"
    assert world.calls == [4, 4, 4]
    assert pace.fits(25) == 12
    pace.save(journal, "miner")
    assert Pace.load(journal, "miner") == pace and Pace.load(journal, "another") == Pace()


def test_a_known_pace_stops_before_a_piece_that_would_be_late(engine, requests_of, plan, journal, monkeypatch):
    world = World(block_seconds=1.0, group_seconds=2.0)
    world.engine = engine
    groups, _ = finished(world, journal, requests_of(20), plan, 11, Pace(2.0, 1.0), monkeypatch)
    assert groups == 5 and world.calls == [4, 1]


def test_one_group_is_always_tried_and_a_standing_chain_bounds_nothing(engine, requests_of, plan, journal, monkeypatch):
    world = World(block_seconds=1.0, group_seconds=50.0)
    world.engine = engine
    groups, _ = finished(world, journal, requests_of(3), plan, 10, Pace(50.0, 1.0), monkeypatch)
    assert groups == 1
    still = World(block_seconds=float("inf"), group_seconds=50.0)
    still.engine = engine
    made, pace = finished(still, journal, requests_of(20)[4:], plan, 10, Pace(), monkeypatch)
    assert made == 19 and pace.fits(10) is None


def test_time_is_left_for_proofs_and_the_transaction():
    assert working_blocks(210) == 189 and working_blocks(28) == 25 and working_blocks(8) == 5
