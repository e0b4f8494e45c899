"""Does a calibration profile still fit? What an audit would hold against this machine's own honest work.

A profile is measured once, and every later version reuses it. Training that sharpens logits, longer contexts or another
kernel may make honest noise larger than it allows, and an honest miner would be convicted by a number nobody looked at.
So own rollouts, in odd shapes, are audited as a stranger's.
"""

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from grail.errors import BadCheckpoint
from grail.inference.base import Engine, RolloutRequest
from grail.inference.memory import EXHAUSTED, out_of_memory
from grail.proofs.sketch import SketchPlan
from grail.telemetry.log import get_logger
from grail.verification.audit import SUSPICION
from grail.verification.calibration import CalibrationProfile, read_by_group, replays
from grail.verification.evidence import Evidence
from grail.verification.replay import Measurements

DENSE = ("logprobs", "sketch")
"""Processes that every token speaks in: within a few rollouts their mean shows what wealth shows within an epoch."""
LEAST = 192
"""Measurements that a mean is told from: honest ones of half of it were off by four fifths."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What own honest work may not reach. `log10`: of the evidence; `worn`: the mean of a dense process by its μ0. At
    one, honest work loses no bets any more and is convicted in the end; a profile that fits was made at a half.
    """

    log10: float
    worn: float


DOUBTFUL = Bar(2.0, 0.8)
"""From here on nothing is published: under a profile that fits, one check in a hundred."""
UNFIT = Bar(4.0, 1.0)
"""From here on a validator abstains: one in ten thousand."""
SHAPES = ((0, 16), (7, 1))
"""Rollouts generated at a time (0: all) and replayed at a time."""
GROUP = 4
"""Own rollouts of a prompt."""


@dataclass(frozen=True, slots=True)
class Fitness:
    """`log10`: the largest evidence that one of the audits reached, 0 where none did; `worn`: the largest mean of a
    dense process by its μ0; `where`: what was done where the larger of both was.
    """

    log10: float
    where: str
    worn: float = 0.0

    def reaches(self, bar: Bar) -> bool:
        """Is it too much?"""
        return self.log10 >= bar.log10 or self.worn >= bar.worn

    def require(self, bar: Bar) -> None:
        """Raises BadCheckpoint where it is."""
        if self.reaches(bar):
            raise BadCheckpoint(
                f"the calibration profile does not fit: honest work ({self.where}) shows evidence of "
                f"10^{self.log10:.1f} under it, and noise of {self.worn:.2f} of what it allows; make one with "
                "`grail calibrate`"
            )


class _Reading:
    """One audit of own work, as far as it has gone."""

    def __init__(self, profile: CalibrationProfile) -> None:
        self._nulls = profile.evidence_nulls()
        self._evidence = Evidence(self._nulls)
        self._sums, self._counts = dict.fromkeys(DENSE, 0.0), dict.fromkeys(DENSE, 0)

    def add(self, measured: Measurements) -> None:
        self._evidence.add(measured)
        for name in DENSE:
            self._sums[name] += float(self._nulls[name].scale(measured[name]).sum())
            self._counts[name] += len(measured[name])

    @property
    def suspicious(self) -> bool:
        """Is it worth reading on?"""
        return self._evidence.log10_now >= SUSPICION or self._worn >= DOUBTFUL.worn

    @property
    def _worn(self) -> float:
        told = [name for name in DENSE if self._counts[name] >= LEAST]
        return max((self._sums[name] / self._counts[name] / self._nulls[name].mu0 for name in told), default=0.0)

    def found(self, where: str) -> Fitness:
        """Its result."""
        return Fitness(self._evidence.log10, where, self._worn)


def honest_evidence(
    engines: Mapping[str, Engine],
    auditors: Mapping[str, Engine],
    requests: Sequence[RolloutRequest],
    plan: SketchPlan,
    profile: CalibrationProfile,
    *,
    draw: int | None = None,
) -> Fitness:
    """Generate requests by every engine in every shape, replay them by every auditor, read each as one audit: all of
    them, or `draw` at a time, and the next only while the evidence is suspicious, as audits do.
    """
    kept: dict[str, _Reading] = {}
    step = draw or len(requests)
    for first in range(0, len(requests), step):
        part = requests[first : first + step]
        for (name, engine), (made_by, replayed_by) in itertools.product(engines.items(), SHAPES):
            size = made_by or len(part)
            made = [g for at in range(0, len(part), size) for g in engine.generate(part[at : at + size], plan)]
            for auditor, reader in auditors.items():
                where = f"by {name}, {size} at a time, replayed by {auditor}, {replayed_by} at a time"
                reading = kept.setdefault(where, _Reading(profile))
                traces = replays(reader, part, made, plan, replayed_by)
                for measured in itertools.chain.from_iterable(read_by_group(part, made, traces, plan)):
                    reading.add(measured)
        if not any(reading.suspicious for reading in kept.values()):
            break
    found = [reading.found(where) for where, reading in kept.items()]
    worst = max(found, key=lambda one: max(one.log10 / UNFIT.log10, one.worn / UNFIT.worn))
    return replace(worst, log10=max(one.log10 for one in found), worn=max(one.worn for one in found))


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
