"""What a development network consists of: its options, its folder, its programs. Knows nothing of what runs."""

import platform
import shutil
import socket
import sys
from pathlib import Path
from typing import Literal

import pydantic

from grail.config import load_settings, toml_text
from grail.errors import SettingsError
from grail.governance.policy import longest_dispute
from grail.protocol.schedule import Schedule
from simulation.options import CHEATS

WINDOW, COMMIT, SCORE, REVEAL = 75, 28, 24, 10
"""Blocks: at a block a second a window is a minute and a quarter."""
PHASE = 14
HOST = "127.0.0.1"
NETUID, BURN_UID, HOTKEY = 5, 0, "hot"
"""The subnet of a network with --bittensor: slot 0 gets what nobody has earned, each neuron has a wallet's hotkey."""
REPOSITORY = Path(__file__).resolve().parents[2]


class Program(pydantic.BaseModel, extra="forbid", frozen=True):
    """One process: its command line, and how it shows that it is ready: a port that answers, or words in its log.
    `restart`: whether it goes on where it was when it is started anew.
    """

    name: str
    command: tuple[str, ...]
    port: int = 0
    words: str = ""
    restart: bool = True


class Programs(pydantic.BaseModel, extra="forbid", frozen=True):
    """A file of them, in the order in which they are started."""

    programs: tuple[Program, ...] = ()


class DevnetOptions(pydantic.BaseModel, extra="forbid", frozen=True):
    """What `grail devnet up` was told, and the ports that it chose."""

    miners: int = pydantic.Field(2, ge=1, le=16)
    validators: int = pydantic.Field(2, ge=1, le=16)
    cheats: int = pydantic.Field(0, ge=0, le=len(CHEATS))
    groups: int = pydantic.Field(16, ge=1, le=4_096)
    block_seconds: float = pydantic.Field(1.0, ge=0.1, le=60)
    node: Literal["served", "anvil"] = "served"
    model: str = "tiny"
    environment: str = "arithmetic/1"
    chain_port: int
    relay_port: int
    explorer: bool = True
    explorer_port: int = 0
    """0 in networks that were founded before there was one."""
    bittensor: bool = False
    subtensor_port: int = 0

    @property
    def url(self) -> str:
        """Of the chain's node."""
        return f"http://{HOST}:{self.chain_port}"

    @property
    def relay_url(self) -> str:
        """Of the relay that keeps everybody's objects."""
        return f"http://{HOST}:{self.relay_port}"

    @property
    def subtensor_url(self) -> str:
        """Of the double of Subtensor; empty without it."""
        return f"ws://{HOST}:{self.subtensor_port}" if self.bittensor else ""

    @property
    def explorer_url(self) -> str:
        """Of the pages; empty without them."""
        return f"http://{HOST}:{self.explorer_port}" if self.explorer and self.explorer_port else ""

    @property
    def neurons(self) -> dict[str, str]:
        """Name to role. A cheat is a miner that is named after its attack."""
        numbered = {f"miner-{i + 1}": "miner" for i in range(self.miners)}
        numbered |= dict.fromkeys(CHEATS[: self.cheats], "miner")
        numbered |= {f"validator-{i + 1}": "validator" for i in range(self.validators)}
        return numbered | {"trainer": "trainer"}

    def schedule(self, genesis: int) -> Schedule:
        """Phases that a restart of any process fits into."""
        return Schedule(genesis=genesis, window=WINDOW, commit=COMMIT, score=SCORE, reveal=REVEAL)

    def policy(self) -> dict[str, int]:
        """Governed values that a network with windows this short needs."""
        values = {
            "accusation_horizon_blocks": 2 * WINDOW,
            "vote_commit_blocks": PHASE,
            "vote_reveal_blocks": PHASE,
            "appeal_blocks": PHASE,
            "pause_blocks": WINDOW,
            "settlement_challenge_blocks": PHASE,
            "settlement_move_blocks": PHASE,
            "max_groups": max(64, self.groups),
        }
        return values | {"unbonding_blocks": longest_dispute(values, WINDOW)}


class Layout:
    """Where a development network's files are."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()
        self.options = self.folder / "devnet.json"
        self.programs = self.folder / "programs.json"
        self.state = self.folder / "state.json"
        self.lock = self.folder / "supervisor.lock"
        self.book = self.folder / "network.json"
        self.plan = self.folder / "plan.toml"
        self.password = self.folder / "password"
        self.logs = self.folder / "logs"
        self.subtensor = self.folder / "subtensor.json"
        self.wallets = self.folder / "wallets"

    def settings(self, name: str) -> Path:
        """A process's settings."""
        return self.folder / f"{name}.toml"

    def keystore(self, name: str) -> Path:
        """A neuron's key."""
        return self.folder / "keys" / f"{name}.json"

    def log(self, name: str) -> Path:
        """What a process says."""
        return self.logs / f"{name}.log"

    def load_options(self) -> DevnetOptions | None:
        """None in a folder without a network. Raises SettingsError for a file that is none."""
        if not self.options.exists():
            return None
        try:
            return DevnetOptions.model_validate_json(self.options.read_text())
        except ValueError as error:
            raise SettingsError(f"expected a development network's options in {self.options}, got: {error}") from error

    def load_programs(self) -> tuple[Program, ...]:
        """What is to run; nothing before a network was founded."""
        if not self.programs.exists():
            return ()
        return Programs.model_validate_json(self.programs.read_text()).programs

    def save(self, path: Path, what: pydantic.BaseModel) -> None:
        """Written aside and put in place, so that nobody reads half of it."""
        part = path.with_name(path.name + ".part")
        part.write_text(what.model_dump_json(indent=1) + "\n")
        part.replace(path)

    def write_settings(self, name: str, options: DevnetOptions) -> None:
        """A neuron's settings: its own folder and store, everybody's relay. A file that is there stays."""
        path = self.settings(name)
        if path.exists():
            return
        chosen: dict[str, dict[str, object]] = {
            "chain": {"url": options.url, "address_book": str(self.book), "confirmations": 1},
            "key": {"keystore": str(self.keystore(name)), "password_file": str(self.password)},
            "work": {
                "folder": str(self.folder / name),
                "store": f"file://{self.folder / name / 'objects'}",
                "relays": [options.relay_url],
                "private_endpoints": True,
                "groups": options.groups,
                "threads": 1,
                "poll_seconds": min(1.0, options.block_seconds),
            },
        }
        if options.bittensor:
            chosen["bittensor"] = {
                "netuid": NETUID, "network": options.subtensor_url, "burn_uid": BURN_UID, "wallet_name": name,
                "wallet_hotkey": HOTKEY, "wallet_path": str(self.wallets),
            }  # fmt: skip
        path.write_text(toml_text(chosen))
        load_settings(path)


def chain_program(layout: Layout, options: DevnetOptions) -> Program:
    """The chain: its state survives where it is ours."""
    if options.node == "anvil":
        path = anvil_path()
        if path is None:
            raise SettingsError("expected anvil (npm in contracts/: make contracts), found none: use --node served")
        more: tuple[str, ...] = (
            "--block-time",
            f"{options.block_seconds:g}",
            "--silent",
            "--max-persisted-states",
            "5",
        )
        anvil = (str(path), "--port", str(options.chain_port), *more)
        return Program(name="chain", command=anvil, port=options.chain_port, restart=False)
    command = grail("devnet", "chain", "--file", layout.folder / "chain.sqlite", "--port", options.chain_port)
    command += ("--block-seconds", f"{options.block_seconds:g}")
    return Program(name="chain", command=command, port=options.chain_port)


def subtensor_programs(layout: Layout, options: DevnetOptions) -> list[Program]:
    """The double of Subtensor, where it is wanted."""
    if not options.bittensor:
        return []
    where = ("--file", layout.subtensor, "--port", options.subtensor_port)
    command = grail("devnet", "subtensor", *where, "--block-seconds", f"{options.block_seconds:g}")
    return [Program(name="subtensor", command=command, port=options.subtensor_port)]


def relay_program(layout: Layout, options: DevnetOptions) -> Program:
    """The object store: a relay to which all neurons put what they make."""
    where = ("--folder", layout.folder / "relay", "--port", options.relay_port, "--config", layout.settings("relay"))
    return Program(name="relay", command=grail("relay", *where, "--quota", 1 << 20), port=options.relay_port)


def explorer_programs(layout: Layout, options: DevnetOptions) -> list[Program]:
    """The pages, where they are wanted."""
    if not options.explorer_url:
        return []
    where = ("--config", layout.settings("explorer"), "--port", options.explorer_port)
    return [Program(name="explorer", command=grail("explorer", *where), port=options.explorer_port)]


def neuron_programs(layout: Layout, options: DevnetOptions) -> list[Program]:
    """One for each neuron, as the documentation says it."""
    verbs = {"miner": ("mine",), "validator": ("validate",), "trainer": ("train",)}
    found = []
    for name, role in options.neurons.items():
        verb = ("devnet", "cheat", name) if name in CHEATS else verbs[role]
        command = grail(*verb, "--config", layout.settings(name), "--json-log")
        found.append(Program(name=name, command=command, words='"event": "started"'))
    return found


def grail(*arguments: object) -> tuple[str, ...]:
    """A command line of this installation."""
    script = Path(sys.executable).with_name("grail")
    first = (str(script),) if script.exists() else (sys.executable, "-m", "neurons.cli")
    return (*first, *map(str, arguments))


def anvil_path() -> Path | None:
    """Anvil on the path, or what npm brought for the contracts' tests on this platform."""
    found = shutil.which("anvil")
    if found is not None:
        return Path(found)
    path = npm_tool("anvil")
    return path if path.exists() else None


def npm_tool(name: str, system: str = sys.platform, machine: str = platform.machine()) -> Path:
    """Where npm puts a native program of Foundry (anvil, forge) on this platform, whether it is there or not."""
    processor = {"x86_64": "amd64", "AMD64": "amd64", "aarch64": "arm64", "arm64": "arm64"}.get(machine, machine)
    return REPOSITORY / "contracts/node_modules/@foundry-rs" / f"{name}-{system}-{processor}" / "bin" / name


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens on."""
    held = [socket.socket() for _ in range(count)]
    try:
        for one in held:
            one.bind((HOST, 0))
        return [one.getsockname()[1] for one in held]
    finally:
        for one in held:
            one.close()
