"""Keeps a development network's programs running: `python -m neurons.devnet.supervisor FOLDER`.

It starts what programs.json names, restarts what dies, and tells in state.json what runs. Ended with SIGTERM, it ends
all of them; killed, it leaves them running, and the next one takes them down by what state.json says.
"""

import contextlib
import fcntl
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import psutil
import pydantic

from grail.config import environment_of_programs
from neurons.devnet.layout import HOST, Layout, Program

LOOK_SECONDS = 0.25
FIRST_PAUSE, LONGEST_PAUSE = 0.5, 10.0
"""Seconds before a restart, doubled with each death that comes within `HEALTHY_SECONDS` of the start."""
HEALTHY_SECONDS = 30.0
STOP_SECONDS = 20.0


class Running(pydantic.BaseModel, extra="forbid"):
    """One process as it stands. `created`: when the operating system started it, which tells it from another with the
    same number; 0 where none runs. `state`: starting, running, waiting (to be restarted), dead, stopped.
    """

    name: str
    command: tuple[str, ...]
    pid: int = 0
    created: float = 0.0
    state: str = "starting"
    restarts: int = 0


class State(pydantic.BaseModel, extra="forbid"):
    """All of them, and the supervisor itself."""

    supervisor: int = 0
    processes: list[Running] = []


class Child:
    """A program, its process, and when it may be started again."""

    def __init__(self, program: Program, layout: Layout) -> None:
        self.program = program
        self.running = Running(name=program.name, command=program.command)
        self._layout = layout
        self._process: subprocess.Popen[bytes] | None = None
        self._began = 0.0
        self._pause = FIRST_PAUSE
        self._ready_from = 0
        self._due = 0.0

    def look(self) -> None:
        """Start, restart, or see whether it is ready."""
        if self._process is None:
            if time.monotonic() >= self._due and self.running.state != "dead":
                self._start()
        elif self._process.poll() is not None:
            self._died(self._process.returncode)
        elif self.running.state == "starting" and self._is_ready():
            self.running.state = "running"

    def stop(self, how: int) -> None:
        """Send a signal, where it runs."""
        if self._process is not None and self._process.poll() is None:
            self._process.send_signal(how)

    def has_ended(self) -> bool:
        """Does nothing run any more?"""
        return self._process is None or self._process.poll() is not None

    def _start(self) -> None:
        log = self._layout.log(self.program.name)
        with log.open("ab") as out:
            self._ready_from = out.tell()
            self._process = subprocess.Popen(
                self.program.command,
                cwd=self._layout.folder,
                env=environment_of_programs(),
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._began = time.monotonic()
        self.running.pid, self.running.state = self._process.pid, "starting"
        with contextlib.suppress(psutil.NoSuchProcess):
            self.running.created = psutil.Process(self._process.pid).create_time()

    def _died(self, code: int) -> None:
        lived = time.monotonic() - self._began
        self._pause = FIRST_PAUSE if lived > HEALTHY_SECONDS else min(LONGEST_PAUSE, 2 * self._pause)
        self._due = time.monotonic() + self._pause
        self._process, self.running.pid, self.running.created = None, 0, 0.0
        self.running.state = "waiting" if self.program.restart else "dead"
        self.running.restarts += self.program.restart
        after = f"again in {self._pause:g} s" if self.program.restart else "and cannot go on where it was"
        _say(f"{self.program.name} ended with code {code} after {lived:.0f} s, {after}")

    def _is_ready(self) -> bool:
        if self.program.port:
            with socket.socket() as one:
                one.settimeout(LOOK_SECONDS)
                return one.connect_ex((HOST, self.program.port)) == 0
        with self._layout.log(self.program.name).open("rb") as log:
            log.seek(self._ready_from)
            return self.program.words.encode() in log.read(1 << 20)


class Supervisor:
    """The loop."""

    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._stop = threading.Event()
        self._children: dict[str, Child] = {}
        self._told = ""

    def run(self) -> None:
        """Until SIGTERM."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: self._stop.set())
        end_leftovers(self._layout)
        _say("started")
        while not self._stop.is_set():
            for program in self._layout.load_programs():
                self._children.setdefault(program.name, Child(program, self._layout))
            for child in self._children.values():
                child.look()
            self._tell()
            self._stop.wait(LOOK_SECONDS)
        self._end()

    def _tell(self) -> None:
        state = State(supervisor=psutil.Process().pid, processes=[child.running for child in self._children.values()])
        told = state.model_dump_json()
        if told != self._told:
            self._layout.save(self._layout.state, state)
            self._told = told

    def _end(self) -> None:
        """Neurons first, the chain last; who does not end in time is killed."""
        _say("stopping")
        children = list(self._children.values())[::-1]
        for child in children:
            child.stop(signal.SIGTERM)
        ends = time.monotonic() + STOP_SECONDS
        while time.monotonic() < ends and not all(child.has_ended() for child in children):
            time.sleep(0.05)
        for child in children:
            child.stop(signal.SIGKILL)
            child.running.state, child.running.pid, child.running.created = "stopped", 0, 0.0
        self._tell()
        _say("stopped")


@contextlib.contextmanager
def held(layout: Layout) -> Iterator[IO[str] | None]:
    """The folder's lock, None where a supervisor has it."""
    layout.folder.mkdir(parents=True, exist_ok=True)
    with layout.lock.open("a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            yield None
            return
        yield file


def load_state(layout: Layout) -> State:
    """What the last supervisor told; empty where none did."""
    try:
        return State.model_validate_json(layout.state.read_text())
    except (OSError, ValueError):
        return State()


def end_leftovers(layout: Layout) -> int:
    """End what a killed supervisor has left running; returns how many that were. Numbers alone are not trusted: another
    process may have one by now.
    """
    found = []
    for running in load_state(layout).processes:
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(running.pid) if running.pid else None
            if process is not None and abs(process.create_time() - running.created) < 0.01:
                process.terminate()
                found.append(process)
    _, alive = psutil.wait_procs(found, STOP_SECONDS)
    for process in alive:
        process.kill()
    psutil.wait_procs(alive, STOP_SECONDS)
    return len(found)


def _say(what: str) -> None:
    print(f"{time.strftime('%Y-%m-%dT%H:%M:%S')} supervisor: {what}", flush=True)


def main() -> None:
    """Supervise the network of a folder, once."""
    layout = Layout(Path(sys.argv[1]))
    with held(layout) as lock:
        if lock is not None:
            Supervisor(layout).run()


if __name__ == "__main__":
    main()
