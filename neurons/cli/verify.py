"""grail verify: look into a submission blob, offline."""

import json
from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(verify)


def verify(
    blob: Annotated[Path, typer.Argument(help="A submission blob, e.g. a file of the object store.")],
    run_folder: Annotated[Path, typer.Option("--run", help="Run folder of a local network.")] = Path("runs/localnet"),
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Audit one submission of a local network's run again, every rollout of it, and say what was found.

    Example: grail verify runs/localnet/objects/3f/3f9a… --run runs/localnet
    """
    from grail.telemetry import log
    from simulation.inspection import verify_blob

    log.configure(quiet=True)
    verdict = verify_blob(blob, run_folder)
    finding = verdict.finding
    if as_json:
        body = {
            "outcome": verdict.outcome.value,
            "check": finding.check,
            "reason": finding.reason,
            "place": finding.place,
            "rollouts": verdict.rollouts,
            "tokens": verdict.tokens,
            "log10_evidence": round(finding.log10_evidence, 3),
        }
        typer.echo(json.dumps(body))
    else:
        typer.echo(f"{verdict.outcome.value}: {finding.check}: {finding.reason}")
        typer.echo(f"{verdict.rollouts} rollouts, {verdict.tokens} tokens replayed")
