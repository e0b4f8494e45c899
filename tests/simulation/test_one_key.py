"""One key, two places: crashes, restored backups and second machines never make it state two things."""

from dataclasses import replace

import pytest

from grail.chain.signing_history import SigningHistory
from grail.chain.subnet.statements import commitment_of, scores_of
from grail.errors import ChainError, Contradiction
from miner.duties.solve import Solve
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from tests.runtime.test_service import Recorder
from validator.duties.score import CommitScores


@pytest.fixture()
def network(tmp_path):
    return LocalNetwork(LocalnetOptions(windows=3, miners=1, cheats=0, validators=1, groups=4), tmp_path / "run")


def held(network, name, path):
    """Give a node a history, as a process has one; returns the node and what it logs."""
    node = next(s.node for s in network.services if s.node.name == name)
    object.__setattr__(node, "signer", replace(node.signer, history=SigningHistory(path)))
    object.__setattr__(node, "log", Recorder())
    return node


def scope(node):
    return node.subnet._scope(node.signer)


def test_what_was_signed_before_a_crash_is_sent_again_and_no_other(network, tmp_path, monkeypatch):
    """Killed between its signature and the block: more groups are finished by now, and would be another commitment."""
    node = held(network, "miner-1", tmp_path / "signatures.jsonl")
    sent, works = [], []
    send, work = node.subnet._ledger.send, Solve.work

    def lost(signer, function, *values, last=None):
        if function == "commit":
            sent.append(values)
            if len(sent) == 1:
                raise ChainError("the power fails")
        return send(signer, function, *values, last=last)

    def slower_at_first(duty, window, checkpoint, groups, version):
        works.append(groups)
        return work(duty, window, checkpoint, groups - (len(works) == 1), version)

    monkeypatch.setattr(node.subnet._ledger, "send", lost)
    monkeypatch.setattr(Solve, "work", slower_at_first)
    schedule = node.subnet.schedule
    network.mine_to(schedule.start(0) + 1)
    service = next(s for s in network.services if s.node is node)
    service.tick()
    assert node.subnet.commitment(0, node.address) is None
    service.tick()
    assert len(works) == 1 and sent[0] == sent[1]
    assert node.subnet.commitment(0, node.address).n_groups == 3
    with pytest.raises(Contradiction):
        node.subnet.commit(node.signer, replace(node.subnet.commitment(0, node.address), n_groups=4))


def test_a_restored_backup_waits_a_window_out(network, tmp_path):
    miner = held(network, "miner-1", tmp_path / "miner.jsonl")
    validator = held(network, "validator-1", tmp_path / "validator.jsonl")
    assert network.advance().right
    assert miner.signer.history.knows(scope(miner), commitment_of(0))
    assert validator.signer.history.knows(scope(validator), scores_of(0))
    network.mine_to(network.subnet.schedule.start(1))
    for node in (miner, validator):
        node.signer.history.path.unlink()
        held(network, node.name, node.signer.history.path)
        assert node.subnet.begin_statements(node.signer) == 1
    assert network.advance().right
    assert network.subnet.commitments(1) == []
    assert network.advance().right
    assert network.subnet.commitment(2, miner.address) is not None
    assert network.subnet.score_commitment(2, validator.address) is not None


def test_a_second_machine_with_the_same_key_is_noticed(network, tmp_path):
    assert network.advance().right
    miner = held(network, "miner-1", tmp_path / "miner.jsonl")
    validator = held(network, "validator-1", tmp_path / "validator.jsonl")
    assert Solve(miner, 4).run(0)["committed"]
    assert "another machine commits with this key" in miner.log.lines[-1][0]
    assert CommitScores(validator).run(0) is not None
    assert "another machine scores with this key" in validator.log.lines[-1][0]
