"""grail doctor economics: whether cheating, capturing or picking pays under the live parameters."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from fractions import Fraction
from pathlib import Path
from typing import Any

import typer
from rich.console import Console
from rich.table import Table

from grail.governance.policy import ETHER, Policy
from grail.protocol.constants import BPS
from grail.settlement.audit_game import JUDGES, AuditGame
from grail.settlement.economics import (
    SAFETY_FACTOR,
    CheatOutlook,
    CommitteeOutlook,
    cheat_outlook,
    committee_outlook,
    start_up,
)
from simulation.picking import Mix, Picking, pickings
from validator.duties.check import ONE_IN

MARGIN_SHOWN = 1_000_000
PICKED_FROM = 8
"""Identities that one miner may pick from."""
EXAMPLE = Mix((1, 1), (1_000, 500))
"""Without a live network: two environments, one of which pays half."""


def economics(
    config: Path | None,
    miners: int,
    validators: int,
    groups: int,
    rollouts_needed: int,
    audit_cost: float,
    as_json: bool,
) -> None:
    """Print the tables; exit code 1 when some size of cheating pays."""
    policy, source, mix = Policy.defaults(), "default parameters", EXAMPLE
    if config is not None:
        policy, source, mix, (miners, validators) = _live(config)
    sizes = sorted({1, max(1, groups // 10), max(1, groups // 2), groups})
    cheats = [
        cheat_outlook(policy, miners=miners, groups=groups, fake_groups=n, rollouts_needed=rollouts_needed)
        for n in sizes
    ]
    committee = [committee_outlook(policy, Fraction(n, 10)) for n in range(1, 6)]
    picked = pickings(mix, windows=policy.reliability_windows, identities=PICKED_FROM, groups=groups)
    game = AuditGame(policy, miners, validators, ONE_IN, Fraction(audit_cost).limit_denominator(10_000))
    title = f"{source}: {miners} miners, {validators} validators, {groups} groups each, in GRAIL a window"
    Console().print(_cheat_table(cheats, title))
    least = min(row.margin for row in cheats)
    holds = "holds" if least >= SAFETY_FACTOR else "is thin" if least >= 1 else "FAILS: cheating pays"
    typer.echo(f"least margin {least:,.1f}: deterrence {holds} (the design asks for {SAFETY_FACTOR:.0f})")
    Console().print(_audit_table(game))
    typer.echo(
        f"checks are not paid but for what they find: {float(game.laziness):.2%} of audits may be false before one pays"
        if validators >= JUDGES
        else f"NOBODY JUDGES AUDITS: that takes {JUDGES} validators, for accuser and accused have no vote"
    )
    Console().print(_committee_table(committee))
    Console().print(_picking_table(picked, mix))
    typer.echo(
        f"a new miner earns {start_up(policy):,.1f} windows' pay less than an old one, and so does who registers anew; "
        f"a window missed costs its pay, and as much again over the {policy.reliability_windows} after it"
    )
    if as_json:
        pay = policy.emission_per_window * policy.split_miners_bps / BPS / miners  # wei
        found = {
            "strategies": [*_strategies(cheats, picked, groups, pay), *_audits(game)],
            "laziness_before_checks_pay": float(game.laziness),
            "committee": [{key: float(value) for key, value in asdict(row).items()} for row in committee],
            "start_up_windows": start_up(policy),
            "least_margin": _finite(least),
        }
        typer.echo(json.dumps(found))
    if least < 1:
        raise typer.Exit(1)


def _live(config: Path) -> tuple[Policy, str, Mix, tuple[int, int]]:
    from grail.config import load_settings
    from grail.protocol.units import WindowId
    from grail.runtime.status import active_counts
    from neurons.wiring import open_subnet

    subnet = open_subnet(load_settings(config))
    window = subnet.current_window() or WindowId(0)
    mix = subnet.environments(window)
    return subnet.policy(window), f"window {window}", Mix(mix.weights, mix.rewards), active_counts(subnet)


def _strategies(
    cheats: Sequence[CheatOutlook], picked: Sequence[Picking], groups: int, pay: float
) -> list[dict[str, Any]]:
    """`pay`: an honest miner's in a window, in wei."""
    fakes = [
        {
            "name": f"fake {row.fake_groups} of {groups} groups",
            "detection": row.detection,
            "gain_per_window": row.gain,
            "loss_per_window": row.loss,
            "margin": _finite(row.margin),
        }
        for row in cheats
    ]
    picks = [
        {
            "name": row.name,
            "gain_per_window": row.before * pay,
            "loss_per_window": (row.before - row.after) * pay,
            "margin": (row.before - row.after) / row.before if row.before > 0 else None,
        }
        for row in picked
    ]
    return [*fakes, *picks]


def _audits(game: AuditGame) -> list[dict[str, Any]]:
    return [
        {
            "name": row.name,
            "detection": float(row.detection),
            "gain_per_window": float(row.gain),
            "loss_per_window": float(row.loss),
            "margin": _finite(row.margin),
        }
        for row in game.outlooks()
    ]


def _finite(value: float | None) -> float | None:
    """JSON knows no infinity."""
    return value if value is not None and value < float("inf") else None


def _cheat_table(rows: Sequence[CheatOutlook], title: str) -> Table:
    table = Table(title=title)
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
    return table


def _audit_table(game: AuditGame) -> Table:
    table = Table(title=f"a validator with the least stake, audits that cost {float(game.cost):.0%} of their pay")
    for column in ("strategy", "found out", "gain", "expected loss", "margin"):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    for row in game.outlooks():
        margin = "–" if row.margin is None else "> 1,000,000" if row.margin >= MARGIN_SHOWN else f"{row.margin:,.1f}"
        money = (f"{float(row.gain) / ETHER:,.2f}", f"{float(row.loss) / ETHER:,.2f}")
        table.add_row(row.name, f"{float(row.detection):.1%}", *money, margin)
    return table


def _committee_table(rows: Sequence[CommitteeOutlook]) -> Table:
    table = Table(title="an adversary's share of the active stake: chance that it holds all seats, a jury, an appeal")
    for column in ("share", "no honest seat", "jury captured", "appeal fails, half the honest turn out"):
        table.add_column(column, justify="right")
    for row in rows:
        chances = (row.p_no_honest_seat, row.p_jury_captured, row.p_appeal_fails)
        table.add_row(f"{float(row.share):.0%}", *(f"{float(chance):.3%}" for chance in chances))
    return table


def _picking_table(rows: Sequence[Picking], mix: Mix) -> Table:
    pays = ", ".join(f"{weight} x {reward}" for weight, reward in zip(mix.weights, mix.rewards, strict=True))
    table = Table(title=f"choosing after the beacon, {PICKED_FROM} identities, groups that pay {pays} thousandths")
    for column in ("strategy", "gain if it counted", "gain as it counts"):
        table.add_column(column, justify="left" if column == "strategy" else "right")
    for row in rows:
        table.add_row(row.name, f"{row.before:+.1%}", f"{row.after:+.1%}")
    return table
