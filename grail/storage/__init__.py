"""Bytes and rows. `open_store(url)`: objects by URL; `database.Database(url)`: SQLite or PostgreSQL."""

from pathlib import Path

from grail.errors import SettingsError
from grail.storage.base import ObjectStore
from grail.storage.file_store import FileStore


def open_store(url: str) -> ObjectStore:
    """`file://FOLDER`, or that and relays to read from: `file://FOLDER,http://RELAY,http://RELAY,…`."""
    first, *relays = [part.strip() for part in url.split(",")]
    if not first.startswith("file://") or not all(part.startswith(("http://", "https://")) for part in relays):
        raise SettingsError(f"expected file://FOLDER or file://FOLDER,http://RELAY,… as object store, got {url!r}")
    own = FileStore(Path(first.removeprefix("file://")))
    if not relays:
        return own
    from grail.storage.relays import MirroredStore, RelayReader

    return MirroredStore(own, RelayReader(relays))
