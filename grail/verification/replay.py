"""One prefill → the measurements that the replay checks read."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grail.inference.base import Engine, ReplayRequest, ReplayTrace
from grail.proofs.sketch import sketch_errors
from grail.protocol.submission import Rollout
from grail.verification.base import AuditContext

Measurements = dict[str, NDArray[np.float64]]


def replay_places(context: AuditContext, engine: Engine, places: Sequence[tuple[int, int]]) -> None:
    """Replay these rollouts and keep their traces in the context."""
    requests = [
        ReplayRequest(
            context.mandates.group(group).prompt,
            context.mandates.rollout_key(group, index),
            context.work.groups[group].rollouts[index].tokens,
        )
        for group, index in places
    ]
    for place, trace in zip(places, engine.replay(requests, context.plan), strict=True):
        context.traces[place] = trace


def measurements(rollout: Rollout, trace: ReplayTrace) -> Measurements:
    """What one replay says of one rollout, by process.

    tokens: margins in nats. flips: 1 where the token is not the mandated one, however close. logprobs:
    |claimed − replayed| / (1 + |replayed|). sketch: relative squared error.
    """
    replayed = trace.logprobs.astype(np.float64)
    error = np.abs(rollout.logprobs.astype(np.float64) - replayed) / (1 + np.abs(replayed))
    return {
        "tokens": trace.margins.astype(np.float64),
        "flips": (trace.margins > 0).astype(np.float64),
        "logprobs": error,
        "sketch": sketch_errors(trace.sketch, rollout.sketch),
    }
