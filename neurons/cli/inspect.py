"""grail status, doctor, config show: look, change nothing."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from grail.settlement.economics import CommitteeOutlook
    from grail.settlement.picking import Mix, Picking

MARGIN_SHOWN = 1_000_000
PICKED_FROM = 8
"""Identities that the economics let one miner pick from."""


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
        _economics(config, miners, validators, groups, rollouts_needed, as_json)
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


def _economics(
    config: Path | None, miners: int, validators: int, groups: int, rollouts_needed: int, as_json: bool
) -> None:
    from dataclasses import asdict
    from fractions import Fraction

    from rich.console import Console
    from rich.table import Table

    from grail.governance.policy import ETHER, Policy
    from grail.protocol.constants import BPS
    from grail.settlement.economics import SAFETY_FACTOR, cheat_outlook, committee_outlook, start_up
    from grail.settlement.picking import Mix, pickings

    policy, source, mix = Policy.defaults(), "default parameters", Mix((1, 1), (1_000, 500))
    if config is not None:
        from grail.config import load_settings
        from grail.runtime.status import active_counts
        from neurons.wiring import open_subnet

        subnet = open_subnet(load_settings(config))
        window = subnet.current_window() or 0
        policy, source = subnet.policy(window), f"window {window}"  # type: ignore[arg-type]
        found_mix = subnet.environments(window)  # type: ignore[arg-type]
        mix = Mix(found_mix.weights, found_mix.rewards)
        miners, validators = active_counts(subnet)
    sizes = sorted({1, max(1, groups // 10), max(1, groups // 2), groups})
    rows = [
        cheat_outlook(policy, miners=miners, groups=groups, fake_groups=n, rollouts_needed=rollouts_needed)
        for n in sizes
    ]
    table = Table(title=f"{source}: {miners} miners, {validators} validators, {groups} groups each, in GRAIL a window")
    for column in ("fake groups", "detection", "gain", "expected loss", "margin q·S / (1 − q)·g"):
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(
            str(row.fake_groups),
            f"{row.detection:.2%}",
            f"{row.gain / ETHER:,.2f}",
            f"{row.loss / ETHER:,.2f}",
            f"{row.margin:,.1f}" if row.margin < MARGIN_SHOWN else f"> {MARGIN_SHOWN:,}",
        )
    Console().print(table)
    least = min(row.margin for row in rows)
    holds = "holds" if least >= SAFETY_FACTOR else "is thin" if least >= 1 else "FAILS: cheating pays"
    typer.echo(f"least margin {least:,.1f}: deterrence {holds} (the design asks for {SAFETY_FACTOR:.0f})")
    committee = [committee_outlook(policy, Fraction(n, 10)) for n in range(1, 6)]
    Console().print(_committee_table(committee))
    picked = pickings(mix, windows=policy.reliability_windows, identities=PICKED_FROM, groups=groups)
    Console().print(_picking_table(picked, mix))
    lost = start_up(policy)
    typer.echo(
        f"a new miner earns {lost:,.1f} windows' pay less than an old one, and so does who registers anew; "
        f"a breakdown of one window costs two windows' pay, half of it over the {policy.reliability_windows} after it"
    )
    if as_json:
        pay = policy.emission_per_window * policy.split_miners_bps / BPS / miners  # wei
        strategies = [
            {
                "name": f"fake {row.fake_groups} of {groups} groups",
                "detection": row.detection,
                "gain_per_window": row.gain,
                "loss_per_window": row.loss,
                "margin": row.margin if row.margin < float("inf") else None,  # JSON knows no infinity
            }
            for row in rows
        ]
        strategies += [
            {
                "name": row.name,
                "gain_per_window": row.before * pay,
                "loss_per_window": (row.before - row.after) * pay,
                "margin": (row.before - row.after) / row.before if row.before > 0 else None,
            }
            for row in picked
        ]
        seats = [{key: float(value) for key, value in asdict(row).items()} for row in committee]
        found = {"strategies": strategies, "committee": seats, "start_up_windows": lost}
        typer.echo(json.dumps(found | {"least_margin": least if least < float("inf") else None}))
    if least < 1:
        raise typer.Exit(1)


def _committee_table(rows: "Sequence[CommitteeOutlook]") -> "Table":
    """What a share of the active stake may hope for."""
    from rich.table import Table

    table = Table(title="an adversary's share of the active stake: chance that it holds all seats, a jury, an appeal")
    for column in ("share", "no honest seat", "jury captured", "appeal fails, half the honest turn out"):
        table.add_column(column, justify="right")
    for row in rows:
        chances = (row.p_no_honest_seat, row.p_jury_captured, row.p_appeal_fails)
        table.add_row(f"{float(row.share):.0%}", *(f"{float(chance):.3%}" for chance in chances))
    return table


def _picking_table(rows: "Sequence[Picking]", mix: "Mix") -> "Table":
    """What choosing after the beacon gains over an honest miner's pay for as many groups."""
    from rich.table import Table

    rewards = ", ".join(f"{weight} x {reward}" for weight, reward in zip(mix.weights, mix.rewards, strict=True))
    title = f"choosing after the beacon, {PICKED_FROM} identities, groups that pay {rewards} thousandths a token"
    table = Table(title=title)
    for column in ("strategy", "gain if it counted", "gain as it counts"):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    for row in rows:
        table.add_row(row.name, f"{row.before:+.1%}", f"{row.after:+.1%}")
    return table


def show(config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None) -> None:
    """Print the settings in force: file, environment and defaults together. Secrets are not shown.

    Example: GRAIL_WORK__GROUPS=16 grail config show --config miner.toml
    """
    from grail.config import load_settings

    typer.echo(load_settings(config).model_dump_json(indent=2))
