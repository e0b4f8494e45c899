"""What `python neurons/ROLE.py` and `grail mine | validate | train` share: arguments, settings, log, service."""

import argparse
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from grail.chain.bittensor import require_sdk
from grail.config import BITTENSOR_FLAGS, Settings, load_settings, with_bittensor_flags
from grail.errors import GrailError
from grail.foreign.urls import shown
from grail.telemetry import log


def start(
    what: str, settings_file: Path | None, run: Callable[[Settings], None], *, as_json: bool = False,
    flags: Mapping[str, Any] | None = None,
) -> None:  # fmt: skip
    """Load settings, configure the log, run. `flags`: Bittensor's, which win over everything."""
    log.configure(as_json=as_json)
    settings = with_bittensor_flags(load_settings(settings_file), flags or {})
    log.get_logger().info("starting", role=what, chain=shown(settings.chain.url), folder=str(settings.work.folder))
    if settings.bittensor.netuid is not None:
        require_sdk()
    run(settings)


def main(what: str, run: Callable[[Settings], None]) -> None:
    """Command line of a script: `--config FILE`, `--json-log`, Bittensor's flags."""
    parser = argparse.ArgumentParser(description=f"Run a Grail {what} until it is stopped (SIGINT or SIGTERM).")
    parser.add_argument("--config", type=Path, help="settings in TOML; GRAIL_ environment variables win over it")
    parser.add_argument("--json-log", action="store_true", help="log one JSON object a line")
    subnet = parser.add_argument_group("Bittensor", "a subnet to stand in: docs/bittensor.md")
    for name in BITTENSOR_FLAGS:
        subnet.add_argument(f"--{name}", metavar=name.rpartition(".")[2].upper())
    parser.add_argument("--logging.debug", action="store_true", help="without effect: the log says it all")
    options = parser.parse_args()
    flags = {name: getattr(options, name) for name in BITTENSOR_FLAGS}
    try:
        start(what, options.config, run, as_json=options.json_log, flags=flags)
    except GrailError as error:
        print(f"grail {what}: {error}", file=sys.stderr)
        sys.exit(1)
