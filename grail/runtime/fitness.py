"""Before a validator judges others under a calibration profile, its own honest work must pass under it."""

from collections import OrderedDict
from collections.abc import Mapping
from dataclasses import asdict

from grail.checkpoints.files import Checkpoint
from grail.environments.base import Environment
from grail.inference.base import Engine
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.protocol.units import CheckpointVersion, Digest
from grail.telemetry.log import get_logger
from grail.verification.calibration import CalibrationProfile, profile_of
from grail.verification.fitness import GROUP, UNFIT, Fitness, auditors_of, honest_evidence

FIRST, ROLLOUTS = 16, 80
"""So few at first that scores are not late for it; on suspicion as many as all seats of a submission read. What a
profile misses shows, to whom it would convict, within as many as they read; eight that show 10³ are fifty decades then.
"""
EVERY = 16
"""Versions under one profile that one answer is good for: a trainer asks for each of its own."""
CHECKED = 64
"""Before a version is published, once."""
OWN_PLAN = SketchPlan(keccak256(b"grail/fitness/2"), 8, 8)
KEPT = 16


class FitChecks:
    """What was found of the last few profiles."""

    def __init__(self) -> None:
        self._found: OrderedDict[Digest, Fitness] = OrderedDict()

    def require(
        self,
        checkpoint: Checkpoint,
        version: CheckpointVersion,
        engine: Engine,
        profile: CalibrationProfile,
        environment: Environment,
        plan: SketchPlan,
    ) -> None:
        """Measured once for EVERY versions. Raises BadCheckpoint where own honest work would be rejected."""
        name = keccak256((version // EVERY).to_bytes(8, "big") + profile.to_bytes())
        if name not in self._found:
            requests = own_requests(TextCodec(checkpoint), environment, b"grail/fitness/1" + name, ROLLOUTS, GROUP)
            auditors = auditors_of("this node", engine, checkpoint.rules.precision)
            self._found[name] = honest_evidence({"this node": engine}, auditors, requests, plan, profile, draw=FIRST)
            if self._found[name].reaches(UNFIT):
                get_logger().error("profile does not fit", **asdict(self._found[name]))
            if len(self._found) > KEPT:
                self._found.popitem(last=False)
        self._found[name].require(UNFIT)


def measured(checkpoint: Checkpoint, environment: Environment, engines: Mapping[str, Engine]) -> Fitness:
    """The same before a version is published, with more of it: by every engine, replayed by the first.

    Raises BadCheckpoint where there is no profile that holds for the checkpoint's rules.
    """
    profile, first = profile_of(checkpoint), next(iter(engines))
    auditors = auditors_of(first, engines[first], checkpoint.rules.precision)
    requests = own_requests(TextCodec(checkpoint), environment, b"grail/fitness/2", CHECKED, GROUP)
    return honest_evidence(engines, auditors, requests, OWN_PLAN, profile)
