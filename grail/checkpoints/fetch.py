"""Node side: from a record on chain to a checked folder on this disk, resumable, cached by fingerprint."""

import shutil
from collections.abc import Callable
from pathlib import Path

from grail.checkpoints.delta import apply
from grail.checkpoints.files import ADAPTER, CALIBRATION, WEIGHTS, Checkpoint, open_checkpoint
from grail.checkpoints.manifest import Manifest, ManifestEntry, read_entry, read_manifest
from grail.errors import BadCheckpoint, StorageError
from grail.protocol.hashing import keccak256
from grail.protocol.records import CheckpointRecord
from grail.protocol.units import Address
from grail.storage.base import ObjectStore

MANIFEST = "manifest.hex"
"""Beside a fetched checkpoint: the digest of its manifest, by which deltas find their parent."""


class CheckpointCache:
    """Folders of checkpoints by fingerprint. A folder appears under its final name only when it is complete."""

    def __init__(
        self, root: Path, store: ObjectStore, published_by: Callable[[Address], ObjectStore] | None = None
    ) -> None:
        """`published_by`: where a publisher's objects are read, where not in `store`."""
        self._root = root
        self._published_by = published_by or (lambda _: store)
        self._open: dict[bytes, Checkpoint] = {}

    def fetch(self, record: CheckpointRecord) -> Checkpoint:
        """The checkpoint of a chain record, downloaded when it is not here yet.

        Raises BadCheckpoint when the bytes do not give the registered fingerprint or calibration profile.
        """
        known = self._open.get(record.fingerprint)
        if known is not None:
            return known
        folder = self._root / record.fingerprint.hex()
        if not folder.exists():
            self._download(record, folder)
        checkpoint = open_checkpoint(folder, record.fingerprint)
        profile = (folder / CALIBRATION).read_bytes() if (folder / CALIBRATION).exists() else b""
        if keccak256(profile) != record.calibration:
            raise BadCheckpoint(f"expected calibration profile {record.calibration.hex()} in {folder}: fetch it again")
        self._open[record.fingerprint] = checkpoint
        return checkpoint

    def _patched(self, manifest: Manifest, store: ObjectStore) -> bytes | bytearray:
        """The weights by deltas, from the nearest ancestor that is here or travels whole."""
        expected, steps = manifest.files[WEIGHTS].digest, []
        weights: bytes | bytearray | None = None
        while manifest.delta and weights is None:
            steps.append(manifest.delta)
            parent = read_manifest(store, bytes.fromhex(manifest.delta.parent))
            if (parent.delta.depth if parent.delta else 0) != manifest.delta.depth - 1:
                raise BadCheckpoint("expected each delta of a chain to be one deeper than its parent's")
            weights = self._held(manifest.delta.parent, parent)
            manifest = parent
        if weights is None:
            weights = read_entry(store, manifest.files[WEIGHTS])
        for step in reversed(steps):
            weights = apply(weights, read_entry(store, step))
        if keccak256(weights).hex() != expected:
            raise BadCheckpoint("expected the deltas to give the manifest's weights: a delta is poisoned")
        return weights

    def _held(self, digest: str, manifest: Manifest) -> bytes | None:
        """Weights that this disk holds undamaged under a manifest's digest."""
        for path in self._root.glob(f"*/{MANIFEST}"):
            if path.read_text() == digest and (path.parent / WEIGHTS).exists():
                weights = (path.parent / WEIGHTS).read_bytes()
                return weights if keccak256(weights).hex() == manifest.files[WEIGHTS].digest else None
        return None

    def _copy(self, name: str, entry: ManifestEntry) -> bytes | None:
        """A file that another checkpoint here holds already, such as the base of two adapters."""
        for path in self._root.glob(f"*/{name}"):
            if path.stat().st_size == entry.size and keccak256(data := path.read_bytes()).hex() == entry.digest:
                return data
        return None

    def _download(self, record: CheckpointRecord, folder: Path) -> None:
        part = self._root / f".part-{record.fingerprint.hex()}"
        try:
            part.mkdir(parents=True, exist_ok=True)
            store = self._published_by(record.publisher)
            manifest = read_manifest(store, record.manifest)
            for name, entry in manifest.files.items():
                path = part / name
                if path.exists() and keccak256(path.read_bytes()).hex() == entry.digest:
                    continue
                if name == WEIGHTS and manifest.delta:
                    path.write_bytes(self._patched(manifest, store))
                else:
                    held = self._copy(name, entry) if name == WEIGHTS and ADAPTER in manifest.files else None
                    path.write_bytes(held or read_entry(store, entry))
            (part / MANIFEST).write_text(record.manifest.hex())
            open_checkpoint(part, record.fingerprint)
            part.replace(folder)
        except BadCheckpoint:
            shutil.rmtree(part, ignore_errors=True)
            raise
        except OSError as error:
            raise StorageError(f"could not write {part} ({error.strerror}): free disk space, then run again") from error
