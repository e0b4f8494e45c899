"""A proposal from its TOML to its effect: another environment mix and emission split in the next windows."""

import tomllib

import pytest

from grail.chain.subnet.votes import Choice, MotionState
from grail.environments.arithmetic import Arithmetic
from grail.environments.registry import Environments
from grail.errors import Reverted
from grail.governance.acts import acts_from
from grail.protocol.leaf import environment_digest
from grail.protocol.records import Role
from simulation.cast import GRAIL, signer_of
from simulation.network import VOTING, LocalNetwork
from simulation.options import LocalnetOptions


class Sums(Arithmetic):
    """A second environment for the mix."""

    id = "sums/1"


PROPOSAL = """
description = "Half of the problems from sums, which earn a half; more for miners, less for validators"
[policy]
split_miners_bps = 7000
split_validators_bps = 1500
[environments]
"arithmetic/1" = { weight = 1, reward = 1000 }
"sums/1" = { weight = 1, reward = 500 }
"""


@pytest.fixture()
def network(tmp_path, monkeypatch):
    monkeypatch.setattr(Environments, "installed", classmethod(lambda cls: cls([Arithmetic(), Sums()])))
    return LocalNetwork(LocalnetOptions(windows=3, miners=2, cheats=0, validators=2, groups=8), tmp_path / "run")


def test_a_vote_changes_mix_and_split_from_the_next_window_on(network):
    subnet, holder = network.subnet, signer_of(0, "holder")
    staker = next(part for part in network.parts if part.role is Role.VALIDATOR)
    subnet.delegate(holder, holder.address)
    assert network.advance().right
    tables = tomllib.loads(PROPOSAL)
    subnet.propose_motion(holder, acts_from(tables), tables["description"])
    (motion,) = subnet.motions()
    assert motion.state is MotionState.PENDING
    subnet.chain.mine(VOTING.delay_blocks + 1)
    subnet.cast(staker.signer, motion.number, Choice.FOR, "staked tokens keep their votes")
    subnet.cast(holder, motion.number, Choice.FOR)
    motion = subnet.motion(motion.number)
    at_snapshot = balance_of(network, holder)
    assert motion.in_favour == at_snapshot + 20_000 * GRAIL > motion.quorum
    with pytest.raises(Reverted, match="not at this stage"):
        subnet.queue_motion(holder, motion)
    subnet.chain.mine(motion.end - subnet.chain.head().number + 1)
    subnet.queue_motion(holder, subnet.motion(motion.number))
    with pytest.raises(Reverted, match="delay"):
        subnet.execute_motion(holder, motion)
    subnet.chain.mine(VOTING.timelock_seconds // 12 + 1)
    subnet.execute_motion(holder, motion)
    assert subnet.motion(motion.number).state is MotionState.EXECUTED
    voted_in = subnet.current_window()
    network.next_window = voted_in + 1
    assert subnet.policy(voted_in).split_miners_bps == 6_000, "the running window keeps its rules"
    assert network.advance().right
    window = voted_in + 1
    assert subnet.policy(window).split_miners_bps == 7_000
    assert paid(network, window, Role.MINER) == pytest.approx(700 * GRAIL, abs=10)
    assert paid(network, 0, Role.MINER) == pytest.approx(600 * GRAIL, abs=10)
    assert network.subnet.environments(0).ids == ("arithmetic/1",)
    assert network.subnet.environments(window).ids == ("arithmetic/1", "sums/1")
    assert seen_environments(network, 0) == {environment_digest("arithmetic/1")}
    assert seen_environments(network, window) == {environment_digest("arithmetic/1"), environment_digest("sums/1")}
    check_reward_weights(network, window)


def balance_of(network, holder) -> int:
    return network.subnet.balance(holder.address)


def paid(network, window: int, role: Role) -> int:
    events = [event.fields for event in network.journal.events("Claimed")]
    return sum(int(f["amount"]) for f in events if f["window"] == window and f["share"] == int(role))


def submission_of(network, window: int, miner: bytes):
    from grail.runtime.submissions import fetch_submission

    return fetch_submission(network.services[0].node, network.subnet.commitment(window, miner))


def seen_environments(network, window: int) -> set[bytes]:
    return {
        group.env_id
        for entry in network.subnet.commitments(window)
        for group in submission_of(network, window, entry.miner).groups
    }


def check_reward_weights(network, window: int) -> None:
    """A token of sums earns half as much: the committed worth says so."""
    rewards = {environment_digest("arithmetic/1"): 1000, environment_digest("sums/1"): 500}
    for entry in network.subnet.commitments(window):
        groups = submission_of(network, window, entry.miner).groups
        worth = sum(rewards[g.env_id] * sum(len(r.tokens) for r in g.rollouts) for g in groups)
        assert entry.worth == worth
