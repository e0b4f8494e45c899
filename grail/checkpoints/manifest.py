"""The manifest of a published checkpoint: file names, sizes and digests, as canonical JSON.

Weights travel whole, or as a delta to the weights of another manifest; their digest says what they are either way.
"""

import json
from dataclasses import dataclass
from pathlib import Path

import pydantic

from grail.checkpoints.delta import apply, encode
from grail.checkpoints.files import ADAPTER, ADAPTER_CONFIG, SIDE_FILES, WEIGHTS
from grail.errors import BadCheckpoint
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest
from grail.storage.base import ObjectStore

MAX_MANIFEST_BYTES = 64 << 10
MAX_CHECKPOINT_BYTES = 1 << 40
MAX_DEPTH = 16
"""Deltas that a late joiner may have to fetch on top of weights that travel whole."""
ALLOWED = (WEIGHTS, *SIDE_FILES, ADAPTER_CONFIG, ADAPTER)


class ManifestEntry(pydantic.BaseModel, extra="forbid", frozen=True):
    """One file: size in bytes, keccak-256 in hex."""

    size: int = pydantic.Field(ge=0, le=MAX_CHECKPOINT_BYTES)
    digest: str = pydantic.Field(pattern="^[0-9a-f]{64}$")


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
            digest = keccak256(data) if delta and name == WEIGHTS else store.put(data)
            files[name] = ManifestEntry(size=len(data), digest=digest.hex())
    manifest = Manifest(files=files, delta=delta).model_dump(exclude_none=True)
    digest = store.put(json.dumps(manifest, sort_keys=True, separators=(",", ":")).encode())
    read_manifest(store, digest)
    return digest


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
    return ManifestDelta(size=len(delta), digest=store.put(delta).hex(), parent=parent.manifest.hex(), depth=depth)


def read_manifest(store: ObjectStore, digest: Digest) -> Manifest:
    """Fetch and parse. Raises BadCheckpoint for a malformed manifest, StorageError when it is not there."""
    return parse_manifest(store.get(digest, MAX_MANIFEST_BYTES))


def parse_manifest(data: bytes) -> Manifest:
    """Raises BadCheckpoint for what is no manifest."""
    try:
        return Manifest.model_validate_json(data)
    except pydantic.ValidationError as error:
        raise BadCheckpoint(f"expected a checkpoint manifest, got: {error}") from error
