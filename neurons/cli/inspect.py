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
    neuron: Annotated[str, typer.Option(help="Whose concerns to show; the settings' keystore's without.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Where the network stands: window, phase, checkpoint, neurons; and what the operator of one should know now: seats
    about to be missed, accusations, contests, held pay, promises not kept.

    Examples:

        grail status --config miner.toml

        grail status --neuron 0x52f8… --json --config miner.toml
    """
    from dataclasses import asdict

    from rich.console import Console
    from rich.table import Table

    from grail.config import load_settings
    from grail.governance.acts import parse_address
    from grail.runtime.concerns import concerns_of
    from grail.runtime.status import network_status
    from neurons.wiring import keystore_address, open_subnet

    settings = load_settings(config)
    subnet = open_subnet(settings)
    found = network_status(subnet)
    key = parse_address(neuron) if neuron else keystore_address(settings.key.keystore)
    concerns = [] if key is None else concerns_of(subnet, subnet.worker_of(key) or key)
    found["concerns"] = [asdict(concern) for concern in concerns]
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
    for entry in found["neurons"]:
        state = "jailed" if entry["jailed"] else "active"
        table.add_row(entry["address"], entry["role"], f"{int(entry['stake_wei']) / 10**18:,.1f}", state)
    Console().print(table)
    for concern in concerns:
        left = "" if concern.blocks_left is None else f" ({concern.blocks_left} blocks left)"
        typer.echo(f"{concern.kind}: {concern.text}{left}")
    if key is not None and not concerns:
        typer.echo(f"0x{key.hex()}: nothing to worry about")


def doctor(
    topic: Annotated[str, typer.Argument(help="'machine' or 'economics'.")] = "machine",
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings: looks at the node and its network, too.")
    ] = None,
    miners: Annotated[int, typer.Option(help="economics: equal miners, without --config.", min=1)] = 8,
    validators: Annotated[int, typer.Option(help="economics: validators, without --config.", min=1)] = 3,
    groups: Annotated[int, typer.Option(help="economics: groups of a submission.", min=1)] = 64,
    rollouts_needed: Annotated[int, typer.Option(help="economics: fake rollouts that prove a fault.", min=1)] = 1,
    audit_cost: Annotated[
        float, typer.Option(help="economics: cost of an audit, as a share of its pay.", min=0.001, max=1)
    ] = 0.5,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """What is missing on this machine and, with settings, for this node: chain, contracts, gas, tokens, stake, store,
    endpoint, checkpoint; or whether cheating pays under the live parameters.

    Exit code 1 when something needed is missing, or when some size of cheating pays.

    Examples:

        grail doctor

        grail doctor --config miner.toml --json

        grail doctor economics --config miner.toml
    """
    if topic == "economics":
        from neurons.cli.economics import economics

        economics(config, miners, validators, groups, rollouts_needed, audit_cost, as_json)
        return
    if topic != "machine":
        raise typer.BadParameter(f"expected 'machine' or 'economics', got {topic!r}")
    from dataclasses import asdict

    from grail.config import load_settings
    from grail.runtime.doctor import examine
    from neurons.readiness import Check, readiness, shown_check

    checks = []
    for found in examine():
        remedy = "" if found.present else found.detail
        checks.append(Check(found.what, found.present or not found.needed, found.detail, remedy))
        typer.echo(f"{'ok  ' if found.present else 'MISS' if found.needed else 'opt '}  {found.what}: {found.detail}")
    for check in readiness(load_settings(config)) if config is not None else ():
        checks.append(check)
        for line in shown_check(check):
            typer.echo(line)
    if as_json:
        typer.echo(json.dumps({"checks": [asdict(check) for check in checks]}))
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


def show(config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None) -> None:
    """Print the settings in force: file, environment and defaults together. Secrets are not shown.

    Example: GRAIL_WORK__GROUPS=16 grail config show --config miner.toml
    """
    from grail.config import load_settings
    from grail.foreign.urls import shown

    settings = load_settings(config)
    hidden = {"url": shown(settings.chain.url), "urls": tuple(map(shown, settings.chain.urls))}
    chain = settings.chain.model_copy(update=hidden)
    typer.echo(settings.model_copy(update={"chain": chain}).model_dump_json(indent=2))
