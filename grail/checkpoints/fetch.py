"""Node side: from a record on chain to a checked folder on this disk, resumable, cached by fingerprint."""

import shutil
from pathlib import Path

from grail.checkpoints.files import CALIBRATION, Checkpoint, open_checkpoint
from grail.checkpoints.manifest import read_manifest
from grail.errors import BadCheckpoint, StorageError
from grail.protocol.hashing import keccak256
from grail.protocol.records import CheckpointRecord
from grail.storage.base import ObjectStore


class CheckpointCache:
    """Folders of checkpoints by fingerprint. A folder appears under its final name only when it is complete."""

    def __init__(self, root: Path, store: ObjectStore) -> None:
        self._root = root
        self._store = store
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

    def _download(self, record: CheckpointRecord, folder: Path) -> None:
        part = self._root / f".part-{record.fingerprint.hex()}"
        try:
            part.mkdir(parents=True, exist_ok=True)
            for name, entry in read_manifest(self._store, record.manifest).files.items():
                path = part / name
                if path.exists() and keccak256(path.read_bytes()).hex() == entry.digest:
                    continue
                path.write_bytes(self._store.get(bytes.fromhex(entry.digest), entry.size))
            open_checkpoint(part, record.fingerprint)
            part.replace(folder)
        except BadCheckpoint:
            shutil.rmtree(part, ignore_errors=True)
            raise
        except OSError as error:
            raise StorageError(f"could not write {part} ({error.strerror}): free disk space, then run again") from error
