"""grail redteam: every known attack against the real pipeline."""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grail.errors import BadInput

if TYPE_CHECKING:
    from rich.console import Console
    from rich.status import Status

    from simulation.redteam import Trial


HONEST = "honest"
"""The family in which nobody cheats."""


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(redteam)


def redteam(
    attack: Annotated[list[str] | None, typer.Option(help="Play only this attack; may be repeated.")] = None,
    family: Annotated[list[str] | None, typer.Option(help="Play only this family's attacks; may be repeated.")] = None,
    windows: Annotated[int, typer.Option(help="Windows: each is another trial of every attack.", min=1)] = 4,
    draws: Annotated[int, typer.Option(help="Audits of each submission, by different draws.", min=1)] = 3,
    groups: Annotated[int, typer.Option(help="Groups of 8 rollouts in a submission.", min=1)] = 64,
    model: Annotated[str, typer.Option(help="'tiny' or a checkpoint folder with a calibration profile.")] = "tiny",
    env: Annotated[str, typer.Option("--env", help="Environment id.")] = "arithmetic/1",
    seed: Annotated[int, typer.Option(help="Same seed, same table.", min=0)] = 0,
    out: Annotated[Path | None, typer.Option(help="Write the table as Markdown to this file.")] = None,
    cells: Annotated[int, typer.Option(help="Of the family 'honest': combinations of conditions.", min=1)] = 24,
    names: Annotated[bool, typer.Option("--list", help="List the attacks and stop.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Run every known attack against real contracts, blobs and audits, and print how surely and how soon it is caught.

    The family `honest` plays no attack: honest work of several architectures, temperatures, precisions and kernels, on
    logits that training has sharpened since they were calibrated. The family `lax-profiles` plays plain cheats under a
    profile that excuses all that may be excused, the family `turns` cheats of dialogues. Exit code 1 when honest work
    would be held against anybody.

    Examples:

        grail redteam --list

        grail redteam --attack int4-weights --attack top-k-5 --windows 10

        grail redteam --family forks --json

        grail redteam --family honest --cells 48 --json

        grail redteam --family lax-profiles --json

        grail redteam --family turns --json
    """
    from simulation.adversaries import ATTACKS

    if names:
        for name, kind in ATTACKS.items():
            typer.echo(f"{kind.family():10s} {name:28s} {kind.gain}")
        return
    from rich.console import Console

    from grail.telemetry import log
    from simulation.redteam import RedTeamOptions, play

    log.configure(quiet=True)
    if HONEST in (family or []):
        _honest(cells, seed, as_json, alone=not attack and family == [HONEST])
        return
    console = Console(stderr=True)
    with console.status("starting") as status, tempfile.TemporaryDirectory() as folder:
        chosen, model, env = _setting(attack or [], family or [], model, env, Path(folder))
        options = RedTeamOptions(
            windows=windows, draws=draws, groups=groups, model=model, environment=env, seed=seed, attacks=chosen
        )
        trials = list(play(options, Path(folder) / "run", _teller(console, status)))
    if not _reported(trials, options.attacks, out, as_json):
        raise typer.Exit(1)


def _honest(cells: int, seed: int, as_json: bool, *, alone: bool) -> None:
    """Play honest cells; exit code 1 where one does not stay under the bar."""
    if not alone:
        raise BadInput("the family 'honest' is played alone: leave out --attack and other families")
    from rich.console import Console

    from simulation.honest import HonestStudy, drawn_cells, played

    console, found = Console(stderr=True), []
    with console.status("starting") as status, tempfile.TemporaryDirectory() as folder:
        study = HonestStudy(Path(folder), status.update)
        for cell in drawn_cells(cells, seed):
            found.append(study.play(cell))
            said = f"refused: {found[-1].refused}" if found[-1].refused else f"10^{found[-1].log10:.2f}"
            typer.echo(f"{cell}: {said}")
    told = played(found)
    typer.echo(
        f"{told['played']} of {told['cells']} cells played, {len(told['refused'])} refused beforehand; "
        f"largest evidence against honest work 10^{told['max_log10']:.2f} (at most 10^{told['bar']:.0f} wanted)"
    )
    if as_json:
        typer.echo(json.dumps(told))
    if told["max_log10"] > told["bar"]:
        raise typer.Exit(1)


def _setting(
    attacks: list[str], families: list[str], model: str, env: str, folder: Path
) -> tuple[tuple[str, ...], str, str]:
    """Attacks, model and environment; two families bring their own."""
    from simulation import laxness
    from simulation.adversaries import turns

    chosen = _chosen(attacks, families)
    if laxness.FAMILY in families:
        return laxness.CHEATS, str(laxness.lax_model(model, folder)), env
    return (chosen, turns.MODEL, turns.ENVIRONMENT) if turns.FAMILY in families else (chosen, model, env)


def _chosen(attacks: list[str], families: list[str]) -> tuple[str, ...]:
    """What is named, one by one or by family; all where nothing is."""
    from simulation.adversaries import ATTACKS, CATALOGUE, turns
    from simulation.laxness import FAMILY

    known = {HONEST, FAMILY, *(kind.family() for kind in ATTACKS.values())}
    if unknown := set(families) - known:
        raise BadInput(f"expected families among {', '.join(sorted(known))}, got {', '.join(sorted(unknown))}")
    for alone in (FAMILY, turns.FAMILY):
        if alone in families and (attacks or len(families) > 1):
            raise BadInput(f"the family {alone!r} is played alone: leave out --attack and other families")
    named = [*attacks, *(name for name, kind in ATTACKS.items() if kind.family() in families)]
    return tuple(dict.fromkeys(named)) or tuple(attack.attack for attack in CATALOGUE)


def _teller(console: "Console", status: "Status") -> Callable[[str], None]:
    """Shows what is done; without a terminal, a line for every window that begins."""
    begun: set[str] = set()

    def tell(phase: str) -> None:
        status.update(phase)
        window = phase.partition(":")[0]
        if not console.is_terminal and window not in begun:
            begun.add(window)
            console.print(f"{window} …", highlight=False)

    return tell


def _reported(trials: "list[Trial]", attacks: tuple[str, ...], out: Path | None, as_json: bool) -> bool:
    """Print and write what was found; was the honest miner accepted every time?"""
    from rich.console import Console
    from rich.markdown import Markdown

    from grail.verification.base import Outcome
    from simulation.redteam import markdown, residuals, tallies

    found, honest = tallies(trials, attacks)
    table = markdown(found)
    Console().print(Markdown(table))
    if out is not None:
        out.write_text(table)
    hurt = [trial for trial in honest if trial.outcome is not Outcome.ACCEPT]
    opened = sum(trial.rollouts for trial in honest) / max(1, len(honest))
    accepted = f"{len(honest) - len(hurt)} of {len(honest)} audits"
    typer.echo(f"honest miner: accepted in {accepted}, after {opened:.0f} rollouts on average")
    if as_json:
        counts = {"honest_hurt": len(hurt), "honest_rollouts_mean": opened}
        rows = [tally.as_json() for tally in found]
        typer.echo(json.dumps({"attacks": rows, "residual": residuals(found), **counts}))
    return not hurt
