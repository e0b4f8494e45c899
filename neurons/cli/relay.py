"""grail relay: serve objects over HTTP."""

from pathlib import Path
from typing import Annotated

import typer


def add_to(app: typer.Typer) -> None:
    """Register the command."""
    app.command()(relay)


def relay(
    folder: Annotated[Path, typer.Option(help="Objects that are served; what comes from upstream is kept here, too.")],
    upstream: Annotated[list[str], typer.Option(help="URL of another relay or an origin, one option each.")] = [],  # noqa: B006
    host: Annotated[str, typer.Option(help="Address to listen on; 0.0.0.0 for everybody.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="Port to listen on.", min=1, max=65_535)] = 8_547,
    upload: Annotated[float, typer.Option(help="Most MB a second that go out; 0 for no bound.", min=0)] = 0,
) -> None:
    """Serve checkpoints and submissions to whoever asks: an origin (your own objects) or a mirror of others.

    Nobody needs to trust a relay: every object is checked by its hash. Nodes name relays behind their own folder:
    store = "file:///var/grail/objects,http://relay-1:8547,http://relay-2:8547".

    Examples:

        grail relay --folder /var/grail/objects --host 0.0.0.0

        grail relay --folder /var/grail/mirror --upstream http://origin:8547 --upload 100
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
    typer.echo(f"serving {folder} on http://{host}:{port}" + (f", from {', '.join(upstream)}" if upstream else ""))
    uvicorn.run(relay_app(FileStore(folder), reader, round(upload * 1e6)), host=host, port=port, log_level="warning")
