"""A network of separate processes, each killed with SIGKILL in the middle of its work: it settles, pays once, and
nobody honest loses anything; the weights of its subnet are its settlements, set once an epoch."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.address_book import AddressBook
from grail.chain.embedded import EmbeddedChain
from grail.chain.events import EventReader
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.config import load_settings
from grail.storage.database import Database
from grail.storage.journal import Journal
from neurons.devnet.layout import BURN_UID, NETUID, Layout
from neurons.devnet.subnet import TEMPO
from neurons.native import native_client
from simulation.accounting import reconcile
from validator.duties.mirror import DONE, EPOCH, window_rows

GRAIL = Path(sys.executable).with_name("grail")
PATIENCE = 60.0
MIDDLE = 5
"""The window of ten at whose beginning the whole network is stopped and started."""
KILLS = {
    2: [
        (0, 0, "miner-1"), (0, 1, "chain"), (0, 2, "validator-1"), (1, 0, "relay"), (1, 1, "subtensor"),
        (1, 2, "trainer"),
    ],
    10: [(1 + i % 8, phase, name) for i, (name, phase) in enumerate(
        (name, phase) for name in ("miner-1", "validator-1", "trainer", "relay", "chain", "subtensor")
        for phase in range(4)
    )],
}  # fmt: skip
"""By number of windows: in which window and phase who is killed."""


def devnet(*arguments: str) -> str:
    done = subprocess.run([GRAIL, "devnet", *arguments], capture_output=True, text=True, timeout=400)
    assert done.returncode == 0, done.stderr + done.stdout
    return done.stdout


def status(folder: Path) -> dict:
    return json.loads(devnet("status", "--folder", str(folder), "--json").splitlines()[-1])


def kill(folder: Path, name: str) -> None:
    """Whoever runs under this name, once it runs."""
    ends = time.monotonic() + PATIENCE
    while True:
        found = next(one for one in status(folder)["processes"] if one["name"] == name)
        if found["pid"]:
            os.kill(found["pid"], signal.SIGKILL)
            return
        assert time.monotonic() < ends, f"{name} did not come back\n{devnet('logs', name, '--folder', str(folder))}"


def reached(subnet: Subnet, block: int) -> None:
    ends = time.monotonic() + 300
    while subnet.chain.head().number < block:
        assert time.monotonic() < ends
        time.sleep(0.2)


@pytest.mark.parametrize("windows", [2, pytest.param(10, marks=[pytest.mark.slow, pytest.mark.timeout(3_600)])])
def test_every_process_is_killed_and_the_network_settles_pays_once_and_slashes_nobody(tmp_path, windows):
    folder = tmp_path / "net"
    devnet(
        "up",
        "--folder",
        str(folder),
        "--node",
        "served",
        "--miners",
        "1",
        "--groups",
        "8",
        "--block-seconds",
        "0.8",
        "--no-explorer",
        "--bittensor",
    )
    pids = {one["pid"] for one in status(folder)["processes"]}
    try:
        options = Layout(folder).load_options()
        subnet = Subnet(JsonRpcChain.connect(options.url), AddressBook.load(folder / "network.json"))
        schedule = subnet.schedule
        since = 0
        for window, phase, name in sorted(KILLS[windows]):
            if window == MIDDLE > since:  # everything at once
                devnet("down", "--folder", str(folder))
                devnet("up", "--folder", str(folder))
                since = MIDDLE  # a supervisor counts restarts from its own start
            ends = (schedule.commit_deadline, schedule.score_deadline, schedule.reveal_deadline)
            began = schedule.start(window) if phase == 0 else ends[phase - 1](window)
            reached(subnet, began + 4)
            kill(folder, name)
        reached(subnet, schedule.start(windows))
        ends = time.monotonic() + 2 * PATIENCE
        while status(folder)["settled"] < windows:
            assert time.monotonic() < ends, devnet("logs", "--folder", str(folder), "--lines", "60")
        mirrored(folder, subnet, windows)
        found = status(folder)
        pids |= {one["pid"] for one in found["processes"]}
        restarts = {one["name"]: one["restarts"] for one in found["processes"]}
        for name in {name for window, _, name in KILLS[windows] if window >= since}:
            assert restarts[name] == sum(name == who for window, _, who in KILLS[windows] if window >= since), restarts
    finally:
        devnet("down", "--folder", str(folder))
    assert not any(psutil.pid_exists(pid) and psutil.Process(pid).status() != "zombie" for pid in pids if pid)
    assert {one["state"] for one in status(folder)["processes"]} == {"stopped"}
    honest(folder, windows)


def mirrored(folder: Path, subnet: Subnet, windows: int) -> None:
    """Every settled window is some epoch's weights, exactly; no hotkey has set any twice in an epoch."""
    settings = load_settings(folder / "validator-1.toml")
    with native_client(settings.bittensor) as client:
        graph = client.metagraph(NETUID)
        journal = Journal(Database.in_file(folder / "validator-1" / "grail.sqlite"))
        ends = time.monotonic() + 2 * PATIENCE
        while True:
            notes = [note for _, note in journal.notes(f"{EPOCH} of {NETUID}") if note["state"] == DONE]
            if max((note["window"] for note in notes), default=-1) >= windows - 1:
                break
            assert time.monotonic() < ends, devnet("logs", "validator-1", "--folder", str(folder), "--lines", "40")
            time.sleep(1)
        own = graph.by_hotkey(client.hotkey)
        newest = max(notes, key=lambda note: note["window"])
        assert own is not None and client.weights_of(NETUID, own.uid) == tuple(map(tuple, newest["vector"]))
    for note in notes:
        rows = window_rows(subnet, note["window"], graph, BURN_UID)
        assert note["vector"] == [[row.uid, row.u16] for row in rows], f"window {note['window']}"
    assert len({note["window"] for note in notes}) >= windows - 1
    calls = json.loads((folder / "subtensor.json").read_text())["calls"]
    sent = [((block + NETUID + 1) // (TEMPO + 1), who) for block, who, call in calls if call == "set_mechanism_weights"]
    assert sent and len(sent) == len(set(sent)), "twice in an epoch"


def honest(folder: Path, windows: int) -> None:
    """Nobody jailed, money exact, every claim once: on the chain as it was left."""
    chain = EmbeddedChain(Signer.from_key(ANVIL_KEY).address, folder / "chain.sqlite")
    subnet = Subnet(chain, AddressBook.load(folder / "network.json"))
    assert not any(subnet.neuron(member).jailed for member in subnet.members())
    journal = Journal(Database.in_file(folder / "events.sqlite"))
    batch = EventReader(subnet.chain, subnet.contracts, subnet.book.first_block, journal, "test").read()
    journal.add_events(batch.events, batch.rewound_to)
    claims = [tuple(row.fields[part] for part in ("window", "account", "share")) for row in journal.events("Claimed")]
    assert claims and len(claims) == len(set(claims))
    money = reconcile(subnet, journal.events, range((subnet.current_window() or 0) + 1))
    assert money.right, money.problems
    paid = [w for w in range(windows) if w in {int(window) for window, *_ in claims}]
    assert len(paid) >= windows - 1, f"paid: {paid}"


def test_what_it_says_of_other_folders_and_options(tmp_path):
    none = subprocess.run([GRAIL, "devnet", "status", "--folder", str(tmp_path)], capture_output=True, text=True)
    assert none.returncode == 1 and re.search("no development network in .*: grail devnet up", none.stderr)
    assert devnet("down", "--folder", str(tmp_path / "empty")).startswith("0 processes ended")
