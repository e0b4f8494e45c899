"""grail data: verified rollouts as data sets, and the check of one."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurons.cli.session import Config

if TYPE_CHECKING:
    from grail.runtime.node import Node

Run = Annotated[Path | None, typer.Option("--run", help="Folder of a local network, instead of --config.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
SHOWN = 20


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Verified rollouts as data sets, with their proofs.", no_args_is_help=True)
    group.command()(export)
    group.command()(verify)
    app.add_typer(group, name="data")


def export(
    out: Annotated[Path, typer.Option("--out", help="Folder to write: rows.parquet, manifest.json, a card.")],
    windows: Annotated[str, typer.Option(help="First and last settled window, FIRST:LAST.")],
    kind: Annotated[
        str,
        typer.Option("--as", help="grpo: whole groups; sft: the best; dpo: pairs; best: one right each."),
    ] = "grpo",
    top: Annotated[int, typer.Option(help="Most rows, or pairs; 0 for all.", min=0)] = 0,
    margin: Annotated[float, typer.Option(help="Least difference of a pair's rewards.", min=0)] = 0.1,
    seed: Annotated[int, typer.Option(help="Decides among equals.")] = 0,
    config: Config = None,
    run: Run = None,
    as_json: Json = False,
) -> None:
    """Write accepted rollouts of settled windows as parquet, each with leaf, path, root and transaction.

    Needs the extra `data`. Reads chain and objects, no key. What is chosen follows from rows and seed alone.

    Examples:

        grail data export --windows 0:9 --out data --run runs/localnet

        grail data export --windows 100:199 --as dpo --top 10000 --out pairs --config validator.toml
    """
    import resource
    import time

    from rich.console import Console

    from grail.datasets.choose import Kind, Rules
    from grail.datasets.export import export as write
    from grail.errors import SettingsError
    from grail.protocol.units import MICRO

    if kind not in list(Kind):
        raise SettingsError(f"expected --as {', '.join(Kind)}; got {kind!r}")
    wanted, began = _windows(windows), time.monotonic()
    with Console(stderr=True).status("reading") as spinner:
        found = write(
            _node(config, run), wanted, Rules(Kind(kind), top, round(margin * MICRO), seed), out, spinner.update
        )
    size = sum(path.stat().st_size for path in out.iterdir())
    for window, miner, why in found.missing[:SHOWN]:
        typer.echo(f"left out: window {window}, {miner}: {why}", err=True)
    pairs = f", {found.pairs:,} pairs" if found.pairs else ""
    typer.echo(f"{found.rows:,} rows{pairs} in {out}, {size:,} bytes; root {found.root}")
    if as_json:
        said = {"rows": found.rows, "pairs": found.pairs, "root": found.root, "bytes": size}
        said |= {"seconds": round(time.monotonic() - began, 3), "missing": len(found.missing)}
        typer.echo(json.dumps(said | {"rss_mib": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10}))


def verify(
    folder: Annotated[Path, typer.Argument(help="A data set that grail data export has written.")],
    config: Config = None,
    run: Run = None,
    chain: Annotated[str, typer.Option("--chain", help="URL of a node, with --book: instead of settings.")] = "",
    book: Annotated[Path, typer.Option("--book", help="The network's contracts.")] = Path("network.json"),
    replay: Annotated[int, typer.Option(help="Rows to replay with their checkpoint.", min=0)] = 0,
    seed: Annotated[int, typer.Option(help="Draws which.")] = 0,
    as_json: Json = False,
) -> None:
    """Check every row: contents against leaf, leaf against root, problem and reward by the environment; and where a
    network is named, roots, readers and texts against the chain. Exit code 1 where anything is wrong.

    Examples:

        grail data verify data

        grail data verify data --chain http://127.0.0.1:8545 --book network.json --replay 64
    """
    import time

    from grail.datasets.verify import check
    from grail.environments.registry import Environments

    began = time.monotonic()
    named = config is not None or run is not None or chain
    node = _node(config, run, chain, book) if named else None
    found = check(folder, node.environments if node else Environments.installed(), node, replay, seed)
    for number, why in found.wrong[:SHOWN]:
        typer.echo(f"{'the whole' if number < 0 else f'row {number}'}: {why}", err=True)
    for what, why in found.skipped.items():
        typer.echo(f"not checked, {what}: {why}", err=True)
    typer.echo(
        f"{found.rows:,} rows: {found.graded:,} graded, {found.on_chain:,} on chain, {found.replayed:,} replayed, "
        f"{found.wrong_rows:,} wrong"
    )
    if as_json:
        counts = {"rows": found.rows, "graded": found.graded, "on_chain": found.on_chain, "replayed": found.replayed}
        said = counts | {"wrong": found.wrong_rows, "seconds": round(time.monotonic() - began, 3)}
        typer.echo(json.dumps({**said, "skipped": found.skipped}))
    if found.wrong_rows:
        raise typer.Exit(1)


def _windows(text: str) -> range:
    from grail.errors import SettingsError

    first, _, last = text.partition(":")
    if not (first.isdecimal() and last.isdecimal()) or int(first) > int(last):
        raise SettingsError(f"expected --windows FIRST:LAST, got {text!r}")
    return range(int(first), int(last) + 1)


def _node(config: Path | None, run: Path | None, chain: str = "", book: Path = Path("network.json")) -> "Node":
    """Whose chain and objects are read; it signs nothing."""
    from grail.config import load_settings
    from grail.errors import SettingsError
    from neurons.wiring import reading_node

    if run is not None:
        from simulation.network import OPTIONS, LocalNetwork
        from simulation.options import load_options

        if not (run / OPTIONS).exists():
            raise SettingsError(f"expected a local network's run folder, got {run}")
        return LocalNetwork(load_options(run / OPTIONS), run).services[0].node
    settings = load_settings(config)
    if chain:
        told = settings.chain.model_copy(update={"url": chain, "urls": (), "address_book": book})
        settings = settings.model_copy(update={"chain": told})
    return reading_node(settings)
