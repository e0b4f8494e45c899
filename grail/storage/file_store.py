"""Objects in a folder, sharded by their first byte, written atomically and flushed to disk."""

import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from grail.errors import ObjectCorrupt, ObjectMissing, ObjectTooLarge, StorageError
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest

DIGEST_BYTES = 32


class FileStore:
    """A folder of objects, on this machine or on a share."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def put(self, data: bytes) -> Digest:
        """Store under the digest of `data`. Raises StorageError when the disk is full or not writable."""
        digest = keccak256(data)
        path = self.path(digest)
        if path.exists():
            return digest
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".part-")
        except OSError as error:
            raise self._failed(digest, error) from error
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            Path(temporary).replace(path)
        except OSError as error:
            Path(temporary).unlink(missing_ok=True)
            raise self._failed(digest, error) from error
        return digest

    def get(self, digest: Digest, max_bytes: int) -> bytes:
        """Fetch at most `max_bytes` and check the digest."""
        path = self.path(digest)
        try:
            with path.open("rb") as file:
                size = os.fstat(file.fileno()).st_size
                if size > max_bytes:
                    raise ObjectTooLarge(f"expected at most {max_bytes} bytes for {digest.hex()}, got {size}")
                data = file.read(max_bytes + 1)
        except FileNotFoundError as error:
            raise ObjectMissing(f"no object {digest.hex()} in {self._folder}: was it uploaded?") from error
        except OSError as error:
            raise StorageError(f"could not read {path} ({error.strerror})") from error
        if keccak256(data) != digest:
            raise ObjectCorrupt(f"object {digest.hex()} in {self._folder} holds other bytes: fetch it again")
        return data

    def get_many(self, wanted: Sequence[tuple[Digest, int]]) -> Iterator[bytes]:
        """One after the other: a disk is not faster for being asked twice."""
        for digest, max_bytes in wanted:
            yield self.get(digest, max_bytes)

    def exists(self, digest: Digest) -> bool:
        """Is it there?"""
        return self.path(digest).exists()

    def listed(self) -> Iterator[tuple[Digest, int, float]]:
        """(digest, bytes, when it was stored in seconds since 1970) of every object."""
        for path in self._folder.glob("??/*"):
            try:
                digest, about = bytes.fromhex(path.name), path.stat()
            except (ValueError, OSError):
                continue  # an object on its way, or one that has just gone
            if len(digest) == DIGEST_BYTES:
                yield digest, about.st_size, about.st_mtime

    def remove(self, digest: Digest) -> None:
        """Forget an object."""
        self.path(digest).unlink(missing_ok=True)

    def path(self, digest: Digest) -> Path:
        """Where an object lies, or would lie."""
        name = digest.hex()
        return self._folder / name[:2] / name

    def _failed(self, digest: Digest, error: OSError) -> StorageError:
        return StorageError(
            f"could not store object {digest.hex()} in {self._folder} ({error.strerror}): "
            "free disk space, then run again"
        )
