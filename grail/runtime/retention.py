"""What a network may still ask a node for, and what it may therefore forget.

| kept | until |
| --- | --- |
| submissions, reports, proofs of audits, evidence | the end of the last dispute about any window of their epoch |
| checkpoints | the last such window that worked on them or was compared with them; the newest for ever |
| what a checkpoint's deltas start from | as long as the checkpoint |
| anything that was stored within the last `GRACE_SECONDS` | it may be committed yet |
"""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from grail.chain.subnet import Subnet
from grail.checkpoints.manifest import Manifest, read_manifest
from grail.errors import BadCheckpoint, StorageError
from grail.governance.policy import longest_dispute
from grail.protocol.records import CheckpointRecord
from grail.protocol.reports import proofs_in, report_bytes
from grail.protocol.units import CheckpointVersion, Digest, WindowId
from grail.storage.base import ObjectStore
from grail.storage.file_store import FileStore

EVIDENCE_WINDOWS = 64
"""Evidence against a miner adds up over this many windows, then starts anew: old honesty must not buy credit."""
GRACE_SECONDS = 24 * 3_600
FINGERPRINT = "[0-9a-f]" * 64


def evidence_epoch(window: WindowId) -> WindowId:
    """The first of the windows whose evidence adds up with this one's."""
    return WindowId(window - window % EVIDENCE_WINDOWS)


def needed_from(subnet: Subnet) -> WindowId:
    """The first window whose objects somebody may still ask for: that of the epoch of the oldest window that can still
    be disputed. By the clock, which stands still in a pause: whatever was paused is needed for longer.
    """
    current = subnet.current_window()
    if current is None:
        return WindowId(0)
    length = subnet.schedule.window
    paused = subnet.chain.head().number - subnet.clock()
    longest = max(
        longest_dispute(subnet.policy(WindowId(window)).as_dict(), length)
        for window in {current, max(0, current - EVIDENCE_WINDOWS)}
    )
    return evidence_epoch(WindowId(max(0, current - -(-(longest + paused) // length))))


@dataclass(frozen=True, slots=True)
class Needed:
    """What may still be asked for: objects by digest, and checkpoints by fingerprint."""

    since: WindowId
    objects: frozenset[Digest]
    checkpoints: frozenset[Digest]


def needed(subnet: Subnet, store: ObjectStore) -> Needed:
    """From the chain, and from the manifests that lie in `store`."""
    since, current = needed_from(subnet), subnet.current_window() or 0
    objects: set[Digest] = set()
    for number in range(since, current + 1):
        entries = subnet.commitments(WindowId(number))
        objects.update(entry.blob_digest for entry in entries)
        for reveal in subnet.reveals(WindowId(number)):
            objects |= {reveal.report, *_proofs_in(reveal.report, len(entries), store)}
    objects.update(case.evidence for case in subnet.cases() if case.window >= since)
    records = list(_records(subnet, since))
    for record in records:
        objects |= _objects_of(record.manifest, store)
    return Needed(since, frozenset(objects), frozenset(record.fingerprint for record in records))


def _proofs_in(report: Digest, miners: int, store: ObjectStore) -> set[Digest]:
    """Proofs of audits that a report names; none where the report is not here, for then they are not either."""
    try:
        return set(proofs_in(store.get(report, report_bytes(miners))))
    except StorageError:
        return set()


def _records(subnet: Subnet, since: WindowId) -> Iterator[CheckpointRecord]:
    """Versions that a window from `since` on works on, each with the one before it, which audits compare with."""
    first = subnet.active_checkpoint(since)
    oldest = max(1, (first.version if first else 1) - subnet.policy(since).max_staleness - 1)
    for version in range(oldest, subnet.latest_version() + 1):
        yield subnet.checkpoint(CheckpointVersion(version))


def _objects_of(digest: Digest, store: ObjectStore) -> set[Digest]:
    """A checkpoint's objects, and those of what its deltas start from; of what is not here, the name alone."""
    found: set[Digest] = set()
    manifest: Manifest | None = None
    while digest not in found:
        found.add(digest)
        try:
            manifest = read_manifest(store, digest)
        except (StorageError, BadCheckpoint):
            break
        entries = [*manifest.files.values(), *([manifest.delta] if manifest.delta else [])]
        found.update(part for entry in entries for part, _ in entry.parts)
        if manifest.delta is None:
            break
        digest = bytes.fromhex(manifest.delta.parent)
    return found


@dataclass(frozen=True, slots=True)
class Pruned:
    """What was, or would be, taken away: objects, checkpoints, bytes of both."""

    objects: int = 0
    checkpoints: int = 0
    freed: int = 0


def prune(
    keep: Needed,
    store: FileStore | None,
    checkpoints: Path | None,
    *,
    dry_run: bool,
    grace: float = GRACE_SECONDS,
) -> Pruned:
    """Take away what nobody may ask for any more, but for what is younger than `grace` seconds. `checkpoints`: the
    folder of fetched ones.
    """
    before = time.time() - grace
    listed = store.listed() if store is not None else ()
    objects = [one for one in listed if one[0] not in keep.objects and one[2] < before]
    known = {fingerprint.hex() for fingerprint in keep.checkpoints}
    folders = [folder for folder in _fetched(checkpoints, before) if folder.name not in known]
    freed = sum(size for _, size, _ in objects) + sum(_bytes_in(folder) for folder in folders)
    if not dry_run:
        for digest, _, _ in objects:
            assert store is not None
            store.remove(digest)
        for folder in folders:
            shutil.rmtree(folder, ignore_errors=True)
    return Pruned(len(objects), len(folders), freed)


def _fetched(checkpoints: Path | None, before: float) -> Iterator[Path]:
    """Folders that are named by a fingerprint, and older than `before`."""
    for folder in sorted(checkpoints.glob(FINGERPRINT)) if checkpoints is not None else ():
        if folder.is_dir() and folder.stat().st_mtime < before:
            yield folder


def _bytes_in(folder: Path) -> int:
    return sum(path.stat().st_size for path in folder.rglob("*") if path.is_file())
