"""grail bench: sampler, generate, replay, delta, ray, learner, relay, turns, scale."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from benchmarks.engines import Bench

commands = typer.Typer(name="bench", help="Speed on this machine, as ratios in one run.", no_args_is_help=True)
Model = Annotated[str, typer.Option(help="A model's name or folder (grail models list).")]
Env = Annotated[str, typer.Option("--env", help="Environment whose prompts are used.")]
Batch = Annotated[int, typer.Option(help="Rollouts at once.", min=1, max=4_096)]
Device = Annotated[str, typer.Option(help="cpu or cuda.")]
Save = Annotated[Path | None, typer.Option(help="Write what was measured to this file, as JSON.")]
Json = Annotated[bool, typer.Option("--json", help="One line of JSON, for programs.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(commands)


@commands.command()
def sampler(
    model: Model = "tiny",
    env: Env = "arithmetic/1",
    batch: Batch = 64,
    device: Device = "cpu",
    as_json: Json = False,
    save: Save = None,
) -> None:
    """What seeded sampling costs: decoding with the protocol's sampler against each engine's own.

    Example: grail bench sampler --model smollm2-135m --batch 64
    """
    _show(_bench(model, env, batch, device).sampler(), as_json, save)


@commands.command()
def generate(
    model: Model = "tiny",
    env: Env = "arithmetic/1",
    batch: Batch = 64,
    device: Device = "cpu",
    as_json: Json = False,
    save: Save = None,
) -> None:
    """Completions by each engine that is installed, against transformers as it comes.

    Example: grail bench generate --model smollm2-135m
    """
    _show(_bench(model, env, batch, device).generate(), as_json, save)


@commands.command()
def replay(
    model: Model = "tiny",
    env: Env = "arithmetic/1",
    batch: Batch = 64,
    device: Device = "cpu",
    as_json: Json = False,
    save: Save = None,
) -> None:
    """A validator's replay against a bare forward of the same rows, and against generating them by each engine.

    Example: grail bench replay --model smollm2-135m
    """
    _show(_bench(model, env, batch, device).replay(), as_json, save)


@commands.command()
def delta(
    model: Model = "tiny",
    env: Env = "arithmetic/1",
    rate: Annotated[float, typer.Option(help="Learning rate.", min=1e-12, max=1.0)] = 1e-6,
    updates: Annotated[int, typer.Option(help="Versions to publish.", min=1, max=1_000)] = 4,
    batch: Batch = 64,
    as_json: Json = False,
    save: Save = None,
) -> None:
    """How small the step from one version to the next is: real GRPO updates, encoded and applied as deltas.

    Example: grail bench delta --model smollm2-135m --rate 3e-6
    """
    from benchmarks.deltas import delta as measure

    _show(measure(_bench(model, env, batch, "cpu"), rate, updates), as_json, save)


@commands.command()
def ray(
    model: Model = "tiny",
    env: Env = "arithmetic/1",
    batch: Batch = 64,
    address: Annotated[str, typer.Option(help="Of a cluster, or local.")] = "local",
    workers: Annotated[list[int], typer.Option(help="Numbers of workers, one option each.")] = [1, 2],  # noqa: B006
    pieces: Annotated[int, typer.Option(help="Pieces of 16 rollouts to replay.", min=1, max=10_000)] = 16,
    as_json: Json = False,
    save: Save = None,
) -> None:
    """How replays scale over a Ray cluster.

    Example: grail bench ray --model smollm2-135m --workers 1 --workers 2
    """
    from benchmarks.cluster import scaling

    _show(scaling(_bench(model, env, batch, "cpu"), address, workers, pieces), as_json, save)


@commands.command()
def learner(model: Model = "tiny", as_json: Json = False, save: Save = None) -> None:
    """An optimizer step on 32 rollouts of 256 tokens against a bare one, and the memory that it takes.

    Example: grail bench learner --model smollm2-135m
    """
    from benchmarks.learner import learner as measure
    from grail.checkpoints.files import open_checkpoint
    from grail.config import load_settings
    from grail.models.library import Library

    _show(measure(open_checkpoint(Library(load_settings().work.models).find(model))), as_json, save)


@commands.command()
def relay(
    clients: Annotated[int, typer.Option(help="Nodes that read everything at once.", min=1, max=64)] = 8,
    relays: Annotated[int, typer.Option(help="Relays between them and the origin.", min=1, max=16)] = 3,
    chunks: Annotated[int, typer.Option(help="Chunks of the file.", min=1, max=4_096)] = 32,
    chunk: Annotated[float, typer.Option(help="Size of a chunk, MB.", min=1e-3, max=64)] = 0.5,
    rate: Annotated[float, typer.Option(help="What every server uploads at most, MB a second.", min=1e-3)] = 4.0,
    as_json: Json = False,
    save: Save = None,
) -> None:
    """How long a tree of relays takes, on links of this width, against the bound that they set.

    Example: grail bench relay --clients 8 --relays 3
    """
    from benchmarks.relays import distribution

    _show(distribution(clients, relays, chunks, round(chunk * 1e6), round(rate * 1e6)), as_json, save)


@commands.command()
def turns(
    model: Model = "tiny-turns",
    env: Env = "bisect/1",
    batch: Batch = 64,
    device: Device = "cpu",
    as_json: Json = False,
    save: Save = None,
) -> None:
    """Dialogues beside rollouts of one turn: tokens a second, replays, what the prefix cache has.

    Example: grail bench turns --model tiny-turns --env bisect/1
    """
    from benchmarks.turns import turns as measure

    _show(measure(_bench(model, env, batch, device)), as_json, save, many=True)


@commands.command()
def scale(
    miners: Annotated[str, typer.Option(help="Numbers of miners.")] = "10,100,1000",
    validators: Annotated[str, typer.Option(help="Numbers of validators, up to 128.")] = "8,64",
    model: Model = "tiny",
    env: Env = "arithmetic/1",
    batch: Batch = 208,
    device: Device = "cpu",
    as_json: Json = False,
    save: Save = None,
) -> None:
    """What a network of a size costs: audits as shares of all generation, settlement's time and memory, bytes, gas.

    Examples:

        grail bench scale --miners 10,100,1000,10000 --validators 8,64,128 --json

        grail bench scale --miners 1000 --validators 64 --model smollm2-135m --env reasoning_gym:chain_sum
    """
    from benchmarks.scale import scale as measure

    counts = [_numbers(miners, "--miners", 100_000), _numbers(validators, "--validators", 128)]
    _show(measure(_bench(model, env, batch, device), *counts), as_json, save, many=True)


def _numbers(text: str, option: str, most: int) -> list[int]:
    """1 to `most` each, separated by commas."""
    from grail.errors import SettingsError

    parts = text.split(",")
    if not all(part.strip().isdecimal() and 1 <= int(part) <= most for part in parts):
        raise SettingsError(f"expected {option} to be numbers from 1 to {most:,} such as 10,100, got {text!r}")
    return [int(part) for part in parts]


def _bench(model: str, env: str, batch: int, device: str) -> "Bench":
    from benchmarks.engines import Bench
    from grail.checkpoints.files import open_checkpoint
    from grail.config import load_settings
    from grail.environments.registry import Environments
    from grail.errors import SettingsError
    from grail.models.library import Library
    from grail.telemetry import log

    if device not in ("cpu", "cuda"):
        raise SettingsError(f"expected --device cpu or cuda, got {device}")
    log.configure(quiet=True)
    folder = Library(load_settings().work.models).find(model)
    return Bench(open_checkpoint(folder), Environments.installed().by_id(env), batch, device)


def _show(
    found: "dict[str, object] | list[dict[str, object]]",
    as_json: bool,
    save: Path | None,
    *,
    many: bool = False,
) -> None:
    import json

    from rich.console import Console
    from rich.table import Table

    rows = found if isinstance(found, list) else [found]
    told = json.dumps(rows[0] if len(rows) == 1 and not many else {"rows": rows})
    if save is not None:
        save.write_text(told + "\n")
    if as_json:
        print(told)
        return
    table = Table("what", *[str(row.get("engine", "measured")) for row in rows])
    for name in [name for name, value in rows[0].items() if name != "engine" and not isinstance(value, (dict, list))]:
        table.add_row(name, *[_said(row[name]) for row in rows])
    Console().print(table)


def _said(value: object) -> str:
    if value is None:
        return "not installed"
    if not isinstance(value, float):
        return f"{value:,}" if isinstance(value, int) else str(value)
    return f"{value:,.3g}" if abs(value) < 10 else f"{value:,.0f}"
