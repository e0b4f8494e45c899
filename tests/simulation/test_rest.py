"""A planned pause: seats up to the window in which it leaves are its own, none after; nothing is lost meanwhile."""

from grail.runtime.concerns import concerns_of, still_due
from grail.runtime.reckon import committee_of
from neurons.cli.rest import standing
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions


def seats(network, window, validator):
    committee = committee_of(network.subnet, window)
    return sum(len(committee.seats_of(i, validator)) for i in range(len(network.subnet.commitments(window))))


def test_a_validator_rests_and_comes_back(tmp_path):
    network = LocalNetwork(LocalnetOptions(windows=8, miners=1, cheats=0, validators=2, groups=4), tmp_path / "run")
    subnet = network.subnet
    part = next(p for p in network.parts if p.name == "validator-2")
    who = part.signer.address
    assert network.advance().right
    assert standing(subnet, who) == ["does not rest: it has a place in the active set"]
    subnet.announce_rest(part.signer)
    leaves = subnet.rest_of(who).window
    assert leaves == subnet.current_window() + 1
    assert f"leaves the active set in window {leaves}" in standing(subnet, who)[0]
    while subnet.current_window() <= leaves:
        assert network.advance().right
    assert subnet.rest_of(who).taken and not subnet.is_seated(who)
    before = [window for window in range(leaves + 1) if subnet.commitments(window)]
    assert any(seats(network, window, who) for window in before if window and window >= leaves - 1)
    resting = network.next_window
    assert network.advance().right
    assert subnet.commitments(resting) and not seats(network, resting, who), "the others have all seats"
    assert all(place.holder != who for place in subnet.active_line(resting))
    assert not concerns_of(subnet, who) and not still_due(subnet, who, leaves)
    assert standing(subnet, who) == ["rests, and nothing is due: it may be stopped"]
    subnet.end_rest(part.signer)
    back = subnet.current_window() + 2
    while network.next_window <= back + 2:
        assert network.advance().right
    drawn = sum(seats(network, window, who) for window in range(back, back + 3))
    assert subnet.is_seated(who) and drawn, "its service takes a place again by itself (fifteen seats, by lot)"
    assert not subnet.neuron(who).jailed
