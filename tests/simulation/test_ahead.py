"""What the next window asks for is known, fetched, or said to be lacking while there is time."""

from dataclasses import replace

import pytest

from grail.chain.subnet import EnvironmentMix
from grail.environments.registry import Environments
from grail.protocol.leaf import environment_digest
from grail.runtime.ahead import Ahead, unknown_to
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from tests.runtime.test_service import Recorder


@pytest.fixture()
def network(tmp_path):
    return LocalNetwork(LocalnetOptions(windows=2, miners=1, cheats=0, validators=1, groups=24), tmp_path / "run")


def ahead_of(network, log):
    service = next(s for s in network.services if s.node.name == "miner-1")
    return Ahead(replace(service.node, log=log))


def test_the_next_version_is_fetched_before_its_window(network):
    assert network.advance().right
    subnet = network.subnet
    record = subnet.checkpoint(subnet.latest_version())
    assert record.active_from > 0, "the trainer has published"
    log = Recorder()
    assert ahead_of(network, log).run(0) == {"version": record.version}
    assert not log.lines


def test_what_is_not_known_here_is_said_once_a_window_ahead(network, monkeypatch):
    subnet, log = network.subnet, Recorder()
    mine, known = subnet.latest_environments(), Environments.installed()
    assert unknown_to(subnet, known) == []
    strange = EnvironmentMix(
        (*mine.ids, "of-somebody/1"),
        (*mine.digests, environment_digest("of-somebody/1")),
        (*mine.weights, 1),
        (*mine.rewards, 1_000),
    )
    real = subnet.checkpoint
    monkeypatch.setattr(subnet, "latest_environments", lambda: strange)
    monkeypatch.setattr(subnet, "checkpoint", lambda version: replace(real(version), proof_scheme="of-tomorrow/9"))
    duty = ahead_of(network, log)
    assert duty.run(0) is None and duty.run(0) is None
    told = [text for text, _ in log.lines]
    assert len(told) == 2, "each once"
    assert "of-somebody/1" in told[0] and "of-tomorrow/9, which is not known here: update Grail" in told[1]
    assert all(fields["lacking_for"] == 1 for _, fields in log.lines)
    monkeypatch.undo()
    assert duty.run(0) is not None, "and it goes on once it is there"


def test_a_version_that_nobody_delivers_is_lacking(network, monkeypatch):
    subnet, log = network.subnet, Recorder()
    real = subnet.checkpoint
    lost = bytes(31) + b"\1"
    monkeypatch.setattr(subnet, "checkpoint", lambda v: replace(real(v), fingerprint=lost, manifest=lost))
    assert ahead_of(network, log).run(0) is None
    assert log.lines[0][0].startswith("version 1:")
