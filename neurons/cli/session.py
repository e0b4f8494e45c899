"""What the commands of token holders begin with: the settings' network, and the key that acts on it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from grail.chain.accounts import Signer
    from grail.chain.subnet import Subnet

Config = Annotated[Path | None, typer.Option("--config", help="Settings in TOML; GRAIL_ variables win over it.")]


def network(config: Path | None) -> "Subnet":
    """The network, to read: needs no key."""
    from grail.config import load_settings
    from neurons.wiring import open_subnet

    return open_subnet(load_settings(config))


def network_and_key(config: Path | None) -> "tuple[Subnet, Signer]":
    """The network, and the unlocked key."""
    from grail.config import load_settings
    from neurons.wiring import open_subnet, unlock

    settings = load_settings(config)
    signer = unlock(settings)
    return open_subnet(settings), signer
