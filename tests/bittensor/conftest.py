"""A double with a validator and two miners, and a client of the validator's hotkey."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import Any

import pytest

bt = pytest.importorskip("bittensor", reason="NOTICE: bittensor is missing: its tests are SKIPPED")

from grail.chain.bittensor.client import SubtensorClient, open_wallet  # noqa: E402
from grail.protocol.records import Role  # noqa: E402
from simulation.network import LocalNetwork  # noqa: E402
from simulation.options import LocalnetOptions  # noqa: E402
from simulation.subtensor.double import Double  # noqa: E402
from simulation.subtensor.node import serving  # noqa: E402
from validator.duties import mirror  # noqa: E402

MINERS = (b"\x51" * 20, b"\x52" * 20)
TEMPO = 100


def keypair(name: str) -> Any:
    """A key that everybody knows."""
    return bt.sp_core.Keypair.create_from_uri(f"//{name}")


@pytest.fixture(scope="session", autouse=True)
def _own_cache(tmp_path_factory) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("BITTENSOR_RUNTIME_CACHE_DIR", str(tmp_path_factory.mktemp("runtimes")))
        patch.setenv("HOME", str(tmp_path_factory.mktemp("home")))
        yield


@dataclass
class World:
    """The double, its validator's wallet and a client of it. Uid 0 is the validator, 1 and 2 are miners."""

    double: Double
    wallet: Any
    client: SubtensorClient
    number: int = field(default_factory=count().__next__)

    def again(self) -> SubtensorClient:
        """Another client, as after a restart."""
        client = SubtensorClient(self.double.url, self.wallet, seconds=5.0, inclusion_seconds=3.0)
        client.open()
        return client


@pytest.fixture(scope="session")
def wallet(tmp_path_factory) -> Any:
    """A wallet whose coldkey is not on this machine."""
    folder = tmp_path_factory.mktemp("wallets")
    made = bt.Wallet("cold", "hot", path=str(folder))
    made.create_new_coldkey(use_password=False, suppress=True)
    made.create_new_hotkey(suppress=True)
    (folder / "cold" / "coldkey").unlink()
    return open_wallet("cold", "hot", folder)


@pytest.fixture()
def world(wallet) -> Iterator[World]:
    double = Double()
    with serving(double):
        double.register(wallet.hotkey.public_key, permit=True, stake=10**12)
        for number, evm in enumerate(MINERS):
            double.associate(double.register(keypair(f"miner{number}").public_key), evm)
        client = SubtensorClient(double.url, wallet, seconds=5.0, inclusion_seconds=3.0)
        client.open()
        yield World(double, wallet, client)
        client.close()


@pytest.fixture(scope="session")
def settled(tmp_path_factory) -> LocalNetwork:
    """Two windows of two honest miners and a cheat; both are settled."""
    options = LocalnetOptions(windows=2, miners=2, cheats=1, validators=2, groups=4, threads=1)
    network = LocalNetwork(options, tmp_path_factory.mktemp("mirror") / "run")
    for _ in range(2):
        assert network.advance().right
    return network


@pytest.fixture()
def bound(world: World, settled: LocalNetwork, monkeypatch) -> World:
    """The double's miners are the network's, in a subnet with short epochs."""
    monkeypatch.setattr(mirror, "LOOK_SECONDS", 0.0)
    miners = [part for part in settled.parts if part.role is Role.MINER and not part.cheat]
    world.double.keep("Tempo", [5], TEMPO)
    world.double.keep("WeightsSetRateLimit", [5], 10)
    for uid, part in enumerate(miners, 1):
        world.double.associate(uid, part.signer.address)
    to_next_epoch(world)
    return world


def to_next_epoch(world: World, into: int = 2) -> None:
    """To a block early in the next epoch."""
    at = (world.double.head.number + 6) % (TEMPO + 1)
    world.double.mine(TEMPO + 1 - at + into)
