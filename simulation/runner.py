"""Run a local network to its end: set up or resume, windows, evaluations, report."""

import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from grail.telemetry.memory import peak_rss_mib
from simulation.live_view import LiveView
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from simulation.report import write_report
from simulation.results import RunResult, results

SETUP_FILE = "setup-seconds"
"""Written into the virtual environment by the set-up script."""


def run(
    options: LocalnetOptions, folder: Path, *, quiet: bool, step: Callable[[LocalNetwork], None] | None = None
) -> tuple[RunResult, dict[str, Any]]:
    """Play all windows; returns the result and what this machine measured. `step` is called in every phase.

    Interrupted with Ctrl-C it stops at once: the folder holds the last settled window and resumes from there.
    """
    started = time.monotonic()
    with LiveView(options.windows, quiet) as view:
        network = LocalNetwork(options, folder, view.phase)
        view.attach(network)
        if step is not None:
            network.notify = _both(view.phase, lambda: step(network))
        if not network.run_log.of("accuracy"):
            network.log_accuracy(-1, options.final_problems)
            view.evaluated()
        while network.next_window < options.windows:
            network.advance()
            done = network.next_window
            if done % options.evaluate_every == 0 and done != options.windows:
                network.log_accuracy(done - 1, options.evaluation_problems)
                view.evaluated()
            view.window_done()
        if network.run_log.of("accuracy")[-1]["window"] != options.windows - 1:
            network.log_accuracy(options.windows - 1, options.final_problems)
            view.evaluated()
    machine = measured(time.monotonic() - started)
    result = results(network)
    write_report(network, result, machine)
    return result, machine


def _both(show: Callable[[str], None], step: Callable[[], None]) -> Callable[[str], None]:
    def notify(phase: str) -> None:
        show(phase)
        step()

    return notify


def measured(seconds: float) -> dict[str, Any]:
    """Seconds of this call, seconds that the set-up took (0 when unknown), peak memory of this process in MiB."""
    recorded = Path(sys.prefix) / SETUP_FILE
    return {
        "seconds": round(seconds, 1),
        "setup_seconds": float(recorded.read_text()) if recorded.exists() else 0.0,
        "peak_rss_mib": round(peak_rss_mib(), 1),
    }
