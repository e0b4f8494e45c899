"""Bytes and rows. `open_store(url)`: file://FOLDER (S3 later); `database.open_database(path)`: SQLite or PostgreSQL."""

from pathlib import Path

from grail.errors import SettingsError
from grail.storage.base import ObjectStore
from grail.storage.file_store import FileStore


def open_store(url: str) -> ObjectStore:
    """An object store by URL."""
    if url.startswith("file://"):
        return FileStore(Path(url.removeprefix("file://")))
    raise SettingsError(f"expected an object store URL file://FOLDER, got {url!r}")
