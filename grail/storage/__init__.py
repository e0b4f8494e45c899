"""Bytes and rows. `open_store(url)`: objects by URL; `database.Database(url)`: SQLite or PostgreSQL."""

from pathlib import Path

from grail.errors import SettingsError
from grail.storage.base import ObjectStore
from grail.storage.bucket_store import SCHEME, BucketStore
from grail.storage.file_store import FileStore


def open_store(url: str) -> ObjectStore:
    """`file://FOLDER` or `s3://BUCKET/PREFIX`, or one and relays to read from: `file://FOLDER,http://RELAY,…`."""
    first, *relays = [part.strip() for part in url.split(",")]
    if not first.startswith(("file://", SCHEME)) or not all(r.startswith(("http://", "https://")) for r in relays):
        raise SettingsError(
            f"expected file://FOLDER or s3://BUCKET/PREFIX, and ,http://RELAY,… where there are, got {url!r}"
        )
    own: ObjectStore = (
        BucketStore(first) if first.startswith(SCHEME) else FileStore(Path(first.removeprefix("file://")))
    )
    if not relays:
        return own
    from grail.storage.relays import MirroredStore, RelayReader

    return MirroredStore(own, RelayReader(relays))


def folder_of(store: ObjectStore) -> FileStore | None:
    """The folder that a store keeps its objects in, where it is one; None for a bucket, whose owner sets its rules."""
    own = getattr(store, "own", store)
    return own if isinstance(own, FileStore) else None
