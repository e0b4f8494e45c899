"""grail stake: delegate, unstake, withdraw, collect, hotkeys. What the owner of tokens does with them."""

from typing import TYPE_CHECKING, Annotated

import typer

from neurons.cli.session import Config, network_and_key

if TYPE_CHECKING:
    from grail.chain.accounts import Signer
    from grail.chain.subnet import Subnet

Neuron = Annotated[str, typer.Argument(help="Address of the neuron.")]
Amount = Annotated[str, typer.Argument(help='Such as "100 GRAIL", or "7 wei".')]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Stake on neurons, and take out what is yours.", no_args_is_help=True)
    for command in (add, remove, withdraw, collect, show, hotkey, accept):
        group.command()(command)
    app.add_typer(group, name="stake")


def add(neuron: Neuron, amount: Amount, config: Config = None) -> None:
    """Stake on a neuron, your own or another's: share in its rewards, and in its slashes.

    Example: grail stake add 0x52f8… "100 GRAIL"
    """
    from grail.governance.acts import parse_address, parse_amount

    subnet, signer = network_and_key(config)
    subnet.stake(signer, parse_address(neuron), parse_amount(amount))
    _echo_position(subnet, signer, parse_address(neuron))


def remove(neuron: Neuron, amount: Amount, config: Config = None) -> None:
    """Ask stake back. It can still be slashed until it has finished unbonding; then `grail stake withdraw`.

    Example: grail stake remove 0x52f8… "100 GRAIL"
    """
    from grail.governance.acts import parse_address, parse_amount

    subnet, signer = network_and_key(config)
    subnet.request_unstake(signer, parse_address(neuron), parse_amount(amount))
    typer.echo(f"unbonding: ready in {subnet.latest_policy().unbonding_blocks:,} blocks")


def withdraw(config: Config = None) -> None:
    """Take out everything that has finished unbonding.

    Example: grail stake withdraw
    """
    from grail.governance.policy import ETHER

    subnet, signer = network_and_key(config)
    before = subnet.balance(signer.address)
    subnet.withdraw(signer)
    typer.echo(f"withdrew {(subnet.balance(signer.address) - before) / ETHER:,.6f} GRAIL")


def collect(neuron: Neuron, config: Config = None) -> None:
    """Take the rewards from delegating to a neuron.

    Example: grail stake collect 0x52f8…
    """
    from grail.governance.acts import parse_address
    from grail.governance.policy import ETHER

    subnet, signer = network_and_key(config)
    before = subnet.balance(signer.address)
    subnet.collect(signer, parse_address(neuron))
    typer.echo(f"collected {(subnet.balance(signer.address) - before) / ETHER:,.6f} GRAIL")


def show(neuron: Neuron, config: Config = None) -> None:
    """A neuron's pool, and your part of it.

    Example: grail stake show 0x52f8…
    """
    from grail.governance.acts import parse_address
    from grail.governance.policy import ETHER

    subnet, signer = network_and_key(config)
    address = parse_address(neuron)
    found = subnet.neuron(address)
    typer.echo(f"role {found.role.name.lower()}{', in jail' if found.jailed else ''}")
    typer.echo(f"stake {found.stake / ETHER:,.1f} GRAIL, unbonding {found.unbonding / ETHER:,.1f}")
    typer.echo(f"commission {subnet.commission_of(address) / 100:g} %, hotkey 0x{subnet.hotkey_of(address).hex()}")
    _echo_position(subnet, signer, address)


def hotkey(
    address: Annotated[str, typer.Argument(help="The key that is to sign work.")], config: Config = None
) -> None:
    """Name the key that is to work for your neuron; it takes over with `grail stake accept`.

    Example: grail stake hotkey 0x4071…
    """
    from grail.governance.acts import parse_address

    subnet, signer = network_and_key(config)
    subnet.propose_hotkey(signer, parse_address(address))
    typer.echo(f"proposed; with that key now: grail stake accept {signer.name}")


def accept(neuron: Neuron, config: Config = None) -> None:
    """Take over as a neuron's hotkey, with the key of the settings.

    Example: grail stake accept 0x52f8… --config hotkey.toml
    """
    from grail.governance.acts import parse_address

    subnet, signer = network_and_key(config)
    subnet.accept_hotkey(signer, parse_address(neuron))
    typer.echo(f"{signer.name} works for {neuron}")


def _echo_position(subnet: "Subnet", signer: "Signer", neuron: bytes) -> None:
    from grail.governance.policy import ETHER

    own, waiting = subnet.position(neuron, signer.address), subnet.collectable(neuron, signer.address)
    typer.echo(f"{signer.name} has {own / ETHER:,.6f} GRAIL in it, {waiting / ETHER:,.6f} to collect")
