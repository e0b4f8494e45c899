"""What an operator is told, and when: seats about to be missed, cases, held pay, promises not kept."""

from dataclasses import replace

import pytest

from grail.protocol.records import FaultKind, Moment, Role
from grail.runtime.concerns import KINDS, concerns_of
from grail.runtime.watch import Watch
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """In the score phase of its first window, with one miner's work committed and sealed."""
    options = LocalnetOptions(windows=2, miners=1, cheats=0, validators=2, groups=2)
    made = LocalNetwork(options, tmp_path_factory.mktemp("run") / "run")
    schedule = made.subnet.schedule
    made.mine_to(schedule.start(0) + 1)
    made._tick(Role.MINER)
    made.mine_to(schedule.challenge_block(0))
    made.subnet.draw_randomness(made.parts[1].signer, 0, Moment.SEAL)
    return made


def kinds(network, part) -> dict[str, object]:
    return {concern.kind: concern for concern in concerns_of(network.subnet, part.signer.address)}


def parts(network, role):
    return [part for part in network.parts if part.role is role]


def test_seats_about_to_be_missed_are_told_with_the_blocks_that_are_left(network):
    told = [kinds(network, part).get("seat") for part in parts(network, Role.VALIDATOR)]
    head, schedule = network.subnet.chain.head().number, network.subnet.schedule
    seated = [concern for concern in told if concern is not None]
    assert seated and all(c.blocks_left == schedule.score_deadline(0) - head > 0 for c in seated)
    assert all("no sheet committed yet" in concern.text for concern in seated)


def test_who_does_its_work_has_nothing_to_worry_about(network):
    assert kinds(network, parts(network, Role.MINER)[0]) == {}
    assert concerns_of(network.subnet, b"\x01" * 20) == [], "no neuron, no concern"


def test_the_accused_is_told_once_and_the_gauges_say_so(network):
    subnet, miner = network.subnet, parts(network, Role.MINER)[0]
    validator = parts(network, Role.VALIDATOR)[0]
    subnet.accuse(validator.signer, subnet.commitment(0, miner.signer.address), FaultKind.REPLAY, bytes(32))
    concern = kinds(network, miner)["accused"]
    assert "accused of replay" in concern.text and concern.blocks_left > 0
    lines, numbers = [], []

    class Log:
        def warning(self, text, **fields):
            lines.append((text, fields["concern"]))

    class Meters:
        def note(self, neuron, duty, window, found):
            numbers.append(found)

    watch = Watch(replace(network.node_of(miner), log=Log(), meters=Meters()))
    assert watch.run(0) is None and watch.run(0) is None
    assert [kind for _, kind in lines] == ["accused"]
    assert set(numbers[0]) == set(KINDS) and numbers[0]["accused"] == 1 and numbers[0]["seat"] == 0
    assert not watch.due(0, subnet.chain.head().number, subnet.schedule), "once a block"


def test_a_promise_that_is_not_kept_is_told(network):
    """Silent in a window in which another works: the next is paid in part."""
    subnet, schedule = network.subnet, network.subnet.schedule
    network.mine_to(schedule.start(1) + 1)
    miner = parts(network, Role.MINER)[0]
    subnet.pledge(miner.signer, 4)
    network.mine_to(schedule.start(3) + 1)
    assert "delivered 2 of 4 groups" in kinds(network, miner)["pledge"].text
