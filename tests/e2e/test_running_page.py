"""docs/running.md, typed: three folders stand for three machines, two of them without a shared folder; all mine, audit,
train, settle and claim, through a restart of every process and a node that answers 429."""

import os
import re
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.address_book import AddressBook
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from neurons.devnet.layout import DevnetOptions, free_ports
from neurons.wiring import keystore_address
from tests.chain.fault_proxy import FaultProxy

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/running.md"
BIN = Path(sys.executable).parent
BLOCK = re.compile(r"^```sh (?P<where>[a-z]+)(?: (?P<kind>service|devnet))?\n(?P<text>.*?)^```", re.M | re.S)
COMMAND = re.compile(r"^(?:sudo .*?)?(?:\S*/)?grail ((?:[a-z-]+ ?)+)", re.MULTILINE)
BLOCK_SECONDS, OUTAGE_SECONDS = 0.5, 12.0
PATIENCE = 150.0


@dataclass
class Machine:
    """A folder, what is served in it, and what the reader remembers."""

    folder: Path
    services: dict[str, subprocess.Popen] = field(default_factory=dict)


def blocks() -> Iterator[tuple[str, str, str]]:
    for found in BLOCK.finditer(PAGE.read_text()):
        yield found["where"], found["kind"] or "", found["text"]


def quick(plan: str) -> str:
    """The plan with windows and votes that fit into a test; everything else as it was written."""
    short = DevnetOptions(chain_port=1, relay_port=1)
    times = short.schedule(0)
    changes = {"genesis_in": 100, "window": times.window, "commit": times.commit, "score": times.score, "reveal": 10}
    for name, value in changes.items():
        plan, count = re.subn(rf"^{name} = \d+", f"{name} = {value}", plan, flags=re.MULTILINE)
        assert count == 1, name
    values = "\n".join(f"{name} = {value}" for name, value in short.policy().items() if name != "max_groups")
    assert "[policy]" in plan
    return "phase_floor = 2\n" + plan.replace("[policy]", f"[policy]\n{values}\n#", 1)


class Reader:
    """Somebody who types what the page says."""

    def __init__(self, folder: Path, chain_port: int, relay_port: int, proxy: FaultProxy) -> None:
        self.machines = {name: Machine(folder / name) for name in "abc"}
        for machine in self.machines.values():
            machine.folder.mkdir()
        self._names: dict[str, str] = {}
        self._places = {
            "http://a:8545": proxy.url,
            "http://a:8547": f"http://127.0.0.1:{relay_port}",
            "--port 8545": f"--port {chain_port}",
            "--port 8547": f"--port {relay_port}",
            "--host 0.0.0.0": "",
            "--block-seconds 1": f"--block-seconds {BLOCK_SECONDS}",
        }

    def types(self, where: str, text: str) -> str:
        """A block of commands, each of which must do; returns what they print."""
        machine = self.machines[where]
        if where != "a" and not (machine.folder / "network.json").exists():
            shutil.copy(self.machines["a"].folder / "network.json", machine.folder)
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", self._here(text)],
            cwd=machine.folder, env=self._environment(), capture_output=True, text=True, timeout=180,
        )  # fmt: skip
        assert done.returncode == 0, f"{text}\n{done.stdout}\n{done.stderr}"
        for role in ("miner", "validator"):
            if f"grail keys address --config {role}.toml" in text.splitlines():
                self._names[role.upper()] = done.stdout.splitlines()[-1]
        plan = machine.folder / "plan.toml"
        if "grail init network" in text:
            plan.write_text(quick(plan.read_text()))
        return done.stdout

    def serves(self, where: str, text: str) -> None:
        """A block that goes on running."""
        machine = self.machines[where]
        name = text.split()[1]
        path = machine.folder / f"{name}.log"
        before, log = path.stat().st_size if path.exists() else 0, path.open("ab")
        command = shlex.split(self._here(text))
        command[0] = str(BIN / command[0])
        machine.services[text] = subprocess.Popen(
            command, cwd=machine.folder, env=self._environment(), stdout=log, stderr=subprocess.STDOUT
        )
        ready = b"started" if name in ("mine", "validate", "train") else b"http://"
        until(f"{name} to start", lambda: ready in path.read_bytes()[before:], self)
        time.sleep(0.5)

    def restarts(self, how: int) -> None:
        """Every service, one after the other."""
        for where, machine in self.machines.items():
            for text in list(machine.services):
                machine.services[text].send_signal(how)
                machine.services[text].wait(60)
                self.serves(where, text)

    def ends(self) -> None:
        for machine in self.machines.values():
            for process in machine.services.values():
                process.terminate()
        for machine in self.machines.values():
            for process in machine.services.values():
                process.wait(60)

    def logs(self) -> str:
        found = sorted(path for machine in self.machines.values() for path in machine.folder.glob("*.log"))
        return "\n".join(f"--- {path}\n{path.read_text()[-2500:]}" for path in found)

    def _here(self, text: str) -> str:
        for there, here in self._places.items():
            text = text.replace(there, here)
        return text

    def _environment(self) -> dict[str, str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("GRAIL_")}
        return kept | self._names | {"PATH": f"{BIN}:{kept['PATH']}", "HF_HUB_OFFLINE": "1"}


def until(what: str, happened, reader: Reader) -> None:
    ends = time.monotonic() + PATIENCE
    while not happened():
        assert time.monotonic() < ends, f"waited for {what}\n{reader.logs()}"
        time.sleep(0.2)


def test_three_machines_as_the_page_says(tmp_path):
    chain_port, relay_port = free_ports(2)
    with FaultProxy(f"http://127.0.0.1:{chain_port}") as proxy:
        reader = Reader(tmp_path, chain_port, relay_port, proxy)
        try:
            said = ""
            for where, kind, text in blocks():
                if where == "host" or kind == "devnet":
                    continue
                if kind == "service":
                    reader.serves(where, text.strip())
                else:
                    said += reader.types(where, text)
            assert "holds" in said and "leaves the active set in window" in said
            assert "does not rest" in said, "the announcement was taken back"
            chain = JsonRpcChain.connect(f"http://127.0.0.1:{chain_port}")
            subnet = Subnet(chain, AddressBook.load(tmp_path / "a/network.json"))
            follow(reader, subnet, proxy, tmp_path)
        finally:
            reader.ends()
    assert "Traceback" not in reader.logs()


def follow(reader: Reader, subnet: Subnet, proxy: FaultProxy, folder: Path) -> None:
    """Work, pay and learning go on through restarts and an outage; nobody loses stake, nothing was shared but URLs."""
    miner = keystore_address(folder / "b/miner.keystore.json")
    rich = subnet.balance(miner)
    until("a commitment", lambda: windows_of(subnet, miner), reader)
    reader.restarts(signal.SIGTERM)
    delivered = len(windows_of(subnet, miner))
    until("a later settlement", lambda: any(map(subnet.settlement, windows_of(subnet, miner)[delivered:])), reader)
    proxy.draw = lambda method: "429"
    time.sleep(OUTAGE_SECONDS)
    proxy.draw = lambda method: None
    until("pay", lambda: subnet.balance(miner) > rich, reader)
    until("a second version", lambda: subnet.latest_version() >= 2, reader)
    assert not any(subnet.neuron(member).jailed for member in subnet.members())
    assert subnet.position(miner, miner) == 1_000 * 10**18
    assert Signer.from_key(ANVIL_KEY).address not in subnet.members()
    names = {path.name for path in (folder / "b/miner-objects").rglob("*") if path.is_file()}
    assert names and not names & {path.name for path in (folder / "c/validator-data").rglob("*")}


def windows_of(subnet: Subnet, miner: bytes) -> list[int]:
    newest = subnet.current_window()
    return [] if newest is None else [w for w in range(newest + 1) if subnet.commitment(w, miner) is not None]


def test_the_blocks_for_a_host_are_sound(tmp_path):
    """Syntax of every script, and the units as systemd reads them: as far as that goes without one."""
    scripts = [text for where, _, text in blocks() if where == "host"]
    assert len(scripts) == 4
    for text in [*scripts, (ROOT / "deploy/install.sh").read_text()]:
        assert subprocess.run(["bash", "-n"], input=text, text=True).returncode == 0
    for unit in re.findall(r"\bgrail@(\w+)", PAGE.read_text()):
        assert unit in ("mine", "validate", "train")
    container = (ROOT / "deploy/Containerfile").read_text()
    assert re.findall(r"^RUN .*?(deploy/\S+)", container, re.MULTILINE) == ["deploy/install.sh"]
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is missing: the units are not verified")
    for name in ("grail@.service", "grail-relay.service"):
        text = (ROOT / "deploy" / name).read_text().replace("/opt/grail/venv/bin/grail", str(BIN / "grail"))
        unit = tmp_path / name.replace("@", "@mine")
        unit.write_text(text.replace("User=grail\nGroup=grail\n", "").replace("file:///opt", "file:/opt"))
        done = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True)
        wrong = [line for line in done.stderr.splitlines() if name.partition("@")[0] in line]
        assert not wrong, wrong


def test_the_page_shows_commands_that_exist():
    from typer.main import get_command

    from neurons.cli import app

    known = get_command(app)
    for line in COMMAND.findall("\n".join(text for _, _, text in blocks())):
        found = known
        for word in line.split():
            commands = getattr(found, "commands", None)
            if not commands:
                break
            assert word in commands, line
            found = commands[word]
