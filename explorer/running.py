"""An explorer that runs: the follower here, the web process as a child that is told a database and no node."""

import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from explorer.index.follow import Follower
from explorer.index.reports import Reports
from grail.config import environment_of_programs
from grail.errors import ChainError, NoAnswer, StorageError, Unavailable
from grail.foreign.http import fetch
from grail.telemetry.log import get_logger

START_SECONDS, STOP_SECONDS = 30.0, 10.0
LONGEST_PAUSE = 30.0
REPORT_SECONDS = 5.0
OK = 200


def require_web() -> None:
    """Raises Unavailable where the web process has not what it needs."""
    missing = [name for name in ("jinja2", "prometheus_client") if find_spec(name) is None]
    if missing:
        raise Unavailable(f"{', '.join(missing)} not installed: pip install 'grail-network[explorer]'")


@contextmanager
def serving(url: str, host: str, port: int, names: tuple[str, ...] = ()) -> Iterator[subprocess.Popen[str]]:
    """The web process, once it answers. `url`: of the database. Raises Unavailable where it does not start."""
    command = [sys.executable, "-P", "-m", "explorer.serve", host, str(port), *names]
    child = subprocess.Popen(command, env=environment_of_programs(), stdin=subprocess.PIPE, text=True)
    assert child.stdin is not None
    try:
        child.stdin.write(url + "\n")
        child.stdin.close()
        _wait_for(child, f"http://{'127.0.0.1' if host == '0.0.0.0' else host}:{port}/healthz")
        yield child
    finally:
        child.terminate()
        try:
            child.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            child.kill()


def _wait_for(child: subprocess.Popen[str], url: str) -> None:
    ends = time.monotonic() + START_SECONDS
    while time.monotonic() < ends and child.poll() is None:
        try:
            if fetch(url, most=1_000, seconds=1.0).status == OK:
                return
        except NoAnswer:
            time.sleep(0.1)
    raise Unavailable(f"the explorer did not answer at {url}: is the port taken? try another --port")


def follow(follower: Follower, poll_seconds: float, goes_on: Callable[[], bool], *, once: bool = False) -> None:
    """Keep an index at the chain's newest block. A node that fails is asked again, later each time."""
    log, pause = get_logger(), poll_seconds
    while goes_on():
        try:
            left = follower.step()
            pause = poll_seconds
        except (ChainError, StorageError) as error:
            log.warning("could not read on", reason=str(error), again_in=pause)
            pause = min(LONGEST_PAUSE, 2 * pause)
            left = -1
        if left > 0:
            log.info("reading the chain", blocks_left=left)
            continue
        if left == 0 and once:
            return
        time.sleep(pause)


@contextmanager
def collecting(reports: Reports) -> Iterator[None]:
    """Ask for reports beside the index: who delivers slowly holds nothing up."""
    ended = threading.Event()

    def work() -> None:
        while not ended.is_set():
            try:
                busy = reports.step() > 0
            except StorageError as error:
                get_logger().warning("could not keep reports", reason=str(error))
                busy = False
            if not busy:
                ended.wait(REPORT_SECONDS)

    threading.Thread(target=work, name="reports", daemon=True).start()
    try:
        yield
    finally:
        ended.set()
