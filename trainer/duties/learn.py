"""One asynchronous GRPO update on the window's verified groups, then publish: write, read back, register on chain."""

import math
import shutil
from dataclasses import asdict
from pathlib import Path

from grail.checkpoints.files import CALIBRATION, TRAINING_REPORT, Checkpoint, open_checkpoint
from grail.checkpoints.manifest import Parent, upload
from grail.config import TrainingSettings
from grail.errors import BadCheckpoint, Reverted
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.protocol.records import CheckpointRecord
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, CheckpointVersion, WindowId
from grail.runtime.duty import Note
from grail.runtime.fitness import OWN_PLAN, measured
from grail.runtime.node import Node
from grail.runtime.publishing import record_of
from grail.training.canaries import Canaries
from grail.training.learner import Learner
from grail.training.together import LeadingLearner
from grail.verification.calibration import MIN_ROLLOUTS, calibrate
from grail.verification.fitness import DOUBTFUL, GROUP
from trainer.duties.collect import collect
from trainer.duties.reporting import training_report

PUBLISHED = "learn: published"
"""What the journal knows an update's fingerprint by before it is sent, so that a restart finds it on chain."""
RECENT = 8
"""Newest versions among which it is looked for."""
CALIBRATED = b"grail/calibration/2"
"""What the problems are drawn from that a new profile is measured on."""


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
        self._best_margin = -math.inf
        self._fingerprint = b""

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the end of the reveals until the next window's reveals end: later, the work is too old."""
        return schedule.reveal_deadline(window) < block <= schedule.reveal_deadline(WindowId(window + 1))

    def run(self, window: WindowId) -> Note | None:
        """Update and publish; the note holds the update's numbers."""
        node, subnet = self._node, self._node.subnet
        version = subnet.latest_version()
        before = node.journal.note(node.name, PUBLISHED, window)
        if before is not None and self._is_known(bytes.fromhex(before["fingerprint"]), version):
            return {"updated": True, **before}
        if version == 0 or subnet.active_checkpoint(window) is None:
            return {"updated": False}
        found = collect(node, window, version)
        record = subnet.checkpoint(version)
        learner = self._learner_at(record, window)
        groups = [group for group in found.groups if not self._canaries.leaked(group)]
        if len(groups) < len(found.groups):
            node.log.error("held-out problems among the mandated ones", window=window)
        report = learner.update(groups, version)
        margin = self._canaries.margin(learner) if report.steps else self._best_margin
        numbers = {
            **asdict(report),
            "unverified": list(found.doubts),
            "stale": found.stale,
            "leaked": len(found.groups) - len(groups),
            "canary_margin": margin,
        }
        if report.steps == 0:
            return {"updated": False, **numbers}
        numbers["alarm"] = report.alarm or self._canary_alarm(margin)
        if numbers["alarm"]:
            node.log.error("update held back", window=window, reason=numbers["alarm"])
            self._learner = None  # the next one starts from what is published
            return {"updated": False, **numbers}
        self._best_margin = max(self._best_margin, margin)
        said = training_report(found, numbers, record, TextCodec(node.checkpoints.fetch(record)), window)
        published = self._publish(learner, record, window, said.encode())
        return {"updated": published is not None, "fingerprint": published.hex() if published else "", **numbers}

    def _canary_alarm(self, margin: float) -> str:
        lost = self._best_margin - margin
        if lost <= self._settings.alarm_canary:
            return ""
        return f"right answers of held-out problems lost {lost:.3g} nats against wrong ones: what is rewarded?"

    def _learner_at(self, record: CheckpointRecord, window: WindowId) -> Learner:
        """The learner whose weights are this version: the one in memory, or one resumed from disk, which canaries are
        then measured by anew.
        """
        if self._learner is None or self._fingerprint != record.fingerprint:
            checkpoint = self._node.checkpoints.fetch(record)
            state = self._folder / record.fingerprint.hex()
            self._learner = LeadingLearner(checkpoint, self._settings, state, self._device)
            self._fingerprint = record.fingerprint
            ids = self._node.subnet.environments(window).ids
            self._node.environments.learn(ids)
            asked = [self._node.environments.by_id(environment_id) for environment_id in ids]
            secret = self._node.signer.secret("grail canaries")
            self._canaries = Canaries(asked, TextCodec(checkpoint), secret, self._settings.canaries)
            self._best_margin = max(self._best_margin, self._canaries.margin(self._learner))
        return self._learner

    def _is_known(self, fingerprint: bytes, version: int) -> bool:
        """Is it on chain, among the newest versions? A second update on the same groups would count them twice."""
        newest = range(max(1, version - RECENT), version + 1)
        return any(self._node.subnet.checkpoint(CheckpointVersion(v)).fingerprint == fingerprint for v in newest)

    def _publish(self, learner: Learner, parent: CheckpointRecord, window: WindowId, report: bytes) -> bytes | None:
        """Write, verify by reading back, then register: a crash in between publishes nothing. `report` goes along.

        None where somebody else's version came first, or no profile fits.
        """
        node = self._node
        part = self._folder / "next"
        shutil.rmtree(part, ignore_errors=True)
        learner.save(part)
        checkpoint = self._calibrated(part, window)
        if checkpoint is None:
            self._learner = None  # the next one starts from what is published
            return None
        learner.save_state(self._folder / checkpoint.fingerprint.hex())
        (part / TRAINING_REPORT).write_bytes(report)
        manifest = upload(part, node.published, Parent(node.checkpoints.fetch(parent).folder, parent.manifest))
        record = record_of(checkpoint, manifest, parent.rules_hash, parent.fingerprint, parent.proof_scheme)
        node.journal.record(node.name, PUBLISHED, window, {"fingerprint": checkpoint.fingerprint.hex()})
        try:
            node.subnet.publish(node.signer, record)
        except Reverted as error:
            self._learner = None
            if error.error_name != "WrongParent":
                raise
            node.log.warning("somebody published first: this update is dropped", reason=str(error))
            return None
        self._fingerprint = checkpoint.fingerprint
        self._forget_states(keep={checkpoint.fingerprint.hex(), parent.fingerprint.hex()})
        return checkpoint.fingerprint

    def _calibrated(self, part: Path, window: WindowId) -> Checkpoint | None:
        """The new version with a profile that fits: its parent's, or where training has changed what honest work looks
        like, one of its own; None where that does not fit either, or would be lax.
        """
        node, checkpoint = self._node, open_checkpoint(part)
        if not self._settings.check_fitness:
            return checkpoint
        environment = node.environments.by_id(node.subnet.environments(window).ids[0])
        engines = {"this node": node.engine(checkpoint)}
        found = measured(checkpoint, environment, engines)
        if not found.reaches(DOUBTFUL):
            return checkpoint
        node.log.warning("profile does not fit any more: calibrating", **asdict(found))
        requests = own_requests(TextCodec(checkpoint), environment, CALIBRATED, MIN_ROLLOUTS, GROUP)
        (part / CALIBRATION).unlink()
        try:
            profile = calibrate(engines, requests, OWN_PLAN, rules=checkpoint.rules)
            (part / CALIBRATION).write_bytes(profile.to_bytes())
            measured(checkpoint, environment, engines).require(DOUBTFUL)
        except (BadCheckpoint, ValueError) as error:
            node.log.error("update held back", window=window, reason=str(error))
            return None
        return checkpoint

    def _forget_states(self, keep: set[str]) -> None:
        """Optimizer states are three times the weights: only the last two are kept."""
        for folder in self._folder.iterdir():
            if folder.is_dir() and folder.name not in keep and folder.name != "next":
                shutil.rmtree(folder, ignore_errors=True)
