"""A network that has played: a cheat, a lazy validator, a delegation, a vote, and texts that want to be obeyed."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from explorer.index.follow import Follower
from explorer.index.reports import Reports
from grail.chain.subnet.votes import Choice
from grail.governance.acts import Act
from grail.protocol.records import Role
from grail.storage.database import Database
from simulation.cast import GRAIL, signer_of
from simulation.network import VOTING, LocalNetwork
from simulation.options import LocalnetOptions

WINDOWS = 3
HOSTILE = (
    "<script>alert(1)</script>",
    '"><img src=x onerror=alert(1)>',
    "{{7*7}}${7*7}",
    "\u202egnp.exe \u0000\u001b[31m\ufeff\u2066",
    '=HYPERLINK("http://evil")',
    "javascript:alert(1)",
)


@dataclass(frozen=True)
class Played:
    """The network, and who voted."""

    network: LocalNetwork
    holder: bytes
    motion: str


@pytest.fixture(scope="session")
def played(tmp_path_factory) -> Played:
    return play(tmp_path_factory.mktemp("explorer") / "run", WINDOWS)


def play(folder: Path, windows: int) -> Played:
    """So many windows; a vote passes after the first."""
    options = LocalnetOptions(
        windows=windows, miners=2, cheats=1, validators=3, groups=8, lazy=("copy",), lies=(), threads=1
    )
    network = LocalNetwork(options, folder)
    subnet, holder = network.subnet, signer_of(0, "holder")
    miner = next(part for part in network.parts if part.role is Role.MINER)
    subnet.delegate(holder, holder.address)
    assert network.advance().right
    change = Act(
        "RewardPolicy", "setMany", (["reject_penalty", "split_miners_bps", "split_validators_bps"], [GRAIL, 7000, 1500])
    )
    subnet.propose_motion(holder, (change,), "More for miners\n" + "\n".join(HOSTILE))
    subnet.chain.mine(VOTING.delay_blocks + 1)
    (motion,) = subnet.motions()
    subnet.cast(holder, motion.number, Choice.FOR, HOSTILE[0])
    subnet.chain.mine(motion.end - subnet.chain.head().number + 1)
    subnet.queue_motion(holder, subnet.motion(motion.number))
    subnet.chain.mine(VOTING.timelock_seconds // 12 + 2)
    subnet.execute_motion(holder, subnet.motion(motion.number))
    subnet.contracts["StakeVault"].send(miner.signer, "announceCommission", 500)
    subnet.contracts["NeuronRegistry"].send(miner.signer, "setEndpoint", HOSTILE[1])
    subnet.contracts["StakeVault"].send(signer_of(0, "delegator"), "requestUnstake", miner.signer.address, GRAIL)
    while network.next_window < windows:
        assert network.advance().right
    return Played(network, holder.address, str(motion.number))


def fill(database: Database, network: LocalNetwork) -> None:
    """All that the chain and the reports say."""
    Follower(network.subnet, database).catch_up()
    while Reports(database, network.store, private=False).step():
        pass


@pytest.fixture()
def indexed(played: Played, empty_url: str) -> Database:
    """The whole network in a database of each kind."""
    database = Database(empty_url)
    fill(database, played.network)
    return database
