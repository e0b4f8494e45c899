"""A sequential network: work on each version, then wait for what it leads to; impatience pays nothing."""

import dataclasses

import pytest

from grail.config import TrainingSettings
from grail.protocol.records import Ballot, Role
from grail.protocol.schedule import takes_work
from grail.runtime.node import Node
from grail.runtime.reckon import reckon
from grail.settlement.payouts import Share
from miner.duties.solve import Solve
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions

HELD_BACK = TrainingSettings(alarm_gradient_norm=1e-9)


class Sequential(LocalnetOptions):
    def policy_overrides(self, schedule):
        return super().policy_overrides(schedule) | {"max_staleness": 0}


def network(folder, **told):
    options = dict(windows=3, miners=2, cheats=0, validators=2, groups=4, **told)
    return LocalNetwork(Sequential(**options), folder / "run")


def miners(local):
    return [part for part in local.parts if part.role is Role.MINER]


def test_a_version_is_worked_on_in_every_other_window_from_its_first_on():
    assert [takes_work(w, 4, 0) for w in range(4, 9)] == [True, False, True, False, True]
    assert all(takes_work(w, 4, 1) for w in range(4, 9))


@pytest.mark.slow
def test_where_the_update_lands_in_time_nobody_waits(tmp_path):
    local = network(tmp_path)
    for window in range(3):
        assert local.advance().right
        versions = {local.subnet.commitment(window, part.signer.address).checkpoint_version for part in miners(local)}
        assert versions == {local.subnet.latest_version() - 1}, "everybody on the version that was the newest"
        assert local.journal.note("trainer", "learn", window)["stale"] == 0


def test_where_it_does_not_the_next_window_is_nobodys(tmp_path):
    local = network(tmp_path, training=HELD_BACK)
    assert local.advance().right
    impatient, patient = miners(local)
    rusher = Rusher(local.node_of(impatient))
    schedule = local.subnet.schedule
    local.mine_to(schedule.start(1) + 1)
    rusher.run(1)
    assert local.subnet.commitment(1, impatient.signer.address) is not None, "nothing on the chain forbids it"
    assert local.advance().right
    assert local.journal.note(patient.name, "solve", 1) == {"committed": False}
    assert all(row.window != 1 for row in local.journal.verdicts()), "nobody's time is spent on it"
    claims = [event.fields for event in local.journal.events("Claimed") if event.fields["window"] == 1]
    assert all(fields["share"] in (Share.TRAINER, Share.TREASURY) for fields in claims), "no seat judged it"
    found, entry = reckon(local.subnet, 1), local.subnet.commitment(1, impatient.signer.address)
    sheets = [found.sheets.get(holder, b"") for holder in found.holders(0)]
    local.subnet.contest_silence(impatient.signer, entry, sheets)
    assert local.advance().right
    (case,) = local.subnet.cases()
    assert case.ruling is Ballot.GUILTY, "its seats were right to be silent: a jury pays for it no more than they"
    assert local.subnet.commitment(2, patient.signer.address) is not None, "a trainer that is stuck stops nobody"


class Rusher(Solve):
    def __init__(self, node):
        fields = {field.name: getattr(node, field.name) for field in dataclasses.fields(node)}
        super().__init__(Restless(**fields), 4)


class Restless(Node):
    def takes_work(self, window):
        return True
