"""grail token: what an account has, and sending some of it."""

from typing import Annotated

import typer

from neurons.cli.session import Config, network, network_and_key


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="The network's token.", no_args_is_help=True)
    for command in (balance, send, exchange):
        group.command()(command)
    app.add_typer(group, name="token")


def balance(
    account: Annotated[str, typer.Argument(help="Whose; the settings' keystore where none is given.")] = "",
    config: Config = None,
) -> None:
    """Tokens that an account holds, to the wei; stakes are `grail stake show`'s.

    Example: grail token balance 0x52f8…
    """
    from grail.config import load_settings
    from grail.errors import SettingsError
    from grail.governance.acts import parse_address, shown_amount
    from neurons.wiring import keystore_address

    own = keystore_address(load_settings(config).key.keystore) if not account else None
    whose = parse_address(account) if account else own
    if whose is None:
        raise SettingsError("expected an account, or a keystore in the settings: grail token balance 0x…")
    typer.echo(f"0x{whose.hex()} holds {shown_amount(network(config).balance(whose))}")


def send(
    to: Annotated[str, typer.Argument(help="Address of the receiver.")],
    amount: Annotated[str, typer.Argument(help='Such as "100 GRAIL", or "7 wei".')],
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Send tokens. They cannot be taken back.

    Example: grail token send 0x52f8… "100 GRAIL"
    """
    from grail.errors import SettingsError
    from grail.governance.acts import parse_address, parse_amount, shown_amount

    target, wei = parse_address(to), parse_amount(amount)
    subnet, signer = network_and_key(config)
    held = subnet.balance(signer.address)
    if held < wei:
        raise SettingsError(f"{signer.name} holds {shown_amount(held)}, less than {shown_amount(wei)}")
    if not yes:
        typer.confirm(f"send {shown_amount(wei)} from {signer.name} to 0x{target.hex()}?", abort=True)
    receipt = subnet.transfer(signer, target, wei)
    typer.echo(f"sent {shown_amount(wei)} in transaction 0x{receipt.transaction.hex()}")


def exchange(
    amount: Annotated[
        str, typer.Argument(help='Such as "100 GRAIL"; all that the account holds where none is given.')
    ] = "",
    config: Config = None,
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
) -> None:
    """Give tokens of the network before, which are burnt, for as many of this one.

    Stake there has to be taken out first (grail stake remove, grail stake withdraw), pay has to be claimed.

    Examples:

        grail token exchange --config miner.toml

        grail token exchange "100 GRAIL" --config miner.toml
    """
    from grail.errors import SettingsError
    from grail.governance.acts import parse_amount, shown_amount

    subnet, signer = network_and_key(config)
    before = subnet.predecessor()
    if before is None:
        raise SettingsError("this network follows no other: there is nothing to exchange")
    held = subnet.balance_before(signer.address)
    wei = parse_amount(amount) if amount else held
    if not 0 < wei <= held:
        raise SettingsError(f"{signer.name} holds {shown_amount(held)} of the token 0x{before.token.hex()}")
    if not before.is_open:
        more = before.supply + before.exchanged - before.limit
        raise SettingsError(f"the exchange is closed: {shown_amount(more)} more were minted there than it takes over")
    if not yes:
        typer.confirm(f"burn {shown_amount(wei)} of 0x{before.token.hex()} for as much of this network's?", abort=True)
    subnet.exchange(signer, wei)
    typer.echo(f"{signer.name} holds {shown_amount(subnet.balance(signer.address))} of this network's token")
