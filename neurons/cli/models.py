"""grail models: list, fetch, vary, show."""

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from grail.checkpoints.files import Checkpoint
    from grail.models.library import Library

commands = typer.Typer(
    name="models", help="Models by name: what there is, getting one, what it is.", no_args_is_help=True
)


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(commands)


@commands.command("list")
def list_models() -> None:
    """Models that have a name, and where they lie on this machine.

    Example: grail models list
    """
    from rich.console import Console
    from rich.table import Table

    table = Table("name", "what it is", "folder")
    for entry in _library().entries():
        place = str(entry.folder) if entry.folder else f"grail models fetch {entry.name}"
        table.add_row(entry.name, entry.about, place)
    Console().print(table)


@commands.command()
def fetch(
    name: Annotated[str, typer.Argument(help="A name of the list, a hub id (owner/name), or a folder of safetensors.")],
    save_as: Annotated[str, typer.Option("--as", help="Name to keep it under.")] = "",
    precision: Annotated[str, typer.Option(help="fp32 or bf16; catalogue models bring their own.")] = "bf16",
    max_tokens: Annotated[int, typer.Option(help="Longest completion; as above.", min=1, max=32_768)] = 256,
) -> None:
    """Download, convert and check a model; what is here already is only checked. An interrupted download goes on.

    Examples: grail models fetch smollm2-135m
              grail models fetch HuggingFaceTB/SmolLM2-360M-Instruct --max-tokens 512
              grail models fetch ./my-model --precision fp32 --as mine
    """
    from grail.errors import SettingsError

    if precision not in ("fp32", "bf16"):
        raise SettingsError(f"expected --precision fp32 or bf16, got {precision}")
    checkpoint = _library().fetch(name, save_as=save_as, precision=precision, max_tokens=max_tokens)
    _echo_made(checkpoint)


@commands.command()
def vary(
    name: Annotated[str, typer.Argument(help="A model of the list or a checkpoint folder.")],
    save_as: Annotated[str, typer.Option("--as", help="Name of the new model.")],
    max_tokens: Annotated[int | None, typer.Option(help="Longest completion.", min=1, max=32_768)] = None,
    temperature: Annotated[float | None, typer.Option(help="Of sampling.", min=0.01, max=100.0)] = None,
    stop: Annotated[
        str, typer.Option(help="A text of one token that ends a completion, too; \\n is a line's end.")
    ] = "",
    chat: Annotated[bool, typer.Option(help="Keep the chat template, or show prompts as they are.")] = True,
    turns: Annotated[
        int | None,
        typer.Option(help="Longest turn, for environments that answer; --max-tokens is of all turns.", min=1),
    ] = None,
) -> None:
    """The same weights under other rules of generation. At another temperature, or with longer completions, they need a
    calibration profile of their own: grail calibrate. With --turns they play environments of several turns.

    Examples:

        grail models vary smollm2-135m --as smollm2-lines --max-tokens 8 --stop '\\n' --no-chat

        grail models vary smollm2-135m --as smollm2-turns --max-tokens 128 --turns 16
    """
    checkpoint = _library().vary(
        name,
        save_as,
        max_tokens=max_tokens,
        temperature_milli=None if temperature is None else round(1_000 * temperature),
        stop=stop.replace("\\n", "\n"),
        chat=chat,
        turns=turns,
    )
    _echo_made(checkpoint)


@commands.command()
def show(name: Annotated[str, typer.Argument(help="A fetched model or a checkpoint folder.")]) -> None:
    """Fingerprint, size, rules and calibration of a model on this machine.

    Example: grail models show tiny
    """
    import math

    from grail.checkpoints.files import WEIGHTS, open_checkpoint, open_tensors
    from grail.models.library import is_calibrated

    checkpoint = open_checkpoint(_library().find(name))
    parameters = sum(math.prod(tensor.shape) for tensor in open_tensors(checkpoint.folder / WEIGHTS))
    rules = checkpoint.rules
    lines = {
        "folder": checkpoint.folder,
        "fingerprint": checkpoint.fingerprint.hex(),
        "parameters": f"{parameters:,}",
        "vocabulary": f"{checkpoint.vocab_size:,}",
        "precision": rules.precision,
        "temperature": rules.temperature_milli / 1_000,
        "longest completion": rules.max_tokens,
        "longest turn": rules.turn.max_turn_tokens if rules.turn else "answers once: grail models vary --turns",
        "end tokens": ", ".join(map(str, rules.eos_ids)),
        "calibrated": "yes" if is_calibrated(checkpoint.folder) else f"no: grail calibrate {checkpoint.folder}",
    }
    for key, value in lines.items():
        typer.echo(f"{key:20s}{value}")


def _library() -> "Library":
    from grail.config import load_settings
    from grail.models.library import Library

    return Library(load_settings().work.models)


def _echo_made(checkpoint: "Checkpoint") -> None:
    """Where it lies, and what it still needs."""
    from grail.models.library import is_calibrated

    typer.echo(f"{checkpoint.folder}\nfingerprint {checkpoint.fingerprint.hex()}")
    if not is_calibrated(checkpoint.folder):
        typer.echo(f"next: grail calibrate {checkpoint.folder}")
