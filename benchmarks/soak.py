"""A development network under random kills and a node that fails: does it go on, and does nothing grow?

    python benchmarks/soak.py --minutes 60 --json

`grail devnet` with two miners, two validators and a trainer; every so often one of the processes is killed (SIGKILL),
but never the first miner, the first validator, the trainer: their memory and open files are measured, and the slope of
both is told from the last three quarters of the time. All neurons ask the chain through a proxy that answers a part of
all calls as bad nodes do.
"""

import argparse
import contextlib
import json
import os
import random
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil

sys.path[0] = str(Path(__file__).resolve().parent.parent)

from grail.chain.address_book import AddressBook
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.protocol.units import WindowId
from neurons.devnet import control, founding
from neurons.devnet.layout import Layout
from tests.chain.fault_proxy import FaultProxy, by_lot

SPARED = ("miner-1", "validator-1", "trainer")
KILL_EVERY = 40.0
WARM_UP = 0.25
"""Of the time, before anything is measured: models are loaded, caches fill."""
BLOCK_SECONDS = 0.8


def through(layout: Layout, proxy: FaultProxy, url: str) -> None:
    """Let every neuron ask the proxy."""
    for path in layout.folder.glob("*.toml"):
        if path.name != "relay.toml":
            path.write_text(path.read_text().replace(url, proxy.url))


def slope(points: list[tuple[float, float]]) -> float:
    """Of a line through (seconds, value), a second."""
    if len(points) < 2:
        return 0.0
    seconds, values = np.array(points).T
    return float(np.polyfit(seconds, values, 1)[0])


def processes(layout: Layout) -> dict[str, int]:
    """Name to pid of what runs."""
    return {one.name: one.pid for one in control.load_state(layout).processes if one.pid}


def soak(minutes: float, share: float, seed: int, folder: Path) -> dict[str, Any]:
    """Play, measure, count."""
    dice, layout = random.Random(seed), Layout(folder)
    wanted = {"node": "served", "miners": 2, "validators": 2, "groups": 8, "block_seconds": BLOCK_SECONDS}
    with FaultProxy("http://127.0.0.1:9") as proxy:
        control.prepared(layout, wanted)
        options = layout.load_options()
        assert options is not None
        proxy.upstream(options.url)
        founding.make_keys(layout, options, lambda _: None)
        through(layout, proxy, options.url)
        control.start(layout, wanted, lambda _: None, 300.0)
        subnet = Subnet(JsonRpcChain.connect(options.url), AddressBook.load(layout.book))
        proxy.draw = by_lot(share, seed)
        began, killed, due = time.monotonic(), 0, KILL_EVERY
        memory: dict[str, list[tuple[float, float]]] = {name: [] for name in SPARED}
        files: dict[str, list[tuple[float, float]]] = {name: [] for name in SPARED}
        while (passed := time.monotonic() - began) < 60 * minutes:
            if passed > due:
                due += KILL_EVERY * dice.uniform(0.5, 1.5)
                running = {name: pid for name, pid in processes(layout).items() if name not in SPARED}
                with contextlib.suppress(ProcessLookupError):
                    name = dice.choice(sorted(running))
                    os.kill(running[name], signal.SIGKILL)
                    killed += 1
                    print(f"{passed:6.0f} s: killed {name}", file=sys.stderr)
            if passed > WARM_UP * 60 * minutes:
                for name, pid in processes(layout).items():
                    if name in SPARED:
                        with contextlib.suppress(psutil.NoSuchProcess):
                            memory[name].append((passed, psutil.Process(pid).memory_info().rss / 2**20))
                            files[name].append((passed, psutil.Process(pid).num_fds()))
            time.sleep(2.0)
        windows = subnet.current_window() or 0
        # the newest window is running, and the one before it is being settled
        settled = sum(subnet.settlement(WindowId(window)) is not None for window in range(windows - 1))
        restarts = {one.name: one.restarts for one in control.load_state(layout).processes}
        return {
            "minutes": minutes,
            "kills": killed,
            "windows": windows - 1,
            "windows_settled": settled,
            "rss_slope_mib_per_hour": max(3_600 * slope(points) for points in memory.values()),
            "fd_slope": max(abs(3_600 * slope(points)) for points in files.values()),
            "by_process": {
                name: {"rss_mib": memory[name][-1][1], "rss_slope": 3_600 * slope(memory[name])} for name in SPARED
            },
            "spared_restarts": sum(restarts[name] for name in SPARED),
            "honest_slashed": sum(subnet.neuron(member).jailed for member in subnet.members()),
            "faults": sum(proxy.counts.values()),
        }


def main() -> int:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0)
    parser.add_argument("--share", type=float, default=0.03, help="of all calls that fail")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true", help="one JSON object as the last line")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        layout = Layout(Path(folder) / "net")
        try:
            found = soak(options.minutes, options.share, options.seed, layout.folder)
        finally:
            control.stop(layout)
    for name, value in found.items():
        if not options.json:
            print(f"{name:24} {value}")
    if options.json:
        print(json.dumps(found))
    return int(bool(found["honest_slashed"] or found["spared_restarts"]))


if __name__ == "__main__":
    sys.exit(main())
