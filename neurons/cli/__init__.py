"""The `grail` command: one file a subject. Heavy libraries are imported inside the commands."""

import sys

import typer

from grail.errors import GrailError
from neurons.cli import (
    bench,
    bittensor,
    calibrate,
    court,
    datasets,
    deploy,
    devnet,
    environments,
    explorer,
    init,
    inspect,
    keys,
    localnet,
    models,
    pledge,
    plot,
    publish,
    redteam,
    relay,
    rest,
    run,
    stake,
    store,
    token,
    verify,
    vote,
)

app = typer.Typer(
    name="grail",
    help="Verifiable, incentivised reinforcement learning on other people's GPUs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
)
for module in (
    localnet, explorer, devnet, init, models, run, verify, calibrate, redteam, bench, plot, relay, inspect, keys,
    pledge, stake, rest, store, token, vote, court, deploy, publish, bittensor, datasets, environments,
):  # fmt: skip
    module.add_to(app)


def main() -> None:
    """Entry point: one of our errors becomes one clear line and exit code 1."""
    try:
        app()
    except GrailError as error:
        print(f"grail: {error}", file=sys.stderr)
        sys.exit(1)
    except KeyboardInterrupt:
        print("grail: stopped; nothing committed is lost", file=sys.stderr)
        sys.exit(130)
