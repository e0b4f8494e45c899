"""grail rest: a validator's planned pause."""

from typing import TYPE_CHECKING, Annotated

import typer

from neurons.cli.session import Config, network_and_key

if TYPE_CHECKING:
    from grail.chain.subnet import Subnet
    from grail.protocol.units import Address


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(rest)


def rest(
    config: Config = None,
    announce: Annotated[bool, typer.Option("--announce", help="Rest from the window after the next one on.")] = False,
    end: Annotated[bool, typer.Option("--end", help="Withdraw the announcement, or come back.")] = False,
) -> None:
    """Show whether your validator rests and what it still has to do, announce a rest, or end it.

    Leave `grail validate` running until this command says that nothing is due any more: seats and juries from before
    the rest stay due, and silence there loses as ever. Stake, delegations and unbonding stay as they are.

    Examples:

        grail rest --announce --config validator.toml

        grail rest --config validator.toml

        grail rest --end --config validator.toml
    """
    from grail.errors import SettingsError

    if announce and end:
        raise SettingsError("expected --announce or --end, got both")
    subnet, signer = network_and_key(config)
    validator = subnet.worker_of(signer.address) or signer.address
    if announce:
        subnet.announce_rest(signer)
    if end:
        subnet.end_rest(signer)
        if not subnet.is_seated(validator):
            subnet.sit(signer, validator)
    for line in standing(subnet, validator):
        typer.echo(line)


def standing(subnet: "Subnet", validator: "Address") -> list[str]:
    """Where the rest stands, in words."""
    from grail.runtime.concerns import still_due

    found, window = subnet.rest_of(validator), subnet.current_window()
    if window is None or not found.announced or (not found.taken and found.window < window):
        seated = "has a place in the active set" if subnet.is_seated(validator) else "has no place in the active set"
        return [f"does not rest: it {seated}"]
    if not found.taken:
        until = f"leaves the active set in window {found.window}; its seats up to and with that window stay due"
        return [f"{until}: keep grail validate running"]
    due = still_due(subnet, validator, found.window)
    if not due:
        return ["rests, and nothing is due: it may be stopped"]
    return ["rests", *(f"still due: {text}" for text in due)]
