"""grail keys: encrypted keystore files. grail register: join a network."""

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(help="Encrypted keystore files.", no_args_is_help=True)
    group.command("new")(new)
    group.command("address")(address)
    group.command("history")(history)
    app.add_typer(group, name="keys")
    app.command()(register)
    app.command()(endpoint)


def new(
    path: Annotated[Path, typer.Argument(help="File to write; never overwritten.")] = Path("keystore.json"),
) -> None:
    """Make a key and write it encrypted. Keep a copy: a lost file is lost stake.

    Example: grail keys new keystore.json
    """
    from grail.chain.accounts import create_keystore
    from grail.config import load_settings, read_password

    password = read_password(load_settings())
    if password is None:
        password = typer.prompt("password", hide_input=True, confirmation_prompt=True)
    typer.echo(create_keystore(path, password).name)


def address(config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None) -> None:
    """Print whose key the settings' keystore holds; needs no password.

    Example: grail token send "$(grail keys address --config miner.toml)" "100 GRAIL" --config deployer.toml
    """
    from grail.config import load_settings
    from grail.errors import SettingsError
    from neurons.wiring import keystore_address

    path = load_settings(config).key.keystore
    found = keystore_address(path)
    if found is None:
        raise SettingsError(f"expected a V3 keystore at {path}: make one with `grail keys new` or `grail init`")
    typer.echo(f"0x{found.hex()}")


def history(
    config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None,
    export: Annotated[Path | None, typer.Option("--export", help="Write it to this file.")] = None,
    import_: Annotated[Path | None, typer.Option("--import", help="Take over what this file knows.")] = None,
) -> None:
    """What this node's key has signed: its commitments, scores and votes. A node signs nothing that contradicts it.

    Take it along when a key moves to another machine: stop the node there, export, import here, start. A node that does
    not know what its key has signed of late waits a window.

    Examples:

        grail keys history --config miner.toml

        grail keys history --config miner.toml --export history.jsonl

        grail keys history --config miner.toml --import history.jsonl
    """
    from grail.chain.accounts import checksummed
    from grail.chain.signing_history import SigningHistory
    from grail.config import load_settings
    from grail.errors import SettingsError
    from neurons.wiring import HISTORY, keystore_address, lock

    settings = load_settings(config)
    folder = settings.work.folder
    if import_ is not None:
        key = keystore_address(settings.key.keystore)
        if key is None:
            raise SettingsError(f"expected a V3 keystore at {settings.key.keystore}: `grail keys new` makes one")
        folder.mkdir(parents=True, exist_ok=True)
        lock(folder, checksummed(key))
        typer.echo(f"{SigningHistory(folder / HISTORY).add(import_)} lines are new in {folder / HISTORY}")
    found = SigningHistory(folder / HISTORY)
    if export is not None:
        export.write_text(found.export())
    for text in found.summary():
        typer.echo(text)


def endpoint(
    urls: Annotated[str, typer.Argument(help="https://RELAY, several with commas; see grail relay.")],
    config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None,
) -> None:
    """Say on chain where others read this neuron's objects. Auditors, jurors and trainers follow it; no setting of
    theirs names it.

    Example: grail endpoint https://objects.example.org --config miner.toml
    """
    from grail.config import load_settings
    from grail.errors import SettingsError
    from grail.runtime.objects import endpoints_of
    from neurons.wiring import open_subnet, unlock

    settings = load_settings(config)
    subnet, signer = open_subnet(settings), unlock(settings)
    subnet.set_endpoint(signer, urls)
    found = endpoints_of(subnet, signer.address)
    if not found:
        raise SettingsError(f"registered, but none of {urls!r} is a URL that others can read: https://…, http://…")
    typer.echo(f"{signer.name}: objects are read at {', '.join(found)}")


def register(
    role: Annotated[str, typer.Option(help="miner, validator or trainer.")],
    stake: Annotated[str, typer.Option(help='First stake, such as "2000 GRAIL".')],
    config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None,
    endpoint: Annotated[
        str,
        typer.Option(help="Where others read its objects: https://RELAY, several with commas. The settings', if none."),
    ] = "",
    commission: Annotated[float, typer.Option(help="Per cent of delegators' rewards to keep.", min=0, max=100)] = 10.0,
) -> None:
    """Join the network of the settings with a role and a first stake.

    Example: grail register --role miner --stake "2000 GRAIL" --config miner.toml
    """
    from grail.config import load_settings
    from grail.errors import SettingsError
    from grail.governance.acts import parse_amount, shown_amount
    from grail.protocol.records import Role
    from neurons.joining import endpoint_wanted
    from neurons.wiring import open_subnet, unlock

    names = {r.name.lower(): r for r in Role if r is not Role.NONE}
    if role not in names:
        raise SettingsError(f"expected a role among {', '.join(names)}, got {role!r}")
    amount = parse_amount(stake)
    settings = load_settings(config)
    signer = unlock(settings)
    subnet = open_subnet(settings)
    bps = round(commission * 100)
    told = endpoint or endpoint_wanted(settings)
    subnet.register(signer, names[role], told, amount, commission_bps=bps)
    read = f"; its objects are read at {told}" if told else ""
    typer.echo(f"{signer.name} is a {role} with {shown_amount(amount)} at stake{read}")
    if names[role] is Role.MINER:
        windows = subnet.latest_policy().reliability_windows
        typer.echo(
            "next: grail mine, which pledges the groups of its settings; pay grows with what is delivered of them, "
            f"from nothing in the first window to all of it after {windows}"
        )
    elif names[role] is Role.TRAINER:
        approved = subnet.is_approved(signer.address)
        vote = "a vote of token holders lets it publish (docs/governance.md), then "
        typer.echo(f"next: {'' if approved else vote}grail publish FOLDER, where nothing is published yet; grail train")
    else:
        typer.echo("next: grail validate")
