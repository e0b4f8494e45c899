"""The manifest of a published checkpoint: file names, sizes and digests, as canonical JSON.

Weights travel whole, or as a delta to the weights of another manifest; their digest says what they are either way.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import pydantic

from grail.checkpoints.delta import apply, encode
from grail.checkpoints.files import ADAPTER, ADAPTER_CONFIG, SIDE_FILES, TRAINING_REPORT, WEIGHTS
from grail.errors import BadCheckpoint
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest
from grail.storage.base import ObjectStore

MAX_MANIFEST_BYTES = 2 << 20
MAX_CHECKPOINT_BYTES = 1 << 40
CHUNK_BYTES = 4 << 20
"""Files longer than this travel in chunks, from several relays at a time."""
MAX_CHUNKS = 1 << 14
MAX_DEPTH = 16
"""Deltas that a late joiner may have to fetch on top of weights that travel whole."""
ALLOWED = (WEIGHTS, *SIDE_FILES, ADAPTER_CONFIG, ADAPTER, TRAINING_REPORT)


class ManifestEntry(pydantic.BaseModel, extra="forbid", frozen=True):
    """One file: size in bytes, keccak-256 in hex; where it travels in chunks, theirs, each but the last of one size."""

    size: int = pydantic.Field(ge=0, le=MAX_CHECKPOINT_BYTES)
    digest: str = pydantic.Field(pattern="^[0-9a-f]{64}$")
    chunks: tuple[Annotated[str, pydantic.Field(pattern="^[0-9a-f]{64}$")], ...] = pydantic.Field(
        (), max_length=MAX_CHUNKS
    )

    @property
    def parts(self) -> list[tuple[Digest, int]]:
        """Objects that the file consists of, in order, and the most bytes of each."""
        if not self.chunks:
            return [(bytes.fromhex(self.digest), self.size)]
        return [(bytes.fromhex(chunk), chunk_bytes(self.size)) for chunk in self.chunks]


class ManifestDelta(ManifestEntry):
    """The weights as a delta: size and digest of the delta, and the digest of the parent's manifest."""

    parent: str = pydantic.Field(pattern="^[0-9a-f]{64}$")
    depth: int = pydantic.Field(ge=1, le=MAX_DEPTH, description="deltas from here to weights that travel whole")


class Manifest(pydantic.BaseModel, extra="forbid", frozen=True):
    """File name to entry; only names that a checkpoint may have. With a delta, the store need not hold the weights."""

    files: dict[str, ManifestEntry]
    delta: ManifestDelta | None = None

    @pydantic.field_validator("files")
    @classmethod
    def _known_names(cls, files: dict[str, ManifestEntry]) -> dict[str, ManifestEntry]:
        unknown = sorted(set(files) - set(ALLOWED))
        if unknown:
            raise ValueError(f"expected only {', '.join(ALLOWED)}, got {', '.join(unknown)}")
        return files


@dataclass(frozen=True, slots=True)
class Parent:
    """A published checkpoint that a delta may start from: its folder here, and the digest of its manifest."""

    folder: Path
    manifest: Digest


def upload(folder: Path, store: ObjectStore, parent: Parent | None = None) -> Digest:
    """Put every file of a checkpoint folder and its manifest into the store, then read the manifest back.

    Weights go as a delta to `parent` where that pays and the chain of deltas is not too long. Returns the manifest's
    digest. Nothing refers to it before the caller registers it on chain, so a crash in between publishes nothing.
    """
    files = {}
    delta = _put_delta(folder, store, parent) if parent else None
    for name in ALLOWED:
        path = folder / name
        if path.exists():
            data = path.read_bytes()
            if delta and name == WEIGHTS:
                files[name] = ManifestEntry(size=len(data), digest=keccak256(data).hex())
            else:
                files[name] = _put(data, store)
    manifest = Manifest(files=files, delta=delta).model_dump(exclude_defaults=True)
    digest = store.put(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())
    read_manifest(store, digest)
    return digest


def chunk_bytes(size: int) -> int:
    """Length of a file's chunks: four MiB, more where there would be too many of them."""
    return max(CHUNK_BYTES, -(-size // MAX_CHUNKS))


def _put(data: bytes, store: ObjectStore) -> ManifestEntry:
    """Store a file, a long one in chunks."""
    if len(data) <= CHUNK_BYTES:
        return ManifestEntry(size=len(data), digest=store.put(data).hex())
    length = chunk_bytes(len(data))
    chunks = tuple(store.put(data[first : first + length]).hex() for first in range(0, len(data), length))
    return ManifestEntry(size=len(data), digest=keccak256(data).hex(), chunks=chunks)


def read_entry(store: ObjectStore, entry: ManifestEntry) -> bytes:
    """A file of a manifest. Raises BadCheckpoint where its chunks are not what it says."""
    data = b"".join(store.get_many(entry.parts))
    if len(data) != entry.size or keccak256(data).hex() != entry.digest:
        raise BadCheckpoint(f"expected {entry.size} bytes with the digest {entry.digest}, got others from their chunks")
    return data


def _put_delta(folder: Path, store: ObjectStore, parent: Parent) -> ManifestDelta | None:
    """Encode, try it out, store; None where weights should travel whole."""
    above = read_manifest(store, parent.manifest).delta
    depth = 1 + (above.depth if above else 0)
    if depth > MAX_DEPTH:
        return None
    old, new = ((place / WEIGHTS).read_bytes() for place in (parent.folder, folder))
    delta = encode(old, new)
    if delta is None or apply(old, delta) != new:
        return None
    entry = _put(delta, store)
    return ManifestDelta(**entry.model_dump(), parent=parent.manifest.hex(), depth=depth)


def read_manifest(store: ObjectStore, digest: Digest) -> Manifest:
    """Fetch and parse. Raises BadCheckpoint for a malformed manifest, StorageError when it is not there."""
    return parse_manifest(store.get(digest, MAX_MANIFEST_BYTES))


def parse_manifest(data: bytes) -> Manifest:
    """Raises BadCheckpoint for what is no manifest."""
    try:
        return Manifest.model_validate_json(data)
    except pydantic.ValidationError as error:
        raise BadCheckpoint(f"expected a checkpoint manifest, got: {error}") from error
