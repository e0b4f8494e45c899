"""Validators that do not read what they accept: each an honest validator's Audit with the least change that is lazy.

All accept everything, and show what they can: what they have not replayed they must invent.
"""

from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grail.inference.approximations import quantized
from grail.inference.base import Engine
from grail.protocol.records import Commitment
from grail.protocol.units import Digest
from grail.verification.audit import first_broken
from grail.verification.base import AuditContext, Finding, Outcome, Verdict
from grail.verification.checks import WHOLE_CHECKS
from grail.verification.replay import replay_places, shown_by
from simulation.adversaries.base import twin
from validator.duties.audit import Audit
from validator.duties.auditing import NOT_THERE, context_of, dealt

Places = list[tuple[int, int]]
Shown = list[NDArray[np.float16]]


class LazyAudit(Audit):
    """`kind`: its name. `gain`: what it saves."""

    kind: ClassVar[str]
    gain: ClassVar[str]

    def show(self, context: AuditContext, engine: Engine, places: Places) -> Shown:
        """What it shows of the states that an honest validator would have replayed: float16 (rows, m) a place."""
        raise NotImplementedError

    def judge(self, commitment: Commitment, challenge: Digest) -> Verdict:
        """Accept, but for what it cannot even fetch or decode."""
        node = self._node
        checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(commitment.checkpoint_version))
        limits = node.blob_limits(commitment.window, checkpoint, commitment.n_groups)
        try:
            blob = node.objects_of(commitment.miner).get(commitment.blob_digest, limits.max_bytes())
        except NOT_THERE:
            return super().judge(commitment, challenge)
        context = context_of(node, commitment, challenge, node.address, checkpoint, blob)
        if first_broken(WHOLE_CHECKS, context) is not None:
            return super().judge(commitment, challenge)
        order, count = dealt(node, commitment, challenge, node.address)
        shown = self.show(context, node.engine(checkpoint), order[:count])
        finding = Finding(check="replay", outcome=Outcome.ACCEPT, reason="as mandated")
        return Verdict(outcome=Outcome.ACCEPT, finding=finding, rollouts=count, proof=tuple(shown))


class Copy(LazyAudit):
    """Believes the blob."""

    kind = "copy"
    gain = "all of its work"

    def show(self, context: AuditContext, engine: Engine, places: Places) -> Shown:
        """Numbers of the right size."""
        return invented(context, places)


class Int4(LazyAudit):
    """Replays with a model of four bits."""

    kind = "int4"
    gain = "memory, and most of the time"

    def show(self, context: AuditContext, engine: Engine, places: Places) -> Shown:
        """The states of the cheaper model."""
        cheap = twin(engine)
        cheap.use_model(quantized(cheap.model, 4, 32))
        return replayed(context, cheap, places)


class FirstOf48(LazyAudit):
    """Reads one place in three."""

    kind = "first-of-48"
    gain = "two thirds of its work"

    def show(self, context: AuditContext, engine: Engine, places: Places) -> Shown:
        """True states, then invented ones."""
        read = -(-len(places) // 3)
        return replayed(context, engine, places[:read]) + invented(context, places[read:])


class CollusionWithMiner(LazyAudit):
    """Is handed the states by a miner that has them, and accepts whatever that miner made of them."""

    kind = "colluding-miner"
    gain = "its work, and a share of a cheat's pay"

    def show(self, context: AuditContext, engine: Engine, places: Places) -> Shown:
        """The registered model's true states: what it shows is no lie, what it says is."""
        return replayed(context, engine, places)


def invented(context: AuditContext, places: Places) -> Shown:
    """Noise of the size that projected states have."""
    chance = np.random.default_rng(context.commitment.window)
    dim = context.plan.dim
    rows = [context.plan.rows(len(context.work.groups[group].rollouts[index].tokens)) for group, index in places]
    return [(chance.standard_normal((count, dim)) / np.sqrt(dim)).astype(np.float16) for count in rows]


def replayed(context: AuditContext, engine: Engine, places: Places) -> Shown:
    """What this engine's replay gives under the validator's own projection."""
    replay_places(context, engine, places)
    return [shown_by(context.traces[place], context.plan) for place in places]


LAZY: dict[str, type[LazyAudit]] = {kind.kind: kind for kind in (Copy, Int4, FirstOf48, CollusionWithMiner)}
"""By kind; one of each may play in a local network."""
