"""grail plot: a run's learning curves as a picture."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from grail.training.evaluation import Accuracy

DATABASE, EVENTS, PICTURE = "grail.sqlite", "events.jsonl", "learning.png"


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(plot)


def plot(
    run: Annotated[Path, typer.Argument(help="Folder of a local network, or work.folder of a trainer.")],
    out: Annotated[
        Path | None, typer.Option(help="Picture to write; learning.png in the folder, if not given.")
    ] = None,
) -> None:
    """Draw what every update measured, and held-out accuracy where the run evaluated it.

    Examples:

        grail plot runs/localnet

        grail plot grail-data --out learning.png
    """
    from grail.errors import BadInput
    from grail.storage.database import Database
    from grail.storage.journal import Journal
    from grail.telemetry.curves import draw

    if not (run / DATABASE).exists():
        raise BadInput(f"expected a run with {DATABASE} in {run}: name the folder of a local network or a trainer")
    notes = Journal(Database.in_file(run / DATABASE)).notes("learn")
    updates = [(window + 1, note) for window, note in notes if note.get("steps")]
    path = out or run / PICTURE
    draw(updates, _accuracy(run / EVENTS), path)
    typer.echo(f"{path}: {len(updates)} updates")


def _accuracy(path: Path) -> dict[str, list[tuple[float, ...]]]:
    from grail.telemetry.run_log import RunLog
    from grail.training.evaluation import Accuracy

    found = RunLog(path).of("accuracy")
    kinds = (("T = 1", "sampled"), ("greedy", "greedy"))
    return {label: [_point(e["window"], Accuracy(**e[kind])) for e in found] for label, kind in kinds if found}


def _point(window: int, accuracy: "Accuracy") -> tuple[Any, ...]:
    return (window + 1, accuracy.share, *accuracy.interval)
