"""grail env: our environments for other people's trainers."""

import json
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Environments: see a problem, serve one to others.", no_args_is_help=True)
    group.command()(serve)
    group.command()(show)
    app.add_typer(group, name="env")


def serve(
    environment: Annotated[str, typer.Argument(help='Id, such as arithmetic/1 or "reasoning_gym:chain_sum".')],
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for everybody.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8_610,
    sessions: Annotated[int, typer.Option(help="Connections at a time.", min=1, max=4_096)] = 64,
    held_out: Annotated[bool, typer.Option("--held-out", help="Problems for evaluation, not for work.")] = False,
) -> None:
    """Serve an environment by OpenEnv's WebSocket: any OpenEnv client plays it. An episode is a problem, a completion.

    A seed gives everybody the same problem, and every completion the reward that the network would give it.

    Examples:

        grail env serve arithmetic/1

        grail env serve python-programs/2 --port 8611 --sessions 8
    """
    import uvicorn

    from gateway.openenv import MOST_BYTES, environment_app
    from grail.environments.registry import Environments

    chosen = Environments.installed().by_id(environment)
    typer.echo(f"{chosen.id} at ws://{host}:{port}/ws, {sessions} sessions (end it with Ctrl-C)")
    app = environment_app(chosen, sessions=sessions, held_out=held_out)
    uvicorn.run(app, host=host, port=port, log_level="warning", ws_max_size=MOST_BYTES)


def show(
    environment: Annotated[str, typer.Argument(help="Id.")],
    seed: Annotated[int, typer.Option(help="Of the problem, as `serve` takes it.", min=0)] = 0,
    completion: Annotated[str, typer.Option(help="Grade this, too.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")] = False,
) -> None:
    """Show the problem of a seed, and what a completion earns.

    Example: grail env show arithmetic/1 --seed 3 --completion 42
    """
    from gateway.openenv import key_of
    from grail.environments.registry import Environments
    from grail.protocol.units import MICRO

    chosen = Environments.installed().by_id(environment)
    problem = chosen.problem(key_of(seed))
    typer.echo(problem.prompt)
    said = {"environment": chosen.id, "seed": seed, "prompt": problem.prompt, "level": problem.level}
    if completion:
        grade = chosen.grade(problem, completion)
        typer.echo(f"earns {grade.reward_micro / MICRO:g}: {grade.reason}")
        said |= {"reward": grade.reward_micro / MICRO}
    if as_json:
        typer.echo(json.dumps(said))
