"""What `grail devnet` does to a network's folder: start, stop, look."""

import os
import signal
import subprocess
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import psutil

from grail.chain import open_chain
from grail.chain.address_book import AddressBook
from grail.chain.subnet import Subnet
from grail.config import environment_of_programs
from grail.errors import ChainError, SettingsError, Unavailable
from grail.protocol.units import WindowId
from neurons.devnet import founding
from neurons.devnet import subnet as subnet_of
from neurons.devnet.layout import (
    REPOSITORY,
    DevnetOptions,
    Layout,
    Programs,
    anvil_path,
    chain_program,
    explorer_programs,
    free_ports,
    neuron_programs,
    relay_program,
    subtensor_programs,
)
from neurons.devnet.supervisor import STOP_SECONDS, end_leftovers, held, load_state
from simulation.models import model_folder

MARGIN_SECONDS = 10.0
FOLLOW_SECONDS = 0.3


def start(layout: Layout, wanted: Mapping[str, Any], notify: Callable[[str], None], seconds: float) -> None:
    """Found what is not there, start what does not run; returns when every process is ready.

    Raises SettingsError where the folder has a network with other options, Unavailable where a process does not come.
    """
    options = prepared(layout, wanted)
    model_folder(options.model)
    founding.make_keys(layout, options, notify)
    if options.bittensor:
        subnet_of.founded(layout, options, notify)
    chains = [chain_program(layout, options), *subtensor_programs(layout, options)]
    stores = [*chains, relay_program(layout, options)]
    programs = [*stores, *neuron_programs(layout, options), *explorer_programs(layout, options)]
    _add(layout, chains)
    _supervise(layout)
    _wait_for(layout, [program.name for program in chains], notify, seconds)
    subnet = founding.deployed(layout, options, notify)
    _add(layout, stores)
    _wait_for(layout, [program.name for program in stores], notify, seconds)
    founding.populated(layout, options, subnet, notify)
    if options.bittensor:
        subnet_of.associated(layout, options, subnet, notify)
    _add(layout, programs)
    _wait_for(layout, [program.name for program in programs], notify, seconds)
    founding.begin(subnet)


def stop(layout: Layout) -> int:
    """End everything; returns how many processes that were."""
    running = sum(one.pid != 0 for one in load_state(layout).processes)
    with held(layout) as lock:
        if lock is not None:
            return end_leftovers(layout)
    number = load_state(layout).supervisor
    os.kill(number, signal.SIGTERM)
    if not _waited(lambda: not _is_supervised(layout), STOP_SECONDS + MARGIN_SECONDS):
        os.kill(number, signal.SIGKILL)
        _waited(lambda: not _is_supervised(layout), MARGIN_SECONDS)
        end_leftovers(layout)
    return running


def standing(layout: Layout) -> dict[str, Any]:
    """Processes, window, settled windows, as plain values. Raises SettingsError in a folder without a network."""
    options = layout.load_options()
    if options is None:
        raise SettingsError(f"no development network in {layout.folder}: grail devnet up --folder {layout.folder}")
    supervised = _is_supervised(layout)
    processes = []
    for one in load_state(layout).processes:
        state = one.state if supervised else ("unsupervised" if one.pid and psutil.pid_exists(one.pid) else "stopped")
        shown = {"name": one.name, "pid": one.pid if state != "stopped" else 0, "state": state}
        processes.append(shown | {"restarts": one.restarts, "command": " ".join(one.command)})
    window, settled = None, 0
    try:
        if supervised and layout.book.exists():
            subnet = Subnet(open_chain([options.url]), AddressBook.load(layout.book))
            window = subnet.current_window()
            settled = sum(
                subnet.settlement(WindowId(n)) is not None for n in range(0 if window is None else window + 1)
            )
    except ChainError:
        window = None
    return {
        "processes": processes,
        "window": window,
        "settled": settled,
        "chain": options.url,
        "explorer": options.explorer_url,
        "subtensor": options.subtensor_url,
        "supervised": supervised,
    }


def last_lines(layout: Layout, name: str, count: int) -> Iterator[str]:
    """The last lines of one process, or of all, each with its name before it."""
    for one in _logged(layout, name):
        with layout.log(one).open(errors="replace") as file:
            for line in deque(file, count):
                yield f"{one:12} {line.rstrip()}" if not name else line.rstrip()


def new_lines(layout: Layout, name: str) -> Iterator[str]:
    """Lines as they are written, for ever."""
    files = {one: layout.log(one).open(errors="replace") for one in _logged(layout, name)}
    for file in files.values():
        file.seek(0, os.SEEK_END)
    while True:
        for one, file in files.items():
            while line := file.readline():
                yield f"{one:12} {line.rstrip()}" if not name else line.rstrip()
        time.sleep(FOLLOW_SECONDS)


def _logged(layout: Layout, name: str) -> list[str]:
    known = sorted(path.stem for path in layout.logs.glob("*.log"))
    if name and name not in known:
        raise SettingsError(f"expected a process among {', '.join(known) or 'none so far'}; got {name!r}")
    return [name] if name else known


def prepared(layout: Layout, wanted: Mapping[str, Any]) -> DevnetOptions:
    """Those of the folder; where it has none, the wanted ones with ports that are free. Raises SettingsError."""
    found = layout.load_options()
    if found is None:
        chain_port, relay_port, explorer_port, subtensor_port = free_ports(4)
        node = "served" if anvil_path() is None else "anvil"
        ports = {"chain_port": chain_port, "relay_port": relay_port, "explorer_port": explorer_port}
        ports |= {"subtensor_port": subtensor_port} if wanted.get("bittensor") else {}
        found = DevnetOptions(**{"node": node, **wanted, **ports})
        layout.folder.mkdir(parents=True, exist_ok=True)
        layout.save(layout.options, found)
    have = found.model_dump()
    other = [f"{name} {have[name]}, not {value}" for name, value in wanted.items() if have[name] != value]
    if other:
        raise SettingsError(f"the network in {layout.folder} has {'; '.join(other)}: use another --folder")
    return found


def _add(layout: Layout, programs: list[Any]) -> None:
    """Say what is to run; what is said already stays."""
    if len(programs) > len(layout.load_programs()):
        layout.save(layout.programs, Programs(programs=tuple(programs)))


def _supervise(layout: Layout) -> None:
    if _is_supervised(layout):
        return
    with layout.log("supervisor").open("ab") as log:
        command = [sys.executable, "-m", "neurons.devnet.supervisor", str(layout.folder)]
        subprocess.Popen(
            command,
            cwd=REPOSITORY,
            env=environment_of_programs(),
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    if not _waited(lambda: _is_supervised(layout), MARGIN_SECONDS):
        raise Unavailable(f"the supervisor did not start: see {layout.log('supervisor')}")


def _is_supervised(layout: Layout) -> bool:
    with held(layout) as lock:
        return lock is None


def _wait_for(layout: Layout, names: list[str], notify: Callable[[str], None], seconds: float) -> None:
    def missing() -> list[str]:
        states = {one.name: one.state for one in load_state(layout).processes}
        late = [name for name in names if states.get(name) != "running"]
        notify(f"waiting for {', '.join(late)}")
        return late

    if _waited(lambda: not missing(), seconds):
        return
    name = missing()[0]
    said = "\n".join(last_lines(layout, name, 5)) if layout.log(name).exists() else "nothing"
    raise Unavailable(f"{name} was not ready within {seconds:.0f} s, and says:\n{said}")


def _waited(happened: Callable[[], bool], seconds: float) -> bool:
    """Did it happen in time?"""
    ends = time.monotonic() + seconds
    while not happened():
        if time.monotonic() > ends:
            return False
        time.sleep(0.1)
    return True
