"""Settlements as weights: once an epoch, through every crash, and what the chain then holds is read back."""

import random
from dataclasses import replace

import pytest

from grail.chain.bittensor.base import Reason
from grail.errors import ChainError
from grail.protocol.records import Role
from grail.protocol.units import WindowId
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from simulation.subtensor.double import Faults
from tests.bittensor.conftest import TEMPO, World, to_next_epoch
from validator.duties import mirror
from validator.duties.mirror import EPOCH, MirrorWeights, window_rows

WINDOW = WindowId(1)


def duty(world: World, network: LocalNetwork, native=None, journal=None, **options) -> MirrorWeights:
    node = next(service.node for service in network.services if service.node.name == "validator-1")
    node = replace(node, journal=journal or network.journal, name=f"validator-of-{world.number}")
    return MirrorWeights(node, native or world.client, 5, **options)


def expected(world: World, network: LocalNetwork) -> tuple:
    rows = window_rows(network.subnet, WINDOW, world.client.metagraph(5), None)
    return tuple((row.uid, row.u16) for row in rows)


def test_the_newest_settled_window_is_mirrored_once_an_epoch(bound, settled):
    work = duty(bound, settled)
    assert work.run(WindowId(0)) == {"mirrored": False, "reason": "a newer window is settled"}
    note = work.run(WINDOW)
    assert note["mirrored"] and note["state"] == "done" and note["count"] == 2
    assert tuple(bound.double.weights(0)) == expected(bound, settled) and len(bound.double.received) == 1
    assert work.run(WINDOW)["state"] == "done" and len(bound.double.received) == 1
    assert {row.uid for row in window_rows(settled.subnet, WINDOW, bound.client.metagraph(5), None)} == {1, 2}


def test_a_cheat_gets_nothing_and_what_it_wasted_is_burnt(bound, settled):
    cheat = next(part for part in settled.parts if part.cheat and part.role is Role.MINER)
    window = WindowId(0)
    assert settled.subnet.commitment(window, cheat.signer.address) is not None
    rows = {row.uid: row for row in window_rows(settled.subnet, window, bound.client.metagraph(5), 0)}
    assert set(rows) == {0, 1, 2} and rows[0].score > 0
    assert sum(row.score for row in rows.values()) == mirror.reckon(settled.subnet, window).terms.whole


class Killed(BaseException):
    """The process is gone."""


class Mortal:
    """Passes everything on to the client, and dies before or after its n-th call."""

    def __init__(self, inner, left: int, after: bool) -> None:
        self._inner, self._left, self._after = inner, left, after

    def __getattr__(self, name):
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*values):
            self._left -= 1
            if self._left == 0 and not self._after:
                raise Killed
            told = found(*values)
            if self._left == 0:
                raise Killed
            return told

        return call


@pytest.mark.parametrize("seed", range(20))
def test_killed_anywhere_it_never_submits_twice_in_an_epoch(bound, settled, seed):
    """Killed three times at a call of the client or a write of the journal; then it goes on."""
    dice = random.Random(seed)
    inner, name = settled.journal, None
    for _ in range(3):
        native = Mortal(bound.client, dice.randrange(1, 7), dice.random() < 0.5)
        journal = Mortal(inner, dice.randrange(1, 9), dice.random() < 0.5)
        work = duty(bound, settled, native, journal)
        name = work._node.name
        try:
            work.run(WINDOW)
        except Killed:
            bound.double.mine(dice.randrange(0, 3))
    epoch = bound.client.metagraph(5).epoch
    note = duty(bound, settled).run(WINDOW)
    assert note["mirrored"] and note["state"] == "done"
    assert len(bound.double.received) == 1 and tuple(bound.double.weights(0)) == expected(bound, settled)
    assert settled.journal.note(name, f"{EPOCH} of 5", epoch)["state"] == "done"


def test_the_same_bytes_are_sent_again_and_others_only_once_those_are_dead(bound, settled):
    work = duty(bound, settled)
    bound.double.faults = Faults(drop="before")
    with pytest.raises(ChainError):
        work.run(WINDOW)
    epoch = bound.client.metagraph(5).epoch
    first = settled.journal.note(work._node.name, f"{EPOCH} of 5", epoch)
    assert first["state"] == "signed" and bound.double.received == []
    bound.double.faults = Faults()
    bound.double.mine(25)  # past the signature's era, in the same epoch
    assert duty(bound, settled).run(WINDOW)["state"] == "done"
    second = settled.journal.note(work._node.name, f"{EPOCH} of 5", epoch)
    assert second["hash"] != first["hash"] and len(bound.double.received) == 1


def test_what_became_of_a_dropped_submission_the_chain_says(bound, settled):
    bound.double.faults = Faults(drop="after")
    with pytest.raises(ChainError):
        duty(bound, settled).run(WINDOW)
    bound.double.faults = Faults()
    assert duty(bound, settled).run(WINDOW)["state"] == "done" and len(bound.double.received) == 1


def test_altered_weights_are_reported_with_their_reason(bound, settled):
    bound.double.faults = Faults(alter=True)
    note = duty(bound, settled).run(WINDOW)
    assert not note["mirrored"] and note["reason"] == Reason.ALTERED


def test_what_the_chain_refuses_is_noted_and_not_tried_again_in_the_epoch(bound, settled):
    bound.double.faults = Faults(fail="NeuronNoValidatorPermit")
    note = duty(bound, settled).run(WINDOW)
    assert not note["mirrored"] and note["reason"] == Reason.NO_PERMIT and len(bound.double.received) == 1
    bound.double.faults = Faults()
    assert not duty(bound, settled).run(WINDOW)["mirrored"] and len(bound.double.received) == 1
    to_next_epoch(bound)
    assert duty(bound, settled).run(WINDOW)["mirrored"] and len(bound.double.received) == 2


@pytest.mark.parametrize(
    ("item", "params", "value", "reason"),
    [
        ("ValidatorPermit", [5], [False, False, False], Reason.NO_PERMIT),
        ("StakeThreshold", [], 10**15, Reason.BELOW_STAKE),
        ("MinAllowedWeights", [5], 9, Reason.TOO_FEW), ("MaxWeightsLimit", [5], 20_000, Reason.TOO_LARGE),
    ],
)  # fmt: skip
def test_what_the_subnet_would_refuse_is_not_sent(bound, settled, item, params, value, reason):
    bound.double.keep(item, params, value)
    bound.double.mine()
    work = duty(bound, settled)
    note = work.run(WINDOW)
    assert work._told[0] is reason and bound.double.received == []
    assert note is None or note == {"mirrored": False, "reason": str(reason)}


def test_a_rate_limit_is_waited_for(bound, settled):
    assert duty(bound, settled).run(WINDOW)["mirrored"]
    bound.double.keep("WeightsSetRateLimit", [5], 150)
    to_next_epoch(bound)
    work = duty(bound, settled)
    assert work.run(WINDOW) is None and work._told[0] is Reason.RATE_LIMITED
    to_next_epoch(bound)
    assert work.run(WINDOW)["mirrored"] and len(bound.double.received) == 2


def test_nothing_is_signed_at_the_end_of_an_epoch(bound, settled):
    to_next_epoch(bound, into=TEMPO - 10)
    work = duty(bound, settled)
    assert work.run(WINDOW) is None and bound.double.received == []
    to_next_epoch(bound)
    assert work.run(WINDOW)["mirrored"]


def test_a_commitment_is_compared_once_it_is_revealed_and_given_up_if_never(bound, settled):
    bound.double.keep("CommitRevealWeightsEnabled", [5], True)
    bound.double.mine()
    work = duty(bound, settled)
    assert work.run(WINDOW)["state"] == "sent"
    epoch = bound.client.metagraph(5).epoch
    bound.double.reveal(0, list(expected(bound, settled)))
    work._look_after(bound.client.metagraph(5))
    assert settled.journal.note(work._node.name, f"{EPOCH} of 5", epoch)["state"] == "done"
    to_next_epoch(bound)
    assert work.run(WINDOW)["state"] == "done"  # the same weights stand there already
    bound.double.reveal(0, [(1, 5)])
    for _ in range(4):
        to_next_epoch(bound)
    graph = bound.client.metagraph(5)
    settled.journal.record(work._node.name, f"{EPOCH} of 5", graph.epoch - 3, {
        "state": "sent", "commit": True, "uid": 0, "vector": [[1, 65_535]], "window": 1,
    })  # fmt: skip
    work._look_after(graph)
    assert settled.journal.note(work._node.name, f"{EPOCH} of 5", graph.epoch - 3)["reason"] == Reason.ALTERED


def test_a_window_that_is_not_settled_sets_nothing(bound, settled):
    assert duty(bound, settled).run(WindowId(2)) is None and bound.double.received == []


def test_weights_follow_settlements_window_by_window_through_a_restart_of_everything(world, tmp_path, monkeypatch):
    """A network plays while its validator mirrors; after the second window all of it starts anew."""
    monkeypatch.setattr(mirror, "LOOK_SECONDS", 0.0)
    options = LocalnetOptions(windows=3, miners=2, cheats=1, validators=2, groups=4, threads=1)
    world.double.keep("Tempo", [5], TEMPO)
    world.double.keep("WeightsSetRateLimit", [5], 10)
    network, client = LocalNetwork(options, tmp_path / "run"), world.client
    for uid, part in enumerate((p for p in network.parts if p.role is Role.MINER and not p.cheat), 1):
        world.double.associate(uid, part.signer.address)
    for window in range(3):
        if window == 2:
            network, client = LocalNetwork(options, tmp_path / "run"), world.again()
        service = next(s for s in network.services if s.node.name == "validator-1")
        if not any(isinstance(each, MirrorWeights) for each in service._duties):
            service.add(MirrorWeights(service.node, client, 5))
        to_next_epoch(world)
        assert network.advance().right
        service.tick()
        assert len(world.double.received) == window + 1
        rows = window_rows(network.subnet, WindowId(window), client.metagraph(5), None)
        assert tuple(world.double.weights(0)) == tuple((row.uid, row.u16) for row in rows)
    client.close()
