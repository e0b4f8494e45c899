"""grail court: cases before the jury."""

from typing import TYPE_CHECKING, Annotated

import typer

from neurons.cli.session import Config, network, network_and_key

if TYPE_CHECKING:
    from grail.protocol.records import Case

Address = Annotated[str, typer.Argument(help="0x and 40 hex digits.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Cases before the jury.", no_args_is_help=True)
    group.command("list")(list_all)
    for command in (appeal, fine):
        group.command()(command)
    app.add_typer(group, name="court")


def list_all(config: Config = None) -> None:
    """Every case, with its state.

    Example: grail court list
    """
    subnet = network(config)
    for case in subnet.cases():
        word = case.ruling.name.lower() if case.ruling else f"{case.guilty} guilty, {case.innocent} innocent"
        typer.echo(
            f"case {case.number}: 0x{case.accused.hex()} in window {case.window} {_about(case)}, "
            f"by 0x{case.accuser.hex()}: {case.state.name.lower()} ({word})"
        )


def _about(case: "Case") -> str:
    return f"for {case.kind.name.lower()}" if case.kind is not None else "against a rejection"


def appeal(case: Annotated[int, typer.Argument(help="The case's number.")], config: Config = None) -> None:
    """Ask all validators about a ruling, with a bond that is lost when they agree with it.

    Example: grail court appeal 3
    """
    subnet, signer = network_and_key(config)
    subnet.appeal(signer, case)
    typer.echo(f"case {case} is before all validators")


def fine(
    case: Annotated[int, typer.Argument(help="The case's number.")], juror: Address, config: Config = None
) -> None:
    """Fine a drawn juror that voted against the final verdict, or not at all.

    Example: grail court fine 3 0x52f8…
    """
    from grail.governance.acts import parse_address

    subnet, signer = network_and_key(config)
    subnet.fine(signer, case, parse_address(juror))
    typer.echo(f"{juror} is fined")
