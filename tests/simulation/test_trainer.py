"""What a trainer takes from accepted work, what it drops and tells, and what it does not publish."""

import json
from dataclasses import replace

import numpy as np
import pytest

from grail.config import TrainingSettings
from grail.errors import StorageError
from grail.protocol.records import Role
from grail.protocol.units import MICRO
from grail.runtime.submissions import fetch_submission
from grail.storage.file_store import FileStore
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from trainer.duties.collect import Doubt, _verified
from trainer.duties.learn import PUBLISHED, Learn


class Patient(LocalnetOptions):
    """Several tests publish from the same window's work, ever further from the policy that made it."""

    training: TrainingSettings = TrainingSettings(alarm_kl=100.0)

    def policy_overrides(self, schedule):
        return super().policy_overrides(schedule) | {"max_staleness": 8}


OPTIONS = Patient(windows=2, miners=1, cheats=0, validators=1, groups=12)


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    network = LocalNetwork(OPTIONS, tmp_path_factory.mktemp("run") / "run")
    network.advance()
    return network


@pytest.fixture(scope="module")
def node(local):
    return local.node_of(next(part for part in local.parts if part.role is Role.TRAINER))


@pytest.fixture(scope="module")
def work(local, node):
    miner = next(part for part in local.parts if part.role is Role.MINER)
    commitment = node.subnet.commitment(0, miner.signer.address)
    return fetch_submission(node, commitment), node.checkpoint(0)


def changed(submission, group, **fields):
    groups = list(submission.groups)
    rollouts = list(groups[group].rollouts)
    rollouts[-1] = replace(rollouts[-1], **fields)
    groups[group] = replace(groups[group], rollouts=tuple(rollouts))
    return replace(submission, groups=tuple(groups))


def test_honest_work_is_taken_whole_and_carries_its_version(node, work):
    found = list(_verified(node, *work))
    assert len(found) == 12 and {group.checkpoint_version for group, _ in found} == {1}
    assert all(0 <= margin < 0.01 for _, margin in found)


def test_one_bad_token_or_reward_drops_its_group_whole_and_says_which(node, work):
    submission, checkpoint = work
    last = submission.groups[2].rollouts[-1]
    tokens = np.where(np.arange(len(last.tokens)) == 0, (last.tokens + 1) % 10, last.tokens).astype(np.int32)
    forged = changed(submission, 2, tokens=tokens)
    reward = MICRO - forged.groups[4].rollouts[-1].reward_micro
    found = list(_verified(node, changed(forged, 4, reward_micro=reward), checkpoint))
    doubts = [one for one in found if isinstance(one, Doubt)]
    assert [(doubt.group, doubt.check) for doubt in doubts] == [(2, "tokens"), (4, "derivation or reward")]
    assert doubts[0].margin > 0.1 and len(found) == 12


def test_doubts_are_objects_that_validators_can_read(local, node, work, monkeypatch, tmp_path):
    import trainer.duties.collect as collecting

    submission, _ = work
    reward = MICRO - submission.groups[1].rollouts[-1].reward_micro
    monkeypatch.setattr(collecting, "_fetch", lambda *_: changed(submission, 1, reward_micro=reward))
    found = collecting.collect(node, 0, 1)
    assert len(found.groups) == 11
    told = json.loads(node.store.get(bytes.fromhex(found.doubts[0]), 4_096))
    assert (told["group"], told["window"], told["miner"]) == (1, 0, "0x" + submission.miner.hex())


def test_work_that_is_too_old_is_not_even_replayed(node, monkeypatch):
    import trainer.duties.collect as collecting

    monkeypatch.setattr(collecting, "_fetch", None)
    found = collecting.collect(node, 0, 1 + node.subnet.policy(0).max_staleness + 1)
    assert found.groups == () and found.stale == 12


@pytest.fixture
def learn(node, tmp_path, local):
    node.journal.forget(node.name, PUBLISHED, 0)  # each test updates on the same window's work once more
    return Learn(node, tmp_path, OPTIONS.training, "cpu")


def test_a_disk_that_fills_while_publishing_publishes_nothing_and_the_next_try_does(node, learn, monkeypatch):
    before = node.subnet.latest_version()
    put = FileStore.put

    def full(self, data):
        raise StorageError("could not store object (No space left on device): free disk space, then run again")

    monkeypatch.setattr(FileStore, "put", full)
    with pytest.raises(StorageError, match="free disk space"):
        learn.run(0)
    assert node.subnet.latest_version() == before
    monkeypatch.setattr(FileStore, "put", put)
    assert learn.run(0)["updated"]
    assert node.subnet.latest_version() == before + 1
    node.checkpoints.fetch(node.subnet.checkpoint(before + 1))


def test_of_two_trainers_with_the_same_next_version_the_first_wins(local, node, learn, tmp_path, monkeypatch):
    before, publish = node.subnet.latest_version(), node.subnet.publish
    other = Learn(node, tmp_path / "other", OPTIONS.training.model_copy(update={"seed": 1}), "cpu")
    (tmp_path / "other").mkdir()

    def overtaken(signer, record):
        monkeypatch.setattr(node.subnet, "publish", publish)
        assert other.run(0)["updated"]
        publish(signer, record)

    monkeypatch.setattr(node.subnet, "publish", overtaken)
    assert not learn.run(0)["updated"]
    assert node.subnet.latest_version() == before + 1
    assert learn._learner is None, "the next update starts from what the other has published"


def test_an_alarm_holds_the_update_back_and_says_why(node, learn):
    learn._best_margin = 1e6  # as if an earlier version had known the canaries by heart
    before = node.subnet.latest_version()
    note = learn.run(0)
    assert not note["updated"] and "held-out problems lost" in note["alarm"]
    assert node.subnet.latest_version() == before and learn._learner is None


def test_an_update_that_is_on_chain_is_not_made_a_second_time(tmp_path):
    """A crash, or a reorganisation, between publishing and noting it: the groups would count twice."""
    network = LocalNetwork(OPTIONS, tmp_path / "run")
    network.advance()
    node = network.node_of(next(part for part in network.parts if part.role is Role.TRAINER))
    version = node.subnet.latest_version()
    assert version == 2
    node.journal.forget(node.name, "learn", 0)
    again = Learn(node, tmp_path / "again", OPTIONS.training, "cpu").run(0)
    assert again["updated"] and again["fingerprint"] == node.subnet.checkpoint(version).fingerprint.hex()
    assert node.subnet.latest_version() == version
