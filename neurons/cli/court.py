"""grail court: cases before the jury, demanded openings."""

from typing import TYPE_CHECKING, Annotated

import typer

from neurons.cli.session import Config, network, network_and_key

if TYPE_CHECKING:
    pass

Address = Annotated[str, typer.Argument(help="0x and 40 hex digits.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Cases before the jury, and demanded openings.", no_args_is_help=True)
    group.command("list")(list_all)
    for command in (appeal, demand, fine):
        group.command()(command)
    app.add_typer(group, name="court")


def list_all(config: Config = None) -> None:
    """Every case and every demand, with its state.

    Example: grail court list
    """
    subnet = network(config)
    for case in subnet.cases():
        word = case.ruling.name.lower() if case.ruling else f"{case.guilty} guilty, {case.innocent} innocent"
        typer.echo(
            f"case {case.number}: 0x{case.accused.hex()} in window {case.window} for {case.kind.name.lower()}, "
            f"by 0x{case.accuser.hex()}: {case.state.name.lower()} ({word})"
        )
    for found in subnet.demands():
        state = "closed" if found.closed else f"open till {found.deadline}"
        typer.echo(
            f"demand {found.number}: rollout {found.group}/{found.index} of 0x{found.miner.hex()} "
            f"in window {found.window}: {state}"
        )


def appeal(case: Annotated[int, typer.Argument(help="The case's number.")], config: Config = None) -> None:
    """Ask all validators about a ruling, with a bond that is lost when they agree with it.

    Example: grail court appeal 3
    """
    subnet, signer = network_and_key(config)
    subnet.appeal(signer, case)
    typer.echo(f"case {case} is before all validators")


def demand(
    window: Annotated[int, typer.Argument(help="The window.")],
    miner: Address,
    group: Annotated[int, typer.Argument(help="The group.")],
    index: Annotated[int, typer.Argument(help="The rollout's place in it.")],
    config: Config = None,
) -> None:
    """Demand that a miner shows one rollout in full, on chain. The bond is the miner's when it does.

    Example: grail court demand 17 0x317239… 4 0
    """
    from grail.errors import SettingsError
    from grail.governance.acts import parse_address
    from grail.protocol.units import WindowId

    subnet, signer = network_and_key(config)
    entry = subnet.commitment(WindowId(window), parse_address(miner))
    if entry is None:
        raise SettingsError(f"expected a commitment of {miner} in window {window}, there is none")
    subnet.demand_opening(signer, entry, group, index)
    typer.echo(f"demanded: to be answered within {subnet.latest_policy().opening_blocks:,} blocks")


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
