"""Does a calibration profile still fit? What an audit would hold against this machine's own honest work.

A profile is measured once, and every later version reuses it. Training that sharpens logits, longer contexts or another
kernel may make honest noise larger than it allows, and an honest miner would be convicted by a number nobody looked at.
So own rollouts, in odd shapes, are audited as a stranger's.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from grail.errors import BadCheckpoint
from grail.inference.base import Engine, RolloutRequest
from grail.inference.memory import EXHAUSTED, out_of_memory
from grail.proofs.sketch import SketchPlan
from grail.telemetry.log import get_logger
from grail.verification.calibration import CalibrationProfile, read_by_group, replays
from grail.verification.evidence import Evidence

DOUBTFUL = 2.0
"""log10 of honest evidence from which nothing is published: under a profile that fits, one check in a hundred."""
UNFIT = 4.0
"""From which a validator abstains: one in ten thousand."""
SHAPES = ((0, 16), (7, 1))
"""Rollouts generated at a time (0: all) and replayed at a time."""
GROUP = 4
"""Own rollouts of a prompt."""


@dataclass(frozen=True, slots=True)
class Fitness:
    """`log10`: the largest evidence that one of the audits reached, 0 where none did; `where`: what was done there."""

    log10: float
    where: str

    def require(self, most: float) -> None:
        """Raises BadCheckpoint beyond `most`."""
        if self.log10 >= most:
            raise BadCheckpoint(
                f"the calibration profile does not fit: honest work ({self.where}) shows evidence of "
                f"10^{self.log10:.1f} under it; make one with `grail calibrate`"
            )


def honest_evidence(
    engines: Mapping[str, Engine],
    auditors: Mapping[str, Engine],
    requests: Sequence[RolloutRequest],
    plan: SketchPlan,
    profile: CalibrationProfile,
) -> Fitness:
    """Generate all requests by every engine in every shape, replay them by every auditor, read each as one audit."""
    found = []
    for (name, engine), (made_by, replayed_by) in itertools.product(engines.items(), SHAPES):
        size = made_by or len(requests)
        made = [g for at in range(0, len(requests), size) for g in engine.generate(requests[at : at + size], plan)]
        for auditor, reading in auditors.items():
            evidence = Evidence(profile.evidence_nulls())
            traces = replays(reading, requests, made, plan, replayed_by)
            for measured in itertools.chain.from_iterable(read_by_group(requests, made, traces, plan)):
                evidence.add(measured)
            where = f"by {name}, {size} at a time, replayed by {auditor}, {replayed_by} at a time"
            found.append(Fitness(evidence.log10, where))
    return max(found, key=lambda one: one.log10)


def auditors_of(name: str, engine: Engine, precision: str) -> dict[str, Engine]:
    """Who replays: the engine, and in bf16 its float32 twin, too, which has none of the miner's rounding. A machine
    that has no memory for the twin does without, and says so.
    """
    if precision == "fp32":
        return {name: engine}
    try:
        return {name: engine, f"{name} in float32": engine.in_float32()}
    except EXHAUSTED as error:
        if not out_of_memory(error):
            raise
        get_logger().warning("no memory for a float32 twin: fitness is measured without", reason=str(error))
        return {name: engine}
