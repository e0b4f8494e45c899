"""One miner, one validator, one trainer as real processes on anvil and a shared object store, for three windows."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest

from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.deployment import NetworkPlan, deploy
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.checkpoints.files import CALIBRATION, open_checkpoint
from grail.checkpoints.manifest import upload
from grail.errors import ChainUnavailable, Reverted
from grail.protocol.hashing import keccak256
from grail.protocol.records import CheckpointRecord, Role
from grail.protocol.schedule import Schedule
from grail.storage.file_store import FileStore
from tests.anvil import NEEDS_NODE, running_anvil
from tests.chain.test_embedded import PLAN

ROOT = Path(__file__).resolve().parents[2]
PASSWORD = "a password for a test network"
WINDOWS = 3
ROLES = {"miner": Role.MINER, "validator": Role.VALIDATOR, "trainer": Role.TRAINER}

pytestmark = NEEDS_NODE


@pytest.fixture(scope="module")
def anvil_url():
    with running_anvil() as url:
        yield url


@pytest.fixture(scope="module")
def network(anvil_url, tmp_path_factory, tiny_folder):
    """Contracts deployed on automine, three registered neurons with encrypted keys, then one block short of genesis."""
    from eth_account import Account

    folder = tmp_path_factory.mktemp("network")
    chain = JsonRpcChain.connect(anvil_url)
    owner = Signer.from_key(ANVIL_KEY)
    schedule = Schedule(genesis=chain.head().number + 60, window=60, commit=20, score=20, reveal=10)
    plan = NetworkPlan(
        schedule=schedule,
        overrides=PLAN.overrides | {"unbonding_blocks": 320, "accusation_horizon_blocks": 120},
        environments={"arithmetic/1": (1, 1_000)},
        holders={owner.address: 10**25},
        cap=10**26,
        phase_floor=2,
        trainers=[Signer.from_key(keccak256(b"e2e trainer")).address],
    )
    book = deploy(chain, owner, plan)
    book.save(folder / "network.json")
    subnet = Subnet(chain, book)
    signers = {}
    for name, role in ROLES.items():
        signer = Signer.from_key(keccak256(f"e2e {name}".encode()))
        signers[name] = signer
        (folder / f"{name}.keystore.json").write_text(json.dumps(Account.encrypt(signer.account.key, PASSWORD)))
        chain.send(owner, signer.address, b"", 10**19)
        subnet.transfer(owner, signer.address, 30_000 * 10**18)
        subnet.register(signer, role, "", 10_000 * 10**18)
        (folder / f"{name}.toml").write_text(settings_of(name, folder, anvil_url))
    checkpoint = open_checkpoint(tiny_folder)
    record = CheckpointRecord(
        version=0,
        fingerprint=checkpoint.fingerprint,
        parent=bytes(32),
        manifest=upload(tiny_folder, FileStore(folder / "objects")),
        rules_hash=checkpoint.rules_digest("arithmetic/1"),
        calibration=keccak256((tiny_folder / CALIBRATION).read_bytes()),
        proof_scheme="sketch/1",
        active_from=0,
        publisher=bytes(20),
    )
    subnet.publish(signers["trainer"], record)
    missing = schedule.genesis - chain.head().number
    chain.mine(missing - 1)
    return subnet, folder, signers


def settings_of(name: str, folder: Path, url: str) -> str:
    return f"""
[chain]
url = "{url}"
address_book = "{folder}/network.json"
[key]
keystore = "{folder}/{name}.keystore.json"
[work]
folder = "{folder}/{name}"
store = "file://{folder}/objects"
groups = 24
threads = 1
poll_seconds = 0.3
[training]
learning_rate = 1e-4
"""


def start(name: str, folder: Path) -> subprocess.Popen:
    log = (folder / f"{name}.log").open("ab")
    command = [sys.executable, f"neurons/{name}.py", "--config", str(folder / f"{name}.toml"), "--json-log"]
    environment = {**os.environ, "GRAIL_PASSWORD": PASSWORD, "HF_HUB_OFFLINE": "1"}
    return subprocess.Popen(command, cwd=ROOT, env=environment, stderr=log, stdout=log)


def logs(folder: Path) -> str:
    return "\n".join(f"--- {name}\n{(folder / f'{name}.log').read_text()[-3000:]}" for name in ROLES)


def test_three_windows_of_separate_processes(network):
    subnet, folder, signers = network
    miner, validator = signers["miner"].address, signers["validator"].address
    processes = {name: start(name, folder) for name in ROLES}

    def until(what: str, happened: Callable[[], object]) -> None:
        """Hold the chain still until a process has acted: a slow machine must not miss a deadline of this test."""
        deadline = time.monotonic() + 150
        while not happened():
            assert time.monotonic() < deadline, f"waited for {what}\n{logs(folder)}"
            assert all(process.poll() is None for process in processes.values()), logs(folder)
            time.sleep(0.1)

    def mine_to(block: int) -> None:
        missing = block - subnet.chain.head().number
        if missing > 0:
            subnet.chain.mine(missing)

    def said(name: str, duty: str, window: int) -> bool:
        return f'"duty": "{duty}", "window": {window}, "event": "done"' in (folder / f"{name}.log").read_text()

    try:
        until("three started processes", lambda: all('"started"' in (folder / f"{n}.log").read_text() for n in ROLES))
        schedule = subnet.schedule
        for window in range(WINDOWS):
            mine_to(schedule.start(window) + 1)
            until("the commitment", partial(subnet.commitment, window, miner))
            mine_to(schedule.challenge_block(window))
            until("the scores", partial(subnet.score_commitment, window, validator))
            mine_to(schedule.score_deadline(window))
            until("the reveal", partial(subnet.reveals, window))
            mine_to(schedule.reveal_deadline(window) + 1)
            until("the statement", lambda w=window: subnet.round(w).standing)
            mine_to(subnet.round(window).deadline + 1)
            until("the settlement", partial(subnet.settlement, window))
            until("the claim", partial(said, "miner", "claim", window))
            until("the update", partial(said, "trainer", "learn", window))
    finally:
        for process in processes.values():
            process.send_signal(signal.SIGTERM)
        codes = {name: process.wait(timeout=60) for name, process in processes.items()}
    assert codes == dict.fromkeys(ROLES, 0), f"graceful stop\n{logs(folder)}"
    for window in range(WINDOWS):
        assert subnet.commitment(window, miner).n_groups == 24
        assert subnet.round(window).closed and subnet.settlement(window)
    assert subnet.latest_version() >= 2, logs(folder)
    assert subnet.commitment(WINDOWS - 1, miner).checkpoint_version >= 2, "the miner went on with the trainer's weights"
    assert not any(subnet.neuron(s.address).jailed for s in signers.values())


def test_a_second_process_with_the_same_key_is_refused(network):
    _, folder, _ = network
    first = start("miner", folder)
    try:
        text = (folder / "miner.log").read_text()
        deadline = time.monotonic() + 60
        while '"started"' not in (folder / "miner.log").read_text()[len(text) :]:
            assert time.monotonic() < deadline and first.poll() is None, logs(folder)
            time.sleep(0.2)
        second = start("miner", folder)
        assert second.wait(timeout=60) == 1
        assert "another process works with" in (folder / "miner.log").read_text()
    finally:
        first.terminate()
        first.wait(timeout=60)


def test_a_wrong_password_and_a_wrong_chain_are_named(network):
    _, folder, _ = network
    command = [sys.executable, "neurons/miner.py", "--config", str(folder / "miner.toml")]
    wrong = subprocess.run(
        command, cwd=ROOT, env={**os.environ, "GRAIL_PASSWORD": "no"}, capture_output=True, text=True, timeout=60
    )
    assert wrong.returncode == 1 and "password" in wrong.stderr and "Traceback" not in wrong.stderr
    book = json.loads((folder / "network.json").read_text())
    (folder / "other.json").write_text(json.dumps({"1": next(iter(book.values()))}))
    other = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, "GRAIL_PASSWORD": PASSWORD, "GRAIL_CHAIN__ADDRESS_BOOK": str(folder / "other.json")},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert other.returncode == 1 and "expected chain id 1" in other.stderr


def test_a_refusal_by_a_real_node_is_readable(network):
    subnet, _, signers = network
    with pytest.raises(Reverted, match=r"AlreadyRegistered.*one address has one role"):
        subnet.register(signers["miner"], Role.VALIDATOR, "", 10**21)


def test_a_node_that_is_not_there():
    with pytest.raises(ChainUnavailable, match="is the node running"):
        JsonRpcChain.connect("http://127.0.0.1:9")
