"""grail status, doctor, config show: look, change nothing."""

import json
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.command()(status)
    app.command()(doctor)
    config = typer.Typer(help="Settings.", no_args_is_help=True)
    config.command("show")(show)
    app.add_typer(config, name="config")


def status(
    config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Where the network stands: window, phase, checkpoint, neurons.

    Example: grail status --config miner.toml
    """
    from rich.console import Console
    from rich.table import Table

    from grail.config import load_settings
    from grail.runtime.status import network_status
    from neurons.wiring import open_subnet

    found = network_status(open_subnet(load_settings(config)))
    if as_json:
        typer.echo(json.dumps(found))
        return
    typer.echo(
        f"block {found['block']}, window {found['window']} ({found['phase']}, {found['blocks_left']} blocks left), "
        f"checkpoint v{found['checkpoint']}"
    )
    table = Table()
    for column in ("neuron", "role", "stake", "status"):
        table.add_column(column)
    for neuron in found["neurons"]:
        state = "jailed" if neuron["jailed"] else "active"
        table.add_row(neuron["address"], neuron["role"], f"{int(neuron['stake_wei']) / 10**18:,.1f}", state)
    Console().print(table)


def doctor(
    topic: Annotated[str, typer.Argument(help="'machine' or 'economics'.")] = "machine",
    config: Annotated[Path | None, typer.Option("--config", help="economics: settings of a live network.")] = None,
    miners: Annotated[int, typer.Option(help="economics: equal miners, without --config.", min=1)] = 8,
    validators: Annotated[int, typer.Option(help="economics: validators, without --config.", min=1)] = 3,
    groups: Annotated[int, typer.Option(help="economics: groups of a submission.", min=1)] = 64,
    rollouts_needed: Annotated[int, typer.Option(help="economics: fake rollouts that prove a fault.", min=1)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """What is missing on this machine, in words; or whether cheating pays under the live parameters.

    Exit code 1 when something needed is missing, or when some size of cheating pays.

    Examples:

        grail doctor

        grail doctor economics --config miner.toml
    """
    if topic == "economics":
        from neurons.cli.economics import economics

        economics(config, miners, validators, groups, rollouts_needed, as_json)
        return
    if topic != "machine":
        raise typer.BadParameter(f"expected 'machine' or 'economics', got {topic!r}")
    from grail.runtime.doctor import examine

    findings = examine()
    for finding in findings:
        mark = "ok  " if finding.present else "MISS" if finding.needed else "opt "
        typer.echo(f"{mark}  {finding.what}: {finding.detail}")
    if as_json:
        typer.echo(json.dumps([{"what": f.what, "present": f.present, "detail": f.detail} for f in findings]))
    if any(finding.needed and not finding.present for finding in findings):
        raise typer.Exit(1)


def show(config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None) -> None:
    """Print the settings in force: file, environment and defaults together. Secrets are not shown.

    Example: GRAIL_WORK__GROUPS=16 grail config show --config miner.toml
    """
    from grail.config import load_settings

    typer.echo(load_settings(config).model_dump_json(indent=2))
