"""grail localnet: the whole network in one process."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from grail.errors import SettingsError

if TYPE_CHECKING:
    from simulation.network import LocalNetwork


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(localnet)


ARITHMETIC = ["arithmetic/1"]


def localnet(
    windows: Annotated[int, typer.Option(help="Windows to play.", min=1)] = 34,
    miners: Annotated[int, typer.Option(help="Honest miners.", min=1)] = 3,
    cheats: Annotated[int, typer.Option(help="Cheating miners: 4-bit weights, best of n, forged rewards.", min=0)] = 3,
    validators: Annotated[int, typer.Option(help="Validators.", min=1)] = 3,
    groups: Annotated[int, typer.Option(help="Groups of 8 rollouts that a miner commits in a window.", min=1)] = 64,
    model: Annotated[str, typer.Option(help="A model of `grail models list` or a folder, calibrated.")] = "tiny",
    env: Annotated[list[str], typer.Option("--env", help="Environment id; several times for a mix.")] = ARITHMETIC,
    engine: Annotated[str, typer.Option(help="What the honest generate with: transformers or vllm.")] = "transformers",
    evaluation: Annotated[int, typer.Option(help="Held-out problems of an evaluation.", min=20)] = 500,
    evaluate_every: Annotated[int, typer.Option(help="Windows from one evaluation to the next.", min=1)] = 4,
    training: Annotated[
        list[str], typer.Option("--train", help="A setting of the trainer, NAME=VALUE; several times for several.")
    ] = [],  # noqa: B006 (typer's way to say a list)
    lies: Annotated[
        Path | None, typer.Option(help="A cast of liars in TOML: see docs/security.md. Three kinds lie without it.")
    ] = None,
    lazy: Annotated[
        list[str], typer.Option(help="A validator that does not read: copy, int4, first-of-48 or colluding-miner.")
    ] = [],  # noqa: B006 (typer's way to say a list)
    honest: Annotated[bool, typer.Option("--honest", help="Nobody lies about money, no validator is lazy.")] = False,
    seed: Annotated[int, typer.Option(help="Same seed, same report.", min=0)] = 0,
    chain: Annotated[str, typer.Option(help="'embedded' or the URL of a development node.")] = "embedded",
    out: Annotated[Path, typer.Option(help="Run folder.")] = Path("runs/localnet"),
    resume: Annotated[bool, typer.Option("--resume", help="Go on from the last settled window in --out.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Check and print the plan, start nothing.")] = False,
    explorer: Annotated[bool, typer.Option("--explorer", help="Serve its pages while it runs.")] = False,
    port: Annotated[int, typer.Option(help="Port of the explorer; 0 takes a free one.", min=0, max=65_535)] = 0,
    quiet: Annotated[bool, typer.Option("--quiet", help="Show nothing while it runs.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Run miners, cheats, validators and a trainer on an embedded chain, and watch the model learn.

    Examples:

        grail localnet --explorer

        grail localnet --out runs/seven --resume --windows 20

        grail localnet --model smollm2-135m --env reasoning_gym:chain_sum --engine vllm --windows 5 --groups 4

        grail localnet --model tiny-turns --env bisect/1 --env arithmetic/1

        grail localnet --miners 1 --cheats 0 --train learning_rate=1e-4 --train objective=dr_grpo
    """
    from grail.config import training_settings
    from simulation.options import DEFAULT_LIES, LocalnetOptions, load_lies

    asked = LocalnetOptions(
        windows=windows, miners=miners, cheats=cheats, validators=validators, groups=groups, model=model,
        environment=env[0], mix=tuple(env[1:]), engine=engine, evaluation_problems=evaluation, seed=seed, chain=chain,
        final_problems=4 * evaluation, evaluate_every=evaluate_every, training=training_settings(training),
        lies=() if honest else load_lies(lies) if lies else DEFAULT_LIES, lazy=_lazy(lazy, honest=honest),
    )  # fmt: skip
    options = _resumed(asked, out / "options.json") if resume else _fresh(asked, out)
    if dry_run:
        typer.echo(options.model_dump_json(indent=2))
        return
    with _shown(out, port) if explorer else nullcontext(None) as step:
        _run(options, out, step, quiet=quiet, as_json=as_json)


@contextmanager
def _shown(out: Path, port: int) -> "Iterator[Callable[[LocalNetwork], None]]":
    """The explorer over the run's folder; gives what brings its index up to date."""
    from explorer.index.follow import Follower
    from explorer.index.reports import Reports
    from explorer.running import require_web, serving
    from grail.storage.database import Database
    from neurons.cli.explorer import RUN_FILE
    from neurons.devnet.layout import HOST, free_ports

    require_web()
    out.mkdir(parents=True, exist_ok=True)
    url, chosen = f"sqlite:///{out / RUN_FILE}", port or free_ports(1)[0]
    rows, followers = Database(url), list[Follower]()

    def step(network: "LocalNetwork") -> None:
        if not followers:
            followers.append(Follower(network.subnet, rows))
        followers[0].catch_up()
        Reports(rows, network.store, private=False).step()

    with serving(url, HOST, chosen):
        typer.echo(f"explorer at http://{HOST}:{chosen}", err=True)
        yield step
    typer.echo(f"look at it again: grail explorer --out {out}", err=True)


def _lazy(asked: list[str], *, honest: bool) -> tuple[str, ...]:
    from simulation.options import DEFAULT_LAZY

    return tuple(asked) or (() if honest else DEFAULT_LAZY)


def _resumed(asked, stored: Path):  # type: ignore[no-untyped-def]
    """What the run in the folder was started with, for as many windows as are asked for now."""
    from simulation.options import load_options

    return load_options(stored).model_copy(update={"windows": asked.windows}) if stored.exists() else asked


def _fresh(asked, out: Path):  # type: ignore[no-untyped-def]
    if (out / "options.json").exists():
        raise SettingsError(f"{out} holds a run: add --resume to go on with it, or choose another --out")
    return asked


def _run(options, out: Path, step, *, quiet: bool, as_json: bool) -> None:  # type: ignore[no-untyped-def]
    from grail.telemetry import log
    from simulation.runner import run

    log.configure(quiet=True)
    try:
        result, machine = run(options, out, quiet=quiet, step=step)
    except KeyboardInterrupt:
        typer.echo(f"\nstopped; go on with: grail localnet --out {out} --windows {options.windows} --resume", err=True)
        raise typer.Exit(130) from None
    if not quiet:
        typer.echo(
            f"held-out accuracy at T = 1: {result.accuracy_start} → {result.accuracy_end}; "
            f"greedy: {result.accuracy_start_greedy} → {result.accuracy_end_greedy}"
        )
        for cheat in result.cheats:
            typer.echo(
                f"{cheat.name}: offended in window {cheat.first_offence_window}, slashed in {cheat.slashed_window}"
            )
        for idler in result.lazy_validators:
            typer.echo(f"{idler.name}: a validator that did not read, slashed in {idler.slashed_window}")
        for liar in result.attackers:
            profit = f"{liar.profit_wei / 1e18:+,.1f} GRAIL in all its accounts"
            typer.echo(f"{liar.name}: {len(liar.acts)} transactions, {profit}")
        typer.echo(f"report: {out / 'report.md'}")
    if as_json:
        typer.echo(json.dumps({**result.as_json(), **machine}))
