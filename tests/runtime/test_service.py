"""The loop: each duty once, failures left for the next tick, a lost node waited for, the slow one named."""

import threading
import time
from types import SimpleNamespace

import pytest

from grail.chain.accounts import Signer
from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.subnet import Subnet
from grail.errors import ChainUnavailable, StorageError
from grail.runtime.doctor import examine
from grail.runtime.service import Service
from grail.runtime.watchdog import Watchdog
from grail.storage.database import Database
from grail.storage.journal import Journal
from grail.telemetry.meters import Meters
from tests.chain.test_embedded import OWNER, PLAN


class Recorder:
    """A log that remembers what it was told."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, dict]] = []

    def _take(self, event: str, **fields) -> None:
        self.lines.append((event, fields))

    info = warning = error = _take


class Scripted:
    """A duty that is always due and does what it is told, one entry a run."""

    def __init__(self, name: str, *script) -> None:
        self.name = name
        self.script = list(script)
        self.windows: list[int] = []

    def due(self, window, block, schedule) -> bool:
        return window == 0

    def run(self, window):
        self.windows.append(window)
        step = self.script.pop(0)
        if isinstance(step, Exception):
            raise step
        return step


@pytest.fixture()
def node(tmp_path):
    chain = EmbeddedChain(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, PLAN))
    chain.mine(41 - chain.head().number)
    journal = Journal(Database.in_file(tmp_path / "db.sqlite"))
    signer = Signer.from_key(b"\3" * 32)
    return SimpleNamespace(name="n", signer=signer, subnet=subnet, journal=journal, log=Recorder(), meters=Meters())


def test_a_finished_duty_is_never_run_again_also_not_by_a_new_process(node):
    duty = Scripted("a", {"x": 1})
    assert Service(node, [duty]).tick() == 1
    assert Service(node, [duty]).tick() == 0
    assert duty.windows == [0] and node.journal.note("n", "a", 0) == {"x": 1}


def test_not_yet_and_failed_duties_are_tried_again_and_hold_up_nobody(node):
    slow, failing, good = Scripted("a", None, {}), Scripted("b", StorageError("disk full"), {}), Scripted("c", {})
    service = Service(node, [slow, failing, good])
    assert service.tick() == 1
    assert ("duty failed", "disk full") in [(e, f.get("reason")) for e, f in node.log.lines]
    assert service.tick() == 2


def test_a_node_that_goes_away_is_waited_for(node):
    duty = Scripted("a", ChainUnavailable("gone"), {})
    service = Service(node, [duty])
    thread = threading.Thread(target=service.run, args=(0.01,))
    thread.start()
    deadline = time.monotonic() + 20
    while node.journal.note("n", "a", 0) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    service.stop()
    thread.join(timeout=20)
    assert not thread.is_alive() and node.journal.note("n", "a", 0) == {}
    assert "chain unavailable" in [event for event, _ in node.log.lines]


def test_before_genesis_nothing_is_done(tmp_path):
    chain = EmbeddedChain(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, PLAN))
    waiting = SimpleNamespace(name="n", subnet=subnet, journal=None, log=Recorder())
    assert Service(waiting, [Scripted("a")]).tick() == 0


def test_the_watchdog_names_what_is_waited_for():
    log = Recorder()
    with Watchdog(0.02, log).watching("validator-1: audit of window 3"):
        deadline = time.monotonic() + 10
        while not log.lines and time.monotonic() < deadline:
            time.sleep(0.01)
    assert log.lines[0][1]["waiting_for"] == "validator-1: audit of window 3"


def test_the_doctor_finds_what_these_tests_run_on():
    found = {finding.what: finding for finding in examine()}
    assert found["torch"].present and found["Python"].present
    assert all(finding.detail for finding in found.values())


def test_what_was_done_in_blocks_that_left_the_chain_is_done_again(node, monkeypatch):
    """A duty's transaction may be gone with them; it finds its act again where that was mined anew."""
    early, late = Scripted("early", {"n": 1}), Scripted("late", None, {"n": 1}, {"n": 2})
    service = Service(node, [early, late])
    chain, real = node.subnet.chain, node.subnet.chain.block_hash
    service.tick()
    chain.mine(3)
    service.tick()
    assert (early.windows, late.windows) == ([0], [0, 0])
    fork = chain.head().number - 2
    monkeypatch.setattr(chain, "block_hash", lambda number: real(number) if number < fork else bytes(32))
    forgot = []
    monkeypatch.setattr(node.subnet, "forget", lambda: forgot.append(True))
    service.tick()
    assert forgot and early.windows == [0], "what was done before stays done"
    assert late.windows == [0, 0, 0] and node.journal.note(node.name, "late", 0) == {"n": 2}


def test_what_only_reads_is_done_again_where_the_challenge_has_gone(node):
    """An audit takes minutes, and what it found stays true of a submission that is still there."""
    chain, schedule = node.subnet.chain, node.subnet.schedule
    chain.mine(schedule.challenge_block(0) + 1 - chain.head().number)
    audit = Scripted("audit", {"n": 1}, {"n": 2})
    audit.reads_only = True
    service = Service(node, [audit])
    service.tick()
    chain.mine(3)
    service.tick()
    for kept, runs in ((chain.head().number - 2, 1), (schedule.challenge_block(0) - 1, 2)):
        service._undo(kept)
        service.tick()
        assert len(audit.windows) == runs
