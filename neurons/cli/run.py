"""grail mine / validate / train: one role as a process."""

from pathlib import Path
from typing import Annotated

import typer

ConfigFile = Annotated[Path | None, typer.Option("--config", help="Settings in TOML; GRAIL_ variables win over it.")]
JsonLog = Annotated[bool, typer.Option("--json-log", help="Log one JSON object a line.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(mine)
    app.command()(validate)
    app.command()(train)


def mine(config: ConfigFile = None, json_log: JsonLog = False) -> None:
    """Generate the window's rollouts and commit them, until stopped.

    Example: grail mine --config miner.toml
    """
    from neurons.entry import start
    from neurons.miner import run

    start("miner", config, run, as_json=json_log)


def validate(config: ConfigFile = None, json_log: JsonLog = False) -> None:
    """Audit, score, settle and judge, until stopped.

    Example: grail validate --config validator.toml
    """
    from neurons.entry import start
    from neurons.validator import run

    start("validator", config, run, as_json=json_log)


def train(config: ConfigFile = None, json_log: JsonLog = False) -> None:
    """Turn verified rollouts into the next checkpoint, until stopped.

    Example: grail train --config trainer.toml
    """
    from neurons.entry import start
    from neurons.trainer import run

    start("trainer", config, run, as_json=json_log)
