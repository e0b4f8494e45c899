"""Validators that do not read what they accept are slashed, all of them, and nobody honest is."""

import pytest

from grail.protocol.records import Ballot, FaultKind, Role
from simulation.lazy import LAZY
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from simulation.results import _honest_slashed
from validator.duties import check

WINDOWS = 6


def network_of(folder, **options) -> LocalNetwork:
    values = {"windows": WINDOWS, "miners": 2, "cheats": 1, "validators": 3, "groups": 8, "threads": 1} | options
    return LocalNetwork(LocalnetOptions(**values), folder / "run")


@pytest.mark.parametrize("seed", [pytest.param(0, marks=pytest.mark.slow), 2])
def test_every_kind_of_laziness_is_slashed(tmp_path, seed):
    """Four lazy among seven: more stake than the honest have, but as jurors they read."""
    network = network_of(tmp_path, lazy=tuple(LAZY), cheats=2, attacks=("edited-answer", "greedy"), seed=seed)
    cheats = [part for part in network.parts if part.cheat and part.role is Role.MINER]
    lazy = {part.signer.address: part.name for part in network.parts if part.cheat in LAZY}
    for _ in range(WINDOWS):
        assert network.advance().right
        if all(network.subnet.neuron(address).jailed for address in lazy):
            break
    free = {name for address, name in lazy.items() if not network.subnet.neuron(address).jailed}
    if not accepted_work_of(network, cheats, "lazy-colluding-miner"):
        free -= {"lazy-colluding-miner"}  # it replays, and had no seat in what its friends had done
    assert free == set() and _honest_slashed(network) == ()
    audits = [case for case in network.subnet.cases() if case.kind is FaultKind.AUDIT]
    assert {case.accused for case in audits} <= set(lazy)
    assert {case.ruling for case in audits} == {Ballot.GUILTY}


def accepted_work_of(network: LocalNetwork, miners: list, name: str) -> bool:
    """Does a validator's sheet accept something of them?"""
    validator = next(part.signer.name for part in network.parts if part.name == name)
    names = {"0x" + part.signer.address.hex() for part in miners}
    rows = network.journal.verdicts()
    return any(row.validator == validator and row.miner in names and row.outcome == "accept" for row in rows)


def test_seats_that_honestly_missed_a_cheat_are_left_alone(tmp_path):
    """One rollout in 64 is wrong: seats whose places were honest accept, seats that saw more do not."""
    network = network_of(tmp_path, attacks=("edited-answer-1-in-64",), seed=3)
    for _ in range(3):
        assert network.advance().right
    assert _honest_slashed(network) == ()
    assert all(case.kind is not FaultKind.AUDIT for case in network.subnet.cases())


@pytest.mark.parametrize("back", [False, True], ids=["never", "shown late"])
def test_who_shows_no_report_is_convicted_and_who_shows_it_late_is_not(tmp_path, monkeypatch, back):
    """It is gone once the sheets are shown; shown late: it is there again when somebody accuses. So many checks that
    somebody's secret names it.
    """
    monkeypatch.setattr(check, "ONE_IN", 1)
    network = network_of(tmp_path, miners=4, cheats=0, groups=4)
    hider = next(part for part in network.parts if part.name == "validator-1").signer.address
    mine_to, deadline = network.mine_to, network.subnet.schedule.reveal_deadline(0)
    taken: list[bytes] = []

    def mine_and_hide(block):
        mine_to(block)
        if block < deadline:
            return
        reveal = next(reveal for reveal in network.subnet.reveals(0) if reveal.validator == hider)
        if not network.subnet.cases() and network.store.exists(reveal.report):
            taken.append(network.store.get(reveal.report, 1 << 20))
            network.store.remove(reveal.report)

    accuse = network.subnet.accuse_audit

    def accuse_and_show(*words):
        network.store.put(taken[0])
        return accuse(*words)

    network.mine_to = mine_and_hide
    if back:
        monkeypatch.setattr(network.subnet, "accuse_audit", accuse_and_show)
    for _ in range(4):  # half of the time for accusations passes in the third
        assert network.advance().right
    cases = [case for case in network.subnet.cases() if case.kind is FaultKind.HIDDEN_AUDIT]
    assert cases and all(case.accused == hider for case in cases)
    assert network.subnet.neuron(hider).jailed is not back
    assert {case.ruling for case in cases} == {Ballot.NONE if back else Ballot.GUILTY}
