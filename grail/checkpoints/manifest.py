"""The manifest of a published checkpoint: file names, sizes and digests, as canonical JSON."""

import json
from pathlib import Path

import pydantic

from grail.checkpoints.files import CALIBRATION, CHAT_TEMPLATE, CONFIG, RULES, TOKENIZER, WEIGHTS
from grail.errors import BadCheckpoint
from grail.protocol.units import Digest
from grail.storage.base import ObjectStore

MAX_MANIFEST_BYTES = 64 << 10
MAX_CHECKPOINT_BYTES = 1 << 40
ALLOWED = (WEIGHTS, CONFIG, TOKENIZER, RULES, CHAT_TEMPLATE, CALIBRATION)


class ManifestEntry(pydantic.BaseModel, extra="forbid", frozen=True):
    """One file: size in bytes, keccak-256 in hex."""

    size: int = pydantic.Field(ge=0, le=MAX_CHECKPOINT_BYTES)
    digest: str = pydantic.Field(pattern="^[0-9a-f]{64}$")


class Manifest(pydantic.BaseModel, extra="forbid", frozen=True):
    """File name to entry; only names that a checkpoint may have."""

    files: dict[str, ManifestEntry]

    @pydantic.field_validator("files")
    @classmethod
    def _known_names(cls, files: dict[str, ManifestEntry]) -> dict[str, ManifestEntry]:
        unknown = sorted(set(files) - set(ALLOWED))
        if unknown:
            raise ValueError(f"expected only {', '.join(ALLOWED)}, got {', '.join(unknown)}")
        return files


def upload(folder: Path, store: ObjectStore) -> Digest:
    """Put every file of a checkpoint folder and its manifest into the store, then read the manifest back.

    Returns the manifest's digest. Nothing refers to it before the caller registers it on chain, so a crash in between
    publishes nothing.
    """
    files = {}
    for name in ALLOWED:
        path = folder / name
        if path.exists():
            data = path.read_bytes()
            files[name] = ManifestEntry(size=len(data), digest=store.put(data).hex())
    text = json.dumps(Manifest(files=files).model_dump(), sort_keys=True, separators=(",", ":"))
    digest = store.put(text.encode())
    read_manifest(store, digest)
    return digest


def read_manifest(store: ObjectStore, digest: Digest) -> Manifest:
    """Fetch and parse. Raises BadCheckpoint for a malformed manifest, StorageError when it is not there."""
    return parse_manifest(store.get(digest, MAX_MANIFEST_BYTES))


def parse_manifest(data: bytes) -> Manifest:
    """Raises BadCheckpoint for what is no manifest."""
    try:
        return Manifest.model_validate_json(data)
    except pydantic.ValidationError as error:
        raise BadCheckpoint(f"expected a checkpoint manifest, got: {error}") from error
