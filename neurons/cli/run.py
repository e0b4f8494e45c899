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


def mine(
    config: ConfigFile = None,
    json_log: JsonLog = False,
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Make some groups, say how many fit into a window, what they would earn."),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="--dry-run: print one JSON object as the last line.")] = False,
) -> None:
    """Generate the window's rollouts and commit them, until stopped.

    It pledges and commits no more groups than it can finish in time, and measures that as it works.

    Examples:

        grail mine --config miner.toml --dry-run

        grail mine --config miner.toml
    """
    if dry_run:
        _rehearse(config, as_json)
        return
    from neurons.entry import start
    from neurons.miner import run

    start("miner", config, run, as_json=json_log)


def _rehearse(config: Path | None, as_json: bool) -> None:
    import json
    from dataclasses import asdict

    from rich.console import Console

    from grail.config import load_settings
    from grail.governance.acts import shown_amount
    from grail.telemetry import log
    from neurons.rehearsal import advice, rehearse

    log.configure(quiet=True)
    with Console(stderr=True).status("starting") as spinner:
        found = rehearse(load_settings(config), spinner.update)
    typer.echo(
        f"{found.engine}, version {found.version}: {found.tokens_per_second:,.0f} tokens/s, "
        f"{found.seconds_per_group:.3g} s a group ({found.groups_made} made at once, thrown away)"
    )
    if found.block_seconds is None:
        typer.echo("the chain makes no blocks at present: how many groups fit is not known")
    else:
        typer.echo(f"a block takes {found.block_seconds:.3g} s: {found.groups_that_fit:,} groups fit into a window")
    if found.expected_wei is not None:
        pay = f"{shown_amount(found.expected_wei)} a window"
        typer.echo(f"beside what others delivered last, once reliable: about {pay}")
    for line in advice(found):
        typer.echo(line)
    if as_json:
        typer.echo(json.dumps(asdict(found) | {"expected_wei": str(found.expected_wei or 0)}))


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
