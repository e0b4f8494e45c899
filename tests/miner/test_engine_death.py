"""An engine that dies costs a try: it is named, loaded anew, and the window goes on with what is finished."""

import pytest

from grail.errors import EngineLost
from grail.inference.engine_cache import EngineCache
from miner.duties import drafts
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from tests.runtime.test_service import Recorder

FATAL = RuntimeError("CUDA error: device-side assert triggered\nCompile with TORCH_USE_CUDA_DSA")


class Mortal:
    """The real engine, until it is asked once too often."""

    def __init__(self, engine, lives):
        self._engine, self.lives, self.made = engine, lives, 0

    def __getattr__(self, name):
        return getattr(self._engine, name)

    def generate(self, requests, plan, *, greedy=False):
        if not self.lives:
            raise FATAL
        self.lives -= 1
        self.made += len(requests)
        return self._engine.generate(requests, plan, greedy=greedy)


class Devices(EngineCache):
    """Loads engines that live for so many calls, each in its turn."""

    def __init__(self, lives):
        super().__init__("transformers")
        self.left, self.opened = list(lives), []

    def _open(self, checkpoint):
        self.opened.append(Mortal(super()._open(checkpoint), self.left.pop(0)))
        return self.opened[-1]


def miner(tmp_path, devices, monkeypatch):
    monkeypatch.setattr(drafts, "SLICE", 8)
    network = LocalNetwork(LocalnetOptions(windows=1, miners=1, cheats=0, validators=1, groups=4), tmp_path / "run")
    service = next(s for s in network.services if s.node.name == "miner-1")
    log = Recorder()
    object.__setattr__(service.node, "engines", devices)
    object.__setattr__(service.node, "log", log)
    network.mine_to(network.subnet.schedule.start(0) + 1)
    return network, service, log


def test_the_window_goes_on_with_what_was_finished(tmp_path, monkeypatch):
    devices = Devices([1, 9])
    network, service, log = miner(tmp_path, devices, monkeypatch)
    service.tick()
    assert network.subnet.commitments(0) == []
    (told,) = [fields["reason"] for text, fields in log.lines if text == "duty failed"]
    assert "the engine died (RuntimeError: CUDA error: device-side assert triggered): it is loaded anew" in told
    service.tick()
    (entry,) = network.subnet.commitments(0)
    size = network.subnet.policy(0).group_size
    assert entry.n_groups == 4 and sum(engine.made for engine in devices.opened) == 4 * size, "nothing is made twice"


def test_a_device_that_is_lost_ends_the_process_for_a_new_one(tmp_path, monkeypatch):
    network, service, _ = miner(tmp_path, Devices([0, 0, 0]), monkeypatch)
    service.tick()
    service.tick()
    with pytest.raises(EngineLost, match="3 times: does the model fit"):
        service.run(0.01)
    assert network.subnet.commitments(0) == []
