"""A network that draws from drand: the first miner calls the round, the next brings it, and all work is honest."""

from contextlib import ExitStack
from functools import partial

import pytest

import simulation.network
from grail.chain.drand import DrandRelays
from grail.protocol.records import Moment, Role
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from tests import drand

OPTIONS = LocalnetOptions(windows=1, miners=2, cheats=0, validators=2, groups=4)


@pytest.fixture
def local(tmp_path, monkeypatch):
    class DrandNetwork(LocalNetwork):
        def node_of(self, part):
            node = super().node_of(part)
            object.__setattr__(node, "drand", DrandRelays(relays))
            return node

    class Options(LocalnetOptions):
        def policy_overrides(self, schedule):
            return super().policy_overrides(schedule) | {"beacon_drand": 1}

    plan = partial(simulation.network.NetworkPlan, drand=drand.network())
    monkeypatch.setattr(simulation.network, "NetworkPlan", plan)
    with ExitStack() as stack:
        relays = [stack.enter_context(drand.relay(answer)) for answer in (drand.liar, drand.honest)]
        yield DrandNetwork(Options(**OPTIONS.model_dump()), tmp_path / "run")


def test_the_window_is_worked_audited_and_sealed(local):
    subnet, schedule = local.subnet, local.subnet.schedule
    local.mine_to(schedule.start(0) + 1)
    miners = [part.signer.address for part in local.parts if part.role is Role.MINER]
    local._tick(Role.MINER)
    assert subnet.drawn(0, Moment.OPEN) is not None, "called by the first, brought by the second, past a lying relay"
    local._tick(Role.MINER)
    assert all(subnet.commitment(0, miner) for miner in miners)
    local.mine_to(schedule.challenge_block(0))
    for _ in range(2):
        local._tick(Role.VALIDATOR)
    assert subnet.challenge(0) is not None
    verdicts = local.journal.verdicts()
    assert {row.miner for row in verdicts} == {"0x" + miner.hex() for miner in miners}
    assert {row.outcome for row in verdicts} == {"accept"}
