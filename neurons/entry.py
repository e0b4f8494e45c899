"""What `python neurons/ROLE.py` and `grail mine | validate | train` share: arguments, settings, log, service."""

import argparse
import sys
from collections.abc import Callable
from pathlib import Path

from grail.config import Settings, load_settings
from grail.errors import GrailError
from grail.foreign.urls import shown
from grail.telemetry import log


def start(what: str, settings_file: Path | None, run: Callable[[Settings], None], *, as_json: bool = False) -> None:
    """Load settings, configure the log, run."""
    log.configure(as_json=as_json)
    settings = load_settings(settings_file)
    log.get_logger().info("starting", role=what, chain=shown(settings.chain.url), folder=str(settings.work.folder))
    run(settings)


def main(what: str, run: Callable[[Settings], None]) -> None:
    """Command line of a script: `--config FILE`, `--json-log`."""
    parser = argparse.ArgumentParser(description=f"Run a Grail {what} until it is stopped (SIGINT or SIGTERM).")
    parser.add_argument("--config", type=Path, help="settings in TOML; GRAIL_ environment variables win over it")
    parser.add_argument("--json-log", action="store_true", help="log one JSON object a line")
    options = parser.parse_args()
    try:
        start(what, options.config, run, as_json=options.json_log)
    except GrailError as error:
        print(f"grail {what}: {error}", file=sys.stderr)
        sys.exit(1)
