"""grail mine / validate / train: one role as a process."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from grail.config import Settings

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


def validate(
    config: ConfigFile = None,
    json_log: JsonLog = False,
    ray: Annotated[
        str, typer.Option(help="Spread audits over a Ray cluster: its address, auto, or local (one worker a core).")
    ] = "",
) -> None:
    """Audit, score, settle and judge, until stopped.

    Examples:

        grail validate --config validator.toml

        grail validate --config validator.toml --ray auto
    """
    from neurons.entry import start
    from neurons.validator import run

    def run_there(settings: "Settings") -> None:
        work = settings.work.model_copy(update={"ray": ray or settings.work.ray})
        run(settings.model_copy(update={"work": work}))

    start("validator", config, run_there, as_json=json_log)


def train(config: ConfigFile = None, json_log: JsonLog = False) -> None:
    """Turn verified rollouts into the next checkpoint, until stopped.

    Example: grail train --config trainer.toml
    """
    from neurons.entry import start
    from neurons.trainer import run

    start("trainer", config, run, as_json=json_log)
