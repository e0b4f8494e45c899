"""One prefill → the measurements that the replay checks read."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grail.inference.base import Engine, ReplayRequest, ReplayTrace
from grail.proofs.rounding import beyond_rounding
from grail.proofs.sketch import SketchPlan, sketch_errors
from grail.protocol.submission import Rollout
from grail.verification.alternatives import Alternative, votes
from grail.verification.base import AuditContext

Measurements = dict[str, NDArray[np.float64]]
MARGINS = ("tokens", "flips", "gross", "outliers")
"""The processes that read the margin of every token."""
FORKS = "forks"
"""The process that reads the largest margin of a rollout: one token is all that it takes to change an answer."""
AGAIN = 4.0
"""Squared: twice as far off as a claim on the same state that was read before."""


def replay_places(
    context: AuditContext, engine: Engine, places: Sequence[tuple[int, int]], alternative: Alternative | None = None
) -> None:
    """Replay these rollouts and keep their traces in the context; by the alternative, too, where there is one."""
    requests = [
        ReplayRequest(
            context.mandates.group(group).prompt,
            context.mandates.rollout_key(group, index),
            context.work.groups[group].rollouts[index].tokens,
            context.plays[group, index].bridges if (group, index) in context.plays else (),
        )
        for group, index in places
    ]
    context.traces.update(zip(places, engine.replay(requests, context.plan), strict=True))
    if alternative is not None:
        found = alternative.engine.replay(requests, context.plan)
        for place, other in zip(places, found, strict=True):
            context.votes[place] = {alternative.name: votes(context.traces[place], other)}


def measurements(rollout: Rollout, trace: ReplayTrace) -> Measurements:
    """What one replay says of one rollout, by process.

    tokens, flips, gross, outliers: margins in spreads (`ReplayTrace.strays`), of which the null of flips takes those
    above 0, however close, that of gross those that honest noise reaches once in ten thousand, that of outliers those
    that it never did. forks: the largest margin, (1,).
    logprobs: (|claimed − replayed| / (1 + |replayed|) / spread)². sketch: relative squared error. Of both counts what
    lies beyond the float16 that was claimed; both are squares, so that doubled they stand for twice the noise's power.
    """
    error = beyond_rounding(rollout.logprobs, trace.logprobs) / (1 + np.abs(trace.logprobs.astype(np.float64)))
    strays = trace.strays
    return {
        **dict.fromkeys(MARGINS, strays),
        FORKS: strays.max(initial=0.0, keepdims=True),
        "logprobs": (error / trace.spreads) ** 2,
        "sketch": sketch_errors(trace.sketch[:, : rollout.sketch.shape[1]], rollout.sketch),
    }


class Reader:
    """Measures the rollouts of a submission one after the other, what two of a group have in common once.

    A state follows from the prompt and the tokens before it, and so does its noise. Rollouts of a group share the
    prompt and often a beginning: their logprobs and sketches there are one measurement, unless a later one is AGAIN
    times worse, which is no shared noise. Margins are all read: a rollout's Gumbel noise is its own.
    """

    def __init__(self, plan: SketchPlan) -> None:
        self._plan = plan
        self._read: defaultdict[Hashable, list[tuple[NDArray[np.integer], Measurements]]] = defaultdict(list)

    def measure(self, group: Hashable, rollout: Rollout, trace: ReplayTrace) -> Measurements:
        """As `measurements`, logprobs and sketch without what was read of this group before."""
        measured = measurements(rollout, trace)
        worst = {name: np.full(len(measured[name]), -1.0) for name in ("logprobs", "sketch")}
        for tokens, other in self._read[group]:
            shared = shared_states(rollout.tokens, tokens)
            for name, rows in (("logprobs", shared), ("sketch", self._plan.rows(shared))):
                worst[name][:rows] = np.maximum(worst[name][:rows], other[name][:rows])
        self._read[group].append((rollout.tokens, measured))
        return measured | {name: measured[name][~(measured[name] <= AGAIN * worst[name])] for name in worst}


def shown_by(trace: ReplayTrace, plan: SketchPlan) -> NDArray[np.float16]:
    """A place's proof of audit, float16 (rows, m): the replayed states under the plan's second projection."""
    return trace.sketch[:, plan.dim :].astype(np.float16)


def proof_errors(
    reader: Reader,
    plan: SketchPlan,
    group: Hashable,
    rollout: Rollout,
    trace: ReplayTrace,
    shown: NDArray[np.float16],
) -> NDArray[np.float64]:
    """Errors of what an auditor shows of a place, by a replay of one's own; states that `reader` has read in the group
    count once."""
    own = replace(trace, sketch=trace.sketch[:, plan.dim :])
    return reader.measure(group, replace(rollout, sketch=shown), own)["sketch"]


def shared_states(tokens: NDArray[np.integer], other: NDArray[np.integer]) -> int:
    """States of a completion, from the first on, that another one of its prompt has: the tokens before are the same."""
    length = min(len(tokens), len(other))
    differing = np.flatnonzero(tokens[:length] != other[:length])
    return int(differing[0]) + 1 if len(differing) else length
