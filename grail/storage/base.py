"""The ObjectStore protocol: content-addressed bytes, always with a size limit."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from grail.protocol.units import Digest


class ObjectStore(Protocol):
    """Objects named by their keccak-256. Writing the same bytes twice is one object."""

    def put(self, data: bytes) -> Digest:
        """Store; returns the digest. After it returns the object survives a crash. Raises StorageError."""
        ...

    def get(self, digest: Digest, max_bytes: int) -> bytes:
        """Fetch and check. Raises ObjectMissing, ObjectTooLarge (before reading it), ObjectCorrupt."""
        ...

    def get_many(self, wanted: Sequence[tuple[Digest, int]]) -> Iterator[bytes]:
        """Objects (digest, most bytes) in their order, as soon as each is there; raises as `get` does."""
        ...

    def exists(self, digest: Digest) -> bool:
        """Is it there?"""
        ...
