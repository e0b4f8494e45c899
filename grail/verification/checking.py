"""Was an audit made, and does what it read bear its verdict out? A validator's accept, judged by a replay of the places
that were dealt to it (spec section 9).

Two readings. *Shown*: an auditor shows the replayed states under a projection of its own, and who has not computed them
cannot: the sketch process of the profile, whose null is the honest noise between two machines. *Borne out*: the margins
of the same places, each less what honest machines differ by; whoever has read them saw at least that much.
"""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from grail.errors import BadInput
from grail.inference.base import Engine, ReplayTrace
from grail.protocol.audit_proof import ProofName, decode_proof
from grail.protocol.records import FaultKind
from grail.protocol.submission import Rollout
from grail.protocol.units import Address
from grail.verification.audit import DRAW, first_broken
from grail.verification.base import AuditContext, Finding, Outcome, Verdict
from grail.verification.calibration import CalibrationProfile
from grail.verification.checks import ROLLOUT_CHECKS, WHOLE_CHECKS
from grail.verification.evidence import Evidence
from grail.verification.replay import FORKS, MARGINS, Reader, measurements, proof_errors, replay_places

UNSHOWN, UNBORNE = "proof of audit", "verdict"
"""The checks that a false audit fails: what it shows is no replay; or what it read refutes its accept."""
SHOWN = "sketch"


def check_audit(
    context: AuditContext,
    engine: Engine,
    profile: CalibrationProfile,
    places: Sequence[tuple[int, int]],
    auditor: Address,
    proof: bytes,
    *,
    beyond: float = 0.0,
) -> Verdict:
    """Judge an accept. `places`: what was dealt to the auditor; `proof`: what it shows of them, under the second
    projection of the context's plan.

    FAULT where an honest auditor is ruled out: by a broken rule of the submission, or at 10^`evidence_fault_exp` in one
    of the readings, `beyond` decades more for whoever accuses. Else ACCEPT. Raises for our own trouble only.
    """
    broken = first_broken(WHOLE_CHECKS, context)
    if broken is not None:
        return _false(UNBORNE, f"accepts what is broken: {broken.reason}")
    lengths = [context.plan.rows(len(context.work.groups[group].rollouts[index].tokens)) for group, index in places]
    name = ProofName(context.commitment.window, auditor, context.commitment.miner)
    try:
        shown = decode_proof(proof, name, lengths, context.plan.dim)
    except BadInput as error:
        return false_audit(str(error))
    nulls = profile.evidence_nulls()
    made = Evidence({SHOWN: nulls[SHOWN]})
    verdict = Evidence({name: nulls[name] for name in (*MARGINS, FORKS)})
    reader, enough, tokens = Reader(context.plan), context.policy.evidence_fault_exp + beyond, 0
    for first in range(0, len(places), DRAW):
        draw = context.opened = list(places[first : first + DRAW])
        replay_places(context, engine, draw)
        for place, sketch in zip(draw, shown[first : first + DRAW], strict=True):
            rollout, trace = context.work.groups[place[0]].rollouts[place[1]], context.traces[place]
            tokens += len(rollout.tokens)
            made.add({SHOWN: proof_errors(reader, context.plan, place[0], rollout, trace, sketch)})
            verdict.add(_forgiven(rollout, trace, profile.outlier_margin))
            for check, evidence in ((UNSHOWN, made), (UNBORNE, verdict)):
                if evidence.log10 >= enough:
                    reason = f"an honest auditor shows this with probability at most 1e-{evidence.log10:.1f}"
                    return _false(check, reason, evidence.log10, place, tokens)
        broken = first_broken(ROLLOUT_CHECKS, context)
        if broken is not None:
            return _false(UNBORNE, f"accepts what is broken: {broken.reason}", place=broken.place, tokens=tokens)
    most = max(made.log10, verdict.log10)
    fine = Finding(check=UNSHOWN, outcome=Outcome.ACCEPT, reason="the audit was made", log10_evidence=most)
    return Verdict(outcome=Outcome.ACCEPT, finding=fine, rollouts=len(places), tokens=tokens)


def false_audit(reason: str) -> Verdict:
    """Of an auditor who shows nothing that could be a proof."""
    return _false(UNSHOWN, reason)


def _forgiven(rollout: Rollout, trace: ReplayTrace, noise: float) -> dict[str, NDArray[np.float64]]:
    """The margins that any honest machine has seen: no process reads more in larger ones, so the auditor's own were no
    less than this."""
    least = replace(trace, margins=np.maximum(trace.margins - np.float32(noise) * trace.spreads, 0))
    measured = measurements(rollout, least)
    return {name: measured[name] for name in (*MARGINS, FORKS)}


def _false(
    check: str, reason: str, log10: float = 0.0, place: tuple[int, int] | None = None, tokens: int = 0
) -> Verdict:
    finding = Finding(
        check=check, outcome=Outcome.FAULT, reason=reason, fault=FaultKind.AUDIT, place=place, log10_evidence=log10
    )
    return Verdict(outcome=Outcome.FAULT, finding=finding, tokens=tokens)
