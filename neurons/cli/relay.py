"""grail relay: serve objects over HTTP."""

import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from grail.storage.deposits import Deposits

TIDY_SECONDS = 3_600.0


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(relay)


def relay(
    folder: Annotated[Path, typer.Option(help="Objects that are served; what comes from upstream is kept here, too.")],
    upstream: Annotated[list[str], typer.Option(help="URL of another relay or an origin, one option each.")] = [],  # noqa: B006
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for everybody.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8_547,
    config: Annotated[
        Path | None,
        typer.Option("--config", help="Keep objects for the neurons of this network, too: settings in TOML."),
    ] = None,
    quota: Annotated[float, typer.Option(help="Most MB that one neuron may put here in a day.", min=0)] = 2_048,
    upload: Annotated[float, typer.Option(help="Most MB a second that go out; 0 for no bound.", min=0)] = 0,
) -> None:
    """Serve checkpoints and submissions to whoever asks: an origin (your own objects) or a mirror of others.

    Nobody needs to trust a relay: every object is checked by its hash. Nodes name relays behind their own folder:
    store = "file:///var/grail/objects,http://relay-1:8547,http://relay-2:8547". With --config it keeps objects for
    nodes that others cannot reach (work.relays in their settings), signed by a registered hotkey, up to --quota a day;
    where the settings name a subnet of Bittensor, for its registered hotkeys, too (docs/spec/relay.md).

    Examples:

        grail relay --folder /var/grail/objects --host 0.0.0.0

        grail relay --folder /var/grail/mirror --upstream http://origin:8547 --upload 100

        grail relay --folder /var/grail/relay --config relay.toml --quota 4096 --host 0.0.0.0
    """
    import uvicorn

    from grail.errors import SettingsError
    from grail.storage.file_store import FileStore
    from grail.storage.relay_server import relay_app
    from grail.storage.relays import RelayReader

    for url in upstream:
        if not url.startswith(("http://", "https://")):
            raise SettingsError(f"expected --upstream http://HOST:PORT, got {url!r}")
    reader = RelayReader(upstream) if upstream else None
    deposits = _deposits(folder, config, round(quota * 1e6)) if config else None
    if config:
        threading.Thread(target=_tidy, args=(folder, config), daemon=True).start()
    origins = f", from {', '.join(upstream)}" if upstream else ""
    typer.echo(
        f"serving {folder} on http://{host}:{port}{origins}{', keeping objects for neurons' if deposits else ''}"
    )
    app = relay_app(FileStore(folder), reader, round(upload * 1e6), deposits)
    uvicorn.run(app, host=host, port=port, log_level="warning")


def _tidy(folder: Path, config: Path) -> None:
    """Every hour, forget what nobody may ask for any more."""
    from grail.config import load_settings
    from grail.errors import GrailError
    from grail.runtime.retention import needed, prune
    from grail.storage.file_store import FileStore
    from grail.telemetry.log import get_logger
    from neurons.wiring import open_subnet

    settings, store = load_settings(config), FileStore(folder)
    while settings.work.keep == "needed":
        time.sleep(TIDY_SECONDS)
        try:
            found = prune(needed(open_subnet(settings), store), store, None, dry_run=False)
            get_logger().info("forgot what nobody can ask for", objects=found.objects, freed=found.freed)
        except GrailError as error:
            get_logger().warning("could not tidy", reason=str(error))


def _deposits(folder: Path, config: Path, quota: int) -> "Deposits":
    from grail.config import load_settings
    from grail.runtime.membership import Membership
    from grail.storage.database import Database
    from grail.storage.deposits import Deposits
    from neurons.native import hotkey_callers
    from neurons.wiring import open_subnet

    settings = load_settings(config)
    subnet = open_subnet(settings)
    issued = None if settings.bittensor.netuid is None else hotkey_callers(settings.bittensor)
    folder.mkdir(parents=True, exist_ok=True)
    registry = subnet.contracts["NeuronRegistry"].address
    database = Database.in_file(folder / "deposits.sqlite")
    return Deposits(database, subnet.chain.chain_id, registry, Membership(subnet).signed_by, quota, issued)
