"""grail index, grail explorer: the chain as tables and as pages."""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from neurons.cli.session import Config

if TYPE_CHECKING:
    from threading import Event

    from explorer.index.reports import Reports
    from grail.chain.subnet import Subnet
    from grail.storage.database import Database

FILE, RUN_FILE = "index.sqlite", "explorer.sqlite"
DatabaseUrl = Annotated[
    str, typer.Option("--database", help="sqlite:///PATH or postgresql://…; else as the settings say.")
]  # fmt: skip
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder of a local network that has ended, instead of --config.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object as the last line.")]


def add_to(app: typer.Typer) -> None:
    """Register the commands."""
    group = typer.Typer(invoke_without_command=True)
    group.callback()(explorer)
    group.command()(check)
    app.add_typer(group, name="explorer")
    tables = typer.Typer(invoke_without_command=True)
    tables.callback()(index)
    tables.command()(rebuild)
    app.add_typer(tables, name="index")


def explorer(
    context: typer.Context,
    config: Config = None,
    out: Out = None,
    database: DatabaseUrl = "",
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for everybody.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8_600,
    name: Annotated[list[str], typer.Option("--name", help="A name that browsers ask by, one option each.")] = [],  # noqa: B006
    follows: Annotated[
        bool, typer.Option("--index/--no-index", help="Follow the chain here, or let another do it.")
    ] = True,
) -> None:
    """See the network in a browser: follow the chain, and serve pages and JSON of it.

    The web process is a child that is told a database and no node; it holds no key and has no way to write.

    Examples:

        grail explorer --config miner.toml

        grail explorer --out runs/localnet

        grail explorer --config explorer.toml --host 0.0.0.0 --name grail.example.org
    """
    if context.invoked_subcommand is not None:
        return
    from explorer.index.follow import Follower
    from explorer.running import collecting, follow, require_web, serving
    from grail.storage.database import Database
    from grail.telemetry import log

    require_web()
    log.configure()
    url = _url(config, out, database)
    rows, ended = Database(url), _asked_to_end()
    follower = Follower(_subnet(config, out), rows) if follows else None
    with serving(url, host, port, tuple(name)):
        typer.echo(f"explorer at http://{host}:{port} (end it with Ctrl-C)")
        if follower is None:
            ended.wait()
            return
        with collecting(_reports(config, out, rows)):
            follow(follower, 1.0, lambda: not ended.is_set())


def check(
    url: Annotated[str, typer.Option("--url", help="A running explorer, whose freshness is asked, too.")] = "",
    config: Config = None,
    out: Out = None,
    database: DatabaseUrl = "",
    as_json: Json = False,
) -> None:
    """Compare every row of an index with what the contracts themselves say; exit code 1 where any differs.

    Examples:

        grail explorer check --out runs/localnet

        grail explorer check --config miner.toml --url http://127.0.0.1:8600 --json
    """
    from explorer.index.check import check as compare
    from explorer.index.follow import Follower
    from grail.storage.database import Database

    subnet, rows = _subnet(config, out), Database(_copied(out) if out else _url(config, out, database))
    if out is not None:
        Follower(subnet, rows).catch_up()
    found = compare(rows, subnet)
    lag = _lag(url) if url else found.lag
    for one in found.differences[:50]:
        typer.echo(f"{one.table} {one.key}: the index says {one.index}, the chain says {one.chain}")
    typer.echo(f"{found.rows} rows compared, {len(found.differences)} differ; {found.supply_gap} wei do not add up")
    if as_json:
        numbers = {"rows_compared": found.rows, "differences": len(found.differences)}
        typer.echo(json.dumps({**numbers, "supply_gap_wei": found.supply_gap, "lag_blocks": lag}))
    if found.differences or found.supply_gap:
        raise typer.Exit(1)


def _copied(out: Path) -> str:
    """A copy of a local network's index: it may still be written, and be ahead of the chain's last saved block."""
    import sqlite3
    import tempfile

    copy = Path(tempfile.mkdtemp(prefix="grail-check-")) / RUN_FILE
    if (out / RUN_FILE).exists():
        with sqlite3.connect(out / RUN_FILE) as source, sqlite3.connect(copy) as target:
            source.backup(target)
    return f"sqlite:///{copy}"


def _lag(url: str) -> int:
    from grail.errors import Unavailable
    from grail.foreign.http import fetch

    answer = fetch(f"{url.rstrip('/')}/readyz", most=10_000, seconds=10.0)
    found = json.loads(answer.body)
    if "blocks_behind" not in found:
        raise Unavailable(f"the explorer at {url} has nothing to show yet: {found.get('reason', answer.status)}")
    return int(found["blocks_behind"])


def index(
    context: typer.Context,
    config: Config = None,
    out: Out = None,
    database: DatabaseUrl = "",
    once: Annotated[bool, typer.Option("--once", help="Stop at the chain's newest block.")] = False,
) -> None:
    """Follow the chain into a database: every event, and the tables that follow from them.

    Examples:

        grail index --config miner.toml --once

        grail index --config explorer.toml --database postgresql://grail@db/grail
    """
    if context.invoked_subcommand is not None:
        return
    from explorer.index.follow import Follower
    from explorer.running import collecting, follow
    from grail.storage.database import Database
    from grail.telemetry import log

    log.configure()
    ended = _asked_to_end()
    rows = Database(_url(config, out, database))
    reports, follower = _reports(config, out, rows), Follower(_subnet(config, out), rows)
    if not once:
        with collecting(reports):
            follow(follower, 1.0, lambda: not ended.is_set())
        return
    follow(follower, 1.0, lambda: not ended.is_set(), once=True)
    while reports.step():
        pass


def rebuild(config: Config = None, out: Out = None, database: DatabaseUrl = "") -> None:
    """Make all tables anew from the stored events: after an update that reads them otherwise. Asks no node.

    Example: grail index rebuild --config miner.toml
    """
    from explorer.index.follow import rebuild as make_anew
    from grail.storage.database import Database

    count = make_anew(Database(_url(config, out, database)), lambda done: typer.echo(f"{done:,} events", err=True))
    typer.echo(f"made anew from {count:,} events")


def _asked_to_end() -> "Event":
    """Set once somebody ends the process."""
    import signal
    import threading

    ended = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: ended.set())
    return ended


def _url(config: Path | None, out: Path | None, given: str) -> str:
    from grail.config import load_settings

    if given:
        return given
    if out is not None:
        _require_run(out)
        return f"sqlite:///{out / RUN_FILE}"
    settings = load_settings(config)
    settings.work.folder.mkdir(parents=True, exist_ok=True)
    return settings.database.url or f"sqlite:///{settings.work.folder / FILE}"


def _subnet(config: Path | None, out: Path | None) -> "Subnet":
    from neurons.cli.session import network

    if out is None:
        return network(config)
    from grail.chain.accounts import ANVIL_KEY, Signer
    from grail.chain.address_book import AddressBook
    from grail.chain.embedded import EmbeddedChain
    from grail.chain.subnet import Subnet

    _require_run(out)
    chain = EmbeddedChain(Signer.from_key(ANVIL_KEY).address, out / "chain.sqlite")
    return Subnet(chain, AddressBook.load(out / "network.json"))


def _reports(config: Path | None, out: Path | None, rows: "Database") -> "Reports":
    from explorer.index.reports import Reports
    from grail.config import load_settings
    from grail.storage import open_store

    if out is not None:
        return Reports(rows, open_store(f"file://{out / 'objects'}"), private=False)
    work = load_settings(config).work
    return Reports(rows, open_store(work.store), private=work.private_endpoints)


def _require_run(out: Path) -> None:
    from grail.errors import SettingsError

    if not (out / "chain.sqlite").exists():
        raise SettingsError(f"expected the folder of a local network, and {out} has no chain.sqlite")
