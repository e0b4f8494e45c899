"""One asynchronous GRPO update on the window's verified groups, then publish: write, read back, register on chain."""

import shutil
from dataclasses import asdict
from pathlib import Path

from grail.checkpoints.files import CALIBRATION, open_checkpoint
from grail.checkpoints.manifest import Parent, upload
from grail.config import TrainingSettings
from grail.errors import Reverted
from grail.protocol.hashing import keccak256
from grail.protocol.records import CheckpointRecord
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, CheckpointVersion, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.training.learner import Learner
from grail.training.together import LeadingLearner
from trainer.duties.collect import collect


class Learn:
    """Trains on what validators accepted, as soon as their scores are revealed; miners are never made to wait."""

    name = "learn"

    def __init__(self, node: Node, folder: Path, settings: TrainingSettings, device: str) -> None:
        """`folder` keeps the optimizer state by fingerprint, so that a restart goes on bit for bit."""
        self._device = device
        self._node = node
        self._folder = folder
        self._settings = settings
        self._learner: Learner | None = None
        self._fingerprint = b""

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the end of the reveals until the next window's reveals end: later, the work is too old."""
        return schedule.reveal_deadline(window) < block <= schedule.reveal_deadline(WindowId(window + 1))

    def run(self, window: WindowId) -> Note | None:
        """Update and publish; the note holds the update's numbers."""
        node, subnet = self._node, self._node.subnet
        version = subnet.latest_version()
        if version == 0 or subnet.active_checkpoint(window) is None:
            return {"updated": False}
        found = collect(node, window, version)
        record = subnet.checkpoint(version)
        learner = self._learner_at(record)
        report = learner.update(found.groups, version)
        numbers = {**asdict(report), "unverified": found.dropped, "stale": found.stale}
        if report.steps == 0:
            return {"updated": False, **numbers}
        if report.alarm:
            node.log.error("update held back", window=window, reason=report.alarm)
            self._learner = None  # the next one starts from what is published
            return {"updated": False, **numbers}
        published = self._publish(learner, record)
        return {"updated": True, "fingerprint": published.hex(), **numbers}

    def _learner_at(self, record: CheckpointRecord) -> Learner:
        """The learner whose weights are this version: the one in memory, or one resumed from disk."""
        if self._learner is None or self._fingerprint != record.fingerprint:
            checkpoint = self._node.checkpoints.fetch(record)
            state = self._folder / record.fingerprint.hex()
            self._learner = LeadingLearner(checkpoint, self._settings, state, self._device)
            self._fingerprint = record.fingerprint
        return self._learner

    def _publish(self, learner: Learner, parent: CheckpointRecord) -> bytes:
        """Write, verify by reading back, then register: a crash in between publishes nothing."""
        node = self._node
        part = self._folder / "next"
        shutil.rmtree(part, ignore_errors=True)
        learner.save(part)
        checkpoint = open_checkpoint(part)
        learner.save_state(self._folder / checkpoint.fingerprint.hex())
        record = CheckpointRecord(
            version=CheckpointVersion(0),
            fingerprint=checkpoint.fingerprint,
            parent=parent.fingerprint,
            manifest=upload(part, node.store, Parent(node.checkpoints.fetch(parent).folder, parent.manifest)),
            rules_hash=parent.rules_hash,
            calibration=keccak256((part / CALIBRATION).read_bytes()),
            proof_scheme=parent.proof_scheme,
            active_from=WindowId(0),
            publisher=node.address,
        )
        try:
            node.subnet.publish(node.signer, record)
        except Reverted as error:
            self._learner = None
            if error.error_name != "WrongParent":
                raise
            node.log.warning("somebody published first: this update is dropped", reason=str(error))
        self._fingerprint = checkpoint.fingerprint
        self._forget_states(keep={checkpoint.fingerprint.hex(), parent.fingerprint.hex()})
        return checkpoint.fingerprint

    def _forget_states(self, keep: set[str]) -> None:
        """Optimizer states are three times the weights: only the last two are kept."""
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder.name not in keep and folder.name != "next":
                shutil.rmtree(folder, ignore_errors=True)
