"""grail init: everything that a node needs before it can work, asked for, written, checked."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from grail.chain.subnet import Subnet
    from grail.config import Settings


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(init)


def init(
    what: Annotated[str, typer.Argument(help="miner, validator, trainer, or network: what this is to be.")],
    config: Annotated[
        Path | None, typer.Option("--config", help="Settings to write, beside the key. [default: ROLE.toml]")
    ] = None,
    rpc: Annotated[str | None, typer.Option(help="JSON-RPC node. [default: http://127.0.0.1:8545]")] = None,
    book: Annotated[Path | None, typer.Option(help="The network's address book. [default: network.json]")] = None,
    relay: Annotated[
        list[str] | None, typer.Option(help="Relay that keeps this node's objects for others; one option each.")
    ] = None,
    endpoint: Annotated[
        str | None, typer.Option(help="Where others read this node's own store, if they can: https://…")
    ] = None,
    store: Annotated[
        str | None, typer.Option(help="file://FOLDER or s3://BUCKET. [default: file://ROLE-objects]")
    ] = None,
    groups: Annotated[
        int | None, typer.Option(help="miner: groups to deliver in a window. [default: 64]", min=1)
    ] = None,
    password_file: Annotated[
        Path | None, typer.Option(help="File with the key's password, made where it is not there: for services.")
    ] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Read others at private addresses: one's own machines.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ask nothing: defaults for what no option says.")] = False,
) -> None:
    """Make settings and key, look at everything that the node needs, and say what to type next.

    Nothing that is there is overwritten: run it again as often as you like. It registers a changed endpoint; it never
    sends money. `grail init network` makes the plan of a new network, and its first keys.

    Examples:

        grail init miner

        grail init validator --rpc https://node.example.org --relay https://relay.example.org --yes

        grail init network --yes
    """
    from grail.errors import SettingsError
    from neurons.joining import ROLES, settings_file

    asks = sys.stdin.isatty() and not yes
    if what == "network":
        _network(config or Path("plan.toml"), rpc or "http://127.0.0.1:8545", password_file)
        return
    if what not in ROLES:
        raise SettingsError(f"expected miner, validator, trainer or network, got {what!r}")
    path = config or Path(f"{what}.toml")
    told = _told(what, rpc, book, relay, endpoint, store, groups, password_file, private)
    if not path.exists():
        told = _asked(what, path, told) if asks else _filled(what, path, told)
    settings, fresh = settings_file(path, told)
    typer.echo(f"{path}: {'written' if fresh else 'is there, and kept'}")
    _key(settings)
    subnet = _look(settings)
    if subnet is not None:
        _announce(settings, subnet)
    _next(settings, subnet, what, path)


def _told(
    what: str,
    rpc: str | None,
    book: Path | None,
    relay: list[str] | None,
    endpoint: str | None,
    store: str | None,
    groups: int | None,
    password_file: Path | None,
    private: bool,
) -> dict[str, dict[str, Any]]:
    """What the options say."""
    tables: dict[str, dict[str, Any]] = {
        "chain": {"url": rpc, "address_book": book and str(book.absolute())},
        "key": {"password_file": password_file and str(password_file.absolute())},
        "work": {
            "store": store,
            "relays": relay or None,
            "endpoint": endpoint,
            "private_endpoints": private or None,
            "groups": groups if what == "miner" else None,
        },
    }
    return {name: {key: value for key, value in table.items() if value is not None} for name, table in tables.items()}


def _defaults(what: str, path: Path) -> dict[str, dict[str, Any]]:
    """Of a new settings file: key, data and objects lie beside it, each role's for itself."""
    beside = path.absolute().parent
    work = {"folder": str(beside / f"{what}-data"), "store": f"file://{beside / f'{what}-objects'}"}
    return {
        "chain": {"url": "http://127.0.0.1:8545", "address_book": str(beside / "network.json")},
        "key": {"keystore": str(beside / f"{what}.keystore.json")},
        "work": work | ({"groups": 64} if what == "miner" else {}),
    }


def _filled(what: str, path: Path, told: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {table: values | told.get(table, {}) for table, values in _defaults(what, path).items()}


def _asked(what: str, path: Path, told: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Ask for what the options do not say."""
    full = _filled(what, path, told)
    if "url" not in told["chain"]:
        full["chain"]["url"] = typer.prompt("JSON-RPC node of the chain", default=full["chain"]["url"])
    if "address_book" not in told["chain"]:
        full["chain"]["address_book"] = typer.prompt(
            "the network's address book", default=full["chain"]["address_book"]
        )
    if not told["work"].keys() & {"relays", "endpoint"}:
        said = typer.prompt("relay that keeps your objects for others (empty: none)", default="", show_default=False)
        if said:
            full["work"]["relays"] = [said]
        else:
            said = typer.prompt(
                "where others read your own store (empty: they share it)", default="", show_default=False
            )
            full["work"] |= {"endpoint": said} if said else {}
    if what == "miner" and "groups" not in told["work"]:
        full["work"]["groups"] = typer.prompt("groups to deliver in a window", default=64, type=int)
    return full


def _new_password() -> str:
    if not sys.stdin.isatty():
        from grail.errors import SettingsError

        raise SettingsError("expected a password for the new key: --password-file FILE, or GRAIL_PASSWORD")
    found: str = typer.prompt("password of the new key", hide_input=True, confirmation_prompt=True)
    return found


def _key(settings: "Settings") -> str:
    from neurons.joining import key_of

    address, made = key_of(settings, _new_password)
    words = "made; keep a copy of it and of its password: lost, they are lost stake" if made else "is there, and kept"
    typer.echo(f"{settings.key.keystore}: {address}, {words}")
    return address


def _look(settings: "Settings") -> "Subnet | None":
    """Every check of `grail doctor --config`; the network, where it can be reached."""
    from grail.errors import GrailError
    from neurons.readiness import readiness, shown_check
    from neurons.wiring import open_subnet

    for check in readiness(settings):
        for line in shown_check(check):
            typer.echo(line)
    try:
        return open_subnet(settings)
    except GrailError:
        return None


def _announce(settings: "Settings", subnet: "Subnet") -> None:
    """Register the endpoint that the settings say, where the chain says another."""
    from grail.protocol.records import Role
    from neurons.joining import endpoint_wanted
    from neurons.wiring import keystore_address, unlock

    key, wanted = keystore_address(settings.key.keystore), endpoint_wanted(settings)
    if key is None or not wanted:
        return
    record = subnet.neuron(subnet.worker_of(key) or key)
    if record.role is not Role.NONE and record.endpoint != wanted and record.address == key:
        subnet.set_endpoint(unlock(settings), wanted)
        typer.echo(f"registered on chain: others read this node's objects at {wanted}")


def _next(settings: "Settings", subnet: "Subnet | None", what: str, path: Path) -> None:
    from neurons.joining import next_steps

    typer.echo("next:")
    for step in next_steps(settings, subnet, what, path):
        typer.echo(f"  {step}")


def _network(plan: Path, rpc: str, password_file: Path | None) -> None:
    """Keys of deployer and first trainer, and a plan that names them."""
    from grail.config import KeySettings, Settings
    from neurons.joining import plan_file, settings_file

    beside = plan.absolute().parent
    beside.mkdir(parents=True, exist_ok=True)
    keys = {name: beside / f"{name}.keystore.json" for name in ("deployer", "trainer")}
    found = {
        name: _key(Settings(key=KeySettings(keystore=path, password_file=password_file))) for name, path in keys.items()
    }
    own = beside / "deployer.toml"
    told = {"url": rpc, "address_book": str(beside / "network.json")}
    secret = {"password_file": str(password_file.absolute())} if password_file else {}
    settings_file(own, {"chain": told, "key": {"keystore": str(keys["deployer"]), **secret}})
    typer.echo(f"{own}: settings of the deployer, who has the first tokens")
    made = plan_file(plan, found["deployer"], found["trainer"])
    typer.echo(
        f"{plan}: {'written; read it, for much of it cannot be changed later' if made else 'is there, and kept'}"
    )
    typer.echo(f"next:\n  send some of the chain's coin to {found['deployer']}: it pays for the deployment")
    for dry in (" --dry-run", ""):
        typer.echo(f"  grail deploy --rpc {rpc} --config {plan} --keystore {keys['deployer']}{dry}")
    typer.echo("  grail init trainer   (the same folder: it finds its key)")
