"""grail devnet: a network of separate processes on this machine."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from neurons.devnet.layout import Layout

commands = typer.Typer(
    name="devnet",
    help="A real network of separate processes on this machine: chain, relay, miners, validators, trainer, explorer.",
    no_args_is_help=True,
)
Folder = Annotated[Path, typer.Option(help="Where the network's files are.")]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]
DEFAULT = Path("runs/devnet")
READY_SECONDS = 240.0


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    app.add_typer(commands)


@commands.command()
def up(
    folder: Folder = DEFAULT,
    miners: Annotated[int | None, typer.Option(help="Honest miners. [default: 2]", min=1, max=16)] = None,
    validators: Annotated[int | None, typer.Option(help="Validators. [default: 2]", min=1, max=16)] = None,
    cheats: Annotated[
        int | None, typer.Option(help="Cheats, too: 4-bit weights, best of n, forged. [default: 0]", min=0, max=3)
    ] = None,
    groups: Annotated[
        int | None, typer.Option(help="Groups of 8 rollouts that a miner delivers. [default: 16]", min=1, max=4_096)
    ] = None,
    block_seconds: Annotated[
        float | None, typer.Option(help="From one block to the next. [default: 1]", min=0.1, max=60)
    ] = None,
    node: Annotated[
        str | None, typer.Option(help="served or anvil. [default: anvil where npm has brought it, else served]")
    ] = None,
    model: Annotated[
        str | None,
        typer.Option(help="The first checkpoint: a calibrated model of `grail models list`. [default: tiny]"),
    ] = None,
    env: Annotated[str | None, typer.Option("--env", help="Environment id. [default: arithmetic/1]")] = None,
    explorer: Annotated[
        bool | None, typer.Option("--explorer/--no-explorer", help="Pages to see it in. [default: on]")
    ] = None,
    bittensor: Annotated[
        bool | None,
        typer.Option("--bittensor/--no-bittensor", help="With a double of Subtensor and a subnet. [default: off]"),
    ] = None,
    as_json: Json = False,
) -> None:
    """Found a network and start its processes; returns when all are ready, and leaves them running.

    Each process is the documented command, with its settings in the folder: stop one, change its settings, start your
    own beside it. Whatever dies is started again. A network that is there already goes on; nothing is installed.

    Examples:

        grail devnet up

        grail devnet up --miners 3 --cheats 3 --folder runs/six

        grail devnet up --bittensor --folder runs/subnet
    """
    from rich.console import Console

    from neurons.devnet.control import start
    from neurons.devnet.layout import Layout

    layout = Layout(folder)
    wanted: dict[str, Any] = {
        "miners": miners, "validators": validators, "cheats": cheats, "groups": groups,
        "block_seconds": block_seconds, "node": node, "model": model, "environment": env,
        "explorer": explorer, "bittensor": bittensor,
    }  # fmt: skip
    console = Console(stderr=True)
    with console.status("starting") as spinner:
        start(layout, {k: v for k, v in wanted.items() if v is not None}, spinner.update, READY_SECONDS)
    _show(layout, as_json)


@commands.command()
def down(folder: Folder = DEFAULT) -> None:
    """Stop every process of the network, and keep its files: `grail devnet up` goes on where it was.

    Example: grail devnet down
    """
    from neurons.devnet.control import stop
    from neurons.devnet.layout import Layout

    ended = stop(Layout(folder))
    typer.echo(f"{ended} processes ended; nothing of {folder} runs any more")


@commands.command()
def status(folder: Folder = DEFAULT, as_json: Json = False) -> None:
    """Its processes, the window it is in, and the windows that it has settled.

    Example: grail devnet status --json
    """
    from neurons.devnet.layout import Layout

    _show(Layout(folder), as_json)


@commands.command()
def logs(
    name: Annotated[str, typer.Argument(help="Whose: chain, relay, miner-1, …; all, if none is named.")] = "",
    folder: Folder = DEFAULT,
    lines: Annotated[int, typer.Option(help="Of each process.", min=1, max=100_000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until Ctrl-C.")] = False,
) -> None:
    """What the processes say.

    Examples:

        grail devnet logs miner-1 --follow

        grail devnet logs --lines 5
    """
    from neurons.devnet.control import last_lines, new_lines
    from neurons.devnet.layout import Layout

    layout = Layout(folder)
    for line in last_lines(layout, name, lines):
        typer.echo(line)
    if follow:
        for line in new_lines(layout, name):
            typer.echo(line)


@commands.command()
def chain(
    file: Annotated[Path, typer.Option(help="SQLite file that keeps the chain.")],
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8_545,
    host: Annotated[str, typer.Option(help="Address to listen on.")] = "127.0.0.1",
    block_seconds: Annotated[float, typer.Option(help="From one block to the next; 0: on demand.", min=0)] = 1.0,
) -> None:
    """Serve a development chain: the embedded EVM behind JSON-RPC. Its coins belong to anvil's first account, whose key
    everybody knows. Killed, it goes on where it was.

    Example: grail devnet chain --file chain.sqlite --port 8545
    """
    import uvicorn

    from grail.chain.accounts import ANVIL_KEY, Signer
    from grail.chain.dev_node import DevNode
    from grail.chain.dev_node_server import DevNodeServer

    file.parent.mkdir(parents=True, exist_ok=True)
    node = DevNode(Signer.from_key(ANVIL_KEY).address, file)
    typer.echo(f"chain {node.chain.chain_id} at http://{host}:{port}, block {node.chain.head().number}")
    uvicorn.run(DevNodeServer(node, block_seconds), host=host, port=port, log_level="warning")


@commands.command()
def subtensor(
    file: Annotated[Path, typer.Option(help="File that keeps it; `grail devnet up --bittensor` makes one.")],
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 9_944,
    block_seconds: Annotated[float, typer.Option(help="From one block to the next.", min=0.1)] = 1.0,
) -> None:
    """Serve a double of Subtensor: one subnet, no consensus, no emission. Killed, it goes on where it was.

    Example: grail devnet subtensor --file runs/subnet/subtensor.json --port 9944
    """
    from grail.chain.bittensor import require_sdk

    require_sdk()
    from simulation.subtensor.node import keep_serving

    typer.echo(f"a double of Subtensor (no node) at ws://127.0.0.1:{port}")
    keep_serving(file, port, block_seconds)


@commands.command()
def fund(
    accounts: Annotated[list[str], typer.Argument(help="Addresses that get coins.")],
    rpc: Annotated[
        str, typer.Option(help="A development node: grail devnet chain, or anvil.")
    ] = "http://127.0.0.1:8545",
) -> None:
    """Give accounts ten coins each of a development chain, out of anvil's first account.

    Example: grail devnet fund "$(grail keys address --config miner.toml)"
    """
    from grail.chain import open_chain
    from grail.chain.accounts import ANVIL_KEY, Signer
    from grail.governance.acts import parse_address

    chain, rich = open_chain([rpc]), Signer.from_key(ANVIL_KEY)
    for account in map(parse_address, accounts):
        chain.send(rich, account, b"", 10 * 10**18)
        typer.echo(f"0x{account.hex()} has {chain.coins(account) / 10**18:g} coins")


@commands.command()
def cheat(
    attack: Annotated[str, typer.Argument(help="grail redteam --list names them.")],
    config: Annotated[Path | None, typer.Option("--config", help="Settings in TOML.")] = None,
    json_log: Annotated[bool, typer.Option("--json-log", help="Log one JSON object a line.")] = False,
) -> None:
    """Mine dishonestly, on a development network: see it caught.

    Example: grail devnet cheat int4-weights --config runs/devnet/int4-weights.toml
    """
    from grail.errors import SettingsError
    from neurons.entry import start
    from neurons.miner import run
    from simulation.adversaries import ATTACKS

    if attack not in ATTACKS:
        raise SettingsError(f"expected an attack among {', '.join(ATTACKS)}; got {attack!r}")
    start("miner", config, lambda settings: run(settings, ATTACKS[attack]), as_json=json_log)


def _show(layout: "Layout", as_json: bool) -> None:
    from rich.console import Console
    from rich.table import Table

    from neurons.devnet.control import standing

    found = standing(layout)
    if as_json:
        typer.echo(json.dumps(found))
        return
    table = Table("process", "state", "pid", "restarts", "command")
    for one in found["processes"]:
        command = one["command"].replace(f"{layout.folder}/", "").rpartition("/bin/")[2]
        row = (one["name"], one["state"], str(one["pid"] or ""), str(one["restarts"]), command)
        table.add_row(*row)
    console = Console()
    console.print(table)
    if found["window"] is not None:
        console.print(f"window {found['window']}, {found['settled']} settled; chain {found['chain']}")
    if found["subtensor"]:
        settings = layout.settings("validator-1")
        console.print(f"subnet at {found['subtensor']}: grail bittensor metagraph --config {settings}")
    if found["explorer"]:
        console.print(f"see it at {found['explorer']}")
    console.print(
        f"commands are as typed in {layout.folder}; grail devnet logs --folder {layout.folder} shows what they do"
    )
