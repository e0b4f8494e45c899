"""Nothing is gained by choosing after the beacon: neither keys, nor stake, nor identities, nor beginnings."""

import dataclasses
import random

import pytest

from grail.chain.accounts import Signer
from grail.errors import Reverted
from grail.protocol.hashing import keccak256
from grail.protocol.pledges import Past, Record
from grail.protocol.records import Commitment, Role
from grail.protocol.units import CheckpointVersion, WindowId
from simulation.cast import GRAIL
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from simulation.picking import Mix, best_identity, best_prefixes, delivering, pickings

STEEP = Mix((9, 1), (100, 2_000))


@pytest.fixture
def late(tmp_path):
    """A network in its first window, the beacon known, and what its miner might commit."""
    options = LocalnetOptions(windows=1, miners=1, cheats=0, validators=1, groups=1)
    network = LocalNetwork(options, tmp_path / "run")
    network.mine_to(network.subnet.schedule.start(0) + 1)
    miner = next(part for part in network.parts if part.role is Role.MINER)
    root, version = keccak256(b"root"), CheckpointVersion(1)
    entry = Commitment(
        window=WindowId(0),
        miner=miner.signer.address,
        root=root,
        blob_digest=root,
        n_groups=1,
        checkpoint_version=version,
        worth=1,
    )
    return network, miner, entry


def test_a_ground_key_has_no_part_in_the_window_it_was_ground_for(late):
    network, miner, entry = late
    subnet, key = network.subnet, Signer.from_key(keccak256(b"the best of 400"))
    network.chain.send(network.funder, key.address, b"", 10**19)
    subnet.transfer(miner.signer, key.address, 200 * GRAIL)
    subnet.register(key, Role.MINER, "", 100 * GRAIL)
    with pytest.raises(Reverted, match="NotActive"):
        subnet.commit(key, dataclasses.replace(entry, miner=key.address))


def test_late_stake_covers_no_group_of_the_window_it_was_added_in(late):
    network, miner, entry = late
    subnet = network.subnet
    allowed = subnet.groups_allowed(0, miner.signer.address)
    subnet.stake(miner.signer, miner.signer.address, 500 * GRAIL)
    with pytest.raises(Reverted, match="TooManyGroups"):
        subnet.commit(miner.signer, dataclasses.replace(entry, n_groups=allowed + 1))


@pytest.mark.parametrize("mix", [STEEP, Mix((1, 1), (1_000, 500))])
@pytest.mark.parametrize(("identities", "groups"), [(2, 1), (8, 1), (3, 8), (8, 8)])
def test_picking_pays_without_pledges_and_not_with_them(mix, identities, groups):
    found = pickings(mix, windows=4, identities=identities, groups=groups)
    assert all(row.before > 0.01 for row in found)
    assert all(row.after <= 0 for row in found), [row for row in found if row.after > 0]


@pytest.mark.parametrize("windows", [1, 2, 16])
@pytest.mark.parametrize("choose", [best_identity, best_prefixes])
def test_nobody_is_paid_for_more_than_it_delivers_on_average(windows, choose):
    """The theorem of ADR 21, for pledges that change, too: over many beacons, at most the mean rate times what was
    delivered a window over the windows before."""
    dice, identities, most = random.Random(7), 4, 6
    past = [[Past(most, None)] * windows for _ in range(identities)]
    paid = bound = 0.0
    for number in range(6_000):
        pledged = [1 + (number * (who + 3)) // 7 % most for who in range(identities)]
        worth = [STEEP.draw(dice, groups) for groups in pledged]
        taken = choose([[*groups, *[0] * (most - len(groups))] for groups in worth])
        for who in range(identities):
            delivered = min(taken[who], pledged[who])
            paid += Record(pledged[who], past[who]).paid(sum(worth[who][:delivered]), delivered)
            bound += STEEP.mean * sum(entry.delivered for entry in past[who]) / windows
            past[who] = [*past[who][1:], Past(pledged[who], delivering(delivered))]
    assert paid <= bound
