"""Following a chain that is reorganised, and with a process that is killed: the rows are those of a fresh index."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import delete, update

from explorer.index import readings, writer
from explorer.index.follow import STANDING, Follower, rebuild
from grail.chain.accounts import Signer
from grail.chain.base import Head, Log
from grail.chain.deployment import deploy, open_contracts
from grail.chain.embedded import EmbeddedChain
from grail.chain.subnet import Subnet
from grail.errors import ChainError, ChainUnavailable, StorageError
from grail.governance.policy import Floors
from grail.protocol.hashing import keccak256
from grail.protocol.records import Role
from grail.protocol.units import BlockNumber
from grail.storage.chain_tables import BALANCES, READINGS
from grail.storage.database import Database
from tests.chain.test_embedded import OWNER, PLAN
from tests.explorer.rows import dump

GRAIL = 10**18
DEPTHS = 64


class Told:
    """A chain that is told which logs stand where, and what its blocks are called: any fork of any depth."""

    chain_id = 31_337

    def __init__(self, logs: list[Log], head: int, salt: int = 0, fork: int = 0) -> None:
        self.told(logs, head, salt, fork)

    def told(self, logs: list[Log], head: int, salt: int, fork: int) -> None:
        """From block `fork` on the blocks are others."""
        self._logs, self._head, self._salt, self._fork = logs, head, salt, fork

    def head(self) -> Head:
        return Head(BlockNumber(self._head), self.block_hash(BlockNumber(self._head)))

    def block_hash(self, number: BlockNumber) -> bytes:
        if number > self._head:
            raise ChainError("not mined")
        return keccak256(f"{number} {self._salt if number >= self._fork else 0}".encode())

    def block_time(self, number: BlockNumber) -> int:
        return 1_000 + 12 * number

    def final_block(self) -> BlockNumber:
        return BlockNumber(max(0, self._head - DEPTHS))

    def logs(self, addresses, first, last) -> list[Log]:
        return [log for log in self._logs if first <= log.block <= last and log.address in addresses]


class Network:
    """What a follower asks of a subnet."""

    def __init__(self, subnet: Subnet, chain: Told) -> None:
        self.chain, self.book, self.schedule = chain, subnet.book, subnet.schedule
        self.contracts = open_contracts(subnet.chain, subnet.book)

    def forget(self) -> None:
        pass

    def floors(self) -> Floors:
        return Floors()

    def clock(self) -> int:
        return int(self.chain.head().number)


@pytest.fixture(scope="module")
def recorded() -> tuple[Subnet, list[Log], int]:
    """A network's first hundred events, real ones: stakes, delegations, commissions, votes, transfers."""
    chain = EmbeddedChain(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, PLAN))
    subnet.register(OWNER, Role.VALIDATOR, "http://here", 5_000 * GRAIL)
    friend = Signer.from_key(b"\5" * 32)
    chain.send(OWNER, friend.address, b"", 10**18)
    for number in range(20):
        subnet.transfer(OWNER, friend.address, (number + 2) * GRAIL)
        subnet.stake(friend, OWNER.address, GRAIL)
        subnet.transfer(friend, friend.address, GRAIL)  # changes one balance twice in one event
        subnet.delegate(OWNER, friend.address if number % 2 else OWNER.address)
        subnet.contracts["StakeVault"].send(OWNER, "announceCommission", number)
        chain.mine(number % 3)
    head = chain.head().number
    return subnet, chain.logs([c.address for c in subnet.contracts.values()], subnet.book.first_block, head), head


def moved(logs: list[Log], after: int, by: int) -> list[Log]:
    """The same events, those after a block later: another true history of the same length or longer."""
    return [
        Log(log.address, log.topics, log.data, BlockNumber(log.block + by), log.index, log.transaction)
        if log.block > after
        else log
        for log in logs
    ]


SEEDS = [*range(20), *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(20, 100))]


@pytest.mark.parametrize("seed", SEEDS)
def test_reorganisations_of_any_depth_leave_a_fresh_indexs_rows(recorded, tmp_path, monkeypatch, seed):
    monkeypatch.setattr(readings, "due", lambda *_: iter(()))
    subnet, logs, _ = recorded
    dice = random.Random(seed)
    chain = Told(logs, subnet.book.first_block + dice.randrange(5, 30))
    database = Database.in_file(tmp_path / "rows.sqlite")
    follower = Follower(Network(subnet, chain), database)
    for salt in range(1, 6):
        follower.catch_up()
        now = chain.head().number
        fork = max(subnet.book.first_block + 1, now - dice.randrange(1, DEPTHS + 1))
        logs = moved(logs, fork, dice.randrange(0, 3))
        chain.told(logs, min(now + dice.randrange(0, 40), logs[-1].block), salt, fork)
        if dice.random() < 0.3:
            follower = Follower(Network(subnet, chain), database)
    follower.catch_up()
    fresh = Database.in_file(tmp_path / "fresh.sqlite")
    Follower(Network(subnet, chain), fresh).catch_up()
    assert dump(database) == dump(fresh)


@pytest.mark.parametrize("full", [1, 2, 3, 7, 5_000])
def test_rows_are_the_same_however_many_are_written_at_a_time(recorded, tmp_path, monkeypatch, full):
    monkeypatch.setattr(readings, "due", lambda *_: iter(()))
    subnet, logs, head = recorded
    database, fresh = (Database.in_file(tmp_path / name) for name in ("rows.sqlite", "fresh.sqlite"))
    Follower(Network(subnet, Told(logs, head)), fresh).catch_up()
    monkeypatch.setattr(writer, "FULL", full)
    Follower(Network(subnet, Told(logs, head)), database).catch_up()
    rebuild(database)
    assert dump(database) == dump(fresh)


def test_a_step_that_fails_changes_nothing_and_is_done_again(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(readings, "due", lambda *_: iter(()))
    subnet, logs, head = recorded
    chain = Told(logs, head)
    database, fresh = (Database.in_file(tmp_path / name) for name in ("rows.sqlite", "fresh.sqlite"))
    follower = Follower(Network(subnet, chain), database)

    def breaks(_):
        raise ChainUnavailable("a node that went away")

    with monkeypatch.context() as broken:
        broken.setattr(chain, "block_time", breaks)
        with pytest.raises(ChainUnavailable):
            follower.step()
    assert not any(dump(database).values())
    follower.catch_up()
    Follower(Network(subnet, chain), fresh).catch_up()
    assert dump(database) == dump(fresh) and dump(fresh)["chain_events"]


def test_an_index_of_another_version_is_made_anew(recorded, tmp_path, monkeypatch):
    monkeypatch.setattr(readings, "due", lambda *_: iter(()))
    subnet, logs, head = recorded
    network, database = Network(subnet, Told(logs, head)), Database.in_file(tmp_path / "rows.sqlite")
    Follower(network, database).catch_up()
    whole = dump(database)
    with database.writing() as connection:
        connection.execute(delete(BALANCES))
        connection.execute(update(READINGS).where(READINGS.c.name == STANDING).values(value={"block": head}))
    Follower(network, database).catch_up()
    assert dump(database) == whole and whole["balances"]


DIES = """
import os, sys
from pathlib import Path
import explorer.index.follow as follow
from neurons.cli.explorer import _subnet
from grail.storage.chain_tables import BALANCES, READINGS
from grail.storage.database import Database
left, write = int(sys.argv[3]), follow.write_event
def counted(writer, event):
    global left
    left -= 1
    if left == 0:
        os.kill(os.getpid(), 9)
    write(writer, event)
follow.write_event, follow.BLOCKS_A_STEP = counted, 100
follow.Follower(_subnet(None, Path(sys.argv[1])), Database(sys.argv[2])).catch_up()
"""


def test_kill_9_in_a_batch_loses_nothing_and_doubles_nothing(played, empty_url, tmp_path):
    folder: Path = played.network.folder
    database = None
    for left in (150, 200, 5):
        done = subprocess.run([sys.executable, "-c", DIES, str(folder), empty_url, str(left)], capture_output=True)
        assert done.returncode in (-9, 0), done.stderr.decode()[-500:]
    database, fresh = Database(empty_url), Database.in_file(tmp_path / "fresh.sqlite")
    for one in (database, fresh):
        Follower(played.network.subnet, one).catch_up()
    assert dump(database) == dump(fresh)


def test_a_database_that_is_gone_is_said_and_no_traceback(recorded, tmp_path):
    subnet, logs, head = recorded
    database = Database.in_file(tmp_path / "rows.sqlite")
    follower = Follower(Network(subnet, Told(logs, head)), database)
    with database.writing() as connection:
        connection.exec_driver_sql("DROP TABLE transfers")
    with pytest.raises(StorageError, match=r"rows.sqlite failed"):
        follower.step()
