"""The sequential audit: whole-submission checks, then rollouts drawn one by one until the evidence is enough."""

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from grail.inference.base import Engine
from grail.protocol.records import FaultKind
from grail.verification.alternatives import Alternative
from grail.verification.base import AuditContext, Check, Finding, Outcome, Verdict
from grail.verification.calibration import CalibrationProfile
from grail.verification.checks import ROLLOUT_CHECKS, WHOLE_CHECKS
from grail.verification.evidence import Carried, Evidence
from grail.verification.replay import Reader, replay_places, shown_by

DRAW = 16
"""Rollouts replayed in one prefill; the evidence is read after each rollout, the stop after each draw."""
SUSPICION = 1.0
"""log10 of the e-value from which an audit goes on past its budget: at most one honest audit in ten gets there."""


def audit(
    context: AuditContext,
    engine: Engine,
    profile: CalibrationProfile,
    order: Sequence[tuple[int, int]],
    carried: Carried | None = None,
    alternative: Alternative | None = None,
    *,
    budget: int,
    seen: Reader | None = None,
    beyond: float = 0.0,
) -> Verdict:
    """Judge one submission. `alternative`: another model that the miner may have run, to be asked after.

    Two readings of the same measurements: one starts anew in every window, one goes on from `carried`, what all audits
    of the miner's windows before have added, so that a cheat who does little in each window is caught in the end.

    `seen`: what has read the window's other seats' places. Rollouts of one group share states, and their noise: of
    evidence that is to be added up, each state counts once.

    `beyond`: decades of evidence that a fault takes besides the policy's: whoever accuses needs more than whoever
    judges, whose hardware reads the same rollouts a little differently.

    `order`: the places in the order that this validator must open them; `budget` of them are opened, and more while the
    evidence is suspicious: till it is enough for a fault, has melted away, or nothing is left. A fault stops the audit
    at once. Raises for our own trouble only: the caller abstains.
    """
    broken = first_broken(WHOLE_CHECKS, context)
    if broken is not None:
        return Verdict(outcome=broken.outcome, finding=broken)
    readings = (Evidence(profile.evidence_nulls()), Evidence(profile.evidence_nulls(), carried))
    readers = (Reader(context.plan), seen or Reader(context.plan))
    unseen = Evidence(profile.evidence_nulls())
    budget = min(len(order), budget)
    finding = Finding(check="replay", outcome=Outcome.ACCEPT, reason="as mandated")
    opened, tokens, added, enough = 0, 0, readings[0].carried, context.policy.evidence_fault_exp + beyond
    while opened < budget or (opened < len(order) and max(r.log10_now for r in readings) >= SUSPICION):
        draw = list(order[opened : min(opened + DRAW, budget if opened < budget else len(order))])
        opened += len(draw)
        context.opened = draw
        finding = _weigh(context, engine, readers, (*readings, unseen), draw, alternative, enough)
        if finding.outcome is not Outcome.FAULT:
            finding = first_broken(ROLLOUT_CHECKS, context) or finding
        if opened <= budget:
            added = readings[0].carried
        if finding.outcome is Outcome.FAULT and finding.place is not None:
            tokens += _tokens(context, draw[: draw.index(finding.place) + 1])
            break
        tokens += _tokens(context, draw)
    return Verdict(
        outcome=finding.outcome,
        finding=finding,
        rollouts=opened,
        further=max(0, opened - budget),
        tokens=tokens,
        n_tokens=context.work.n_tokens,
        added=added,
        unseen=unseen.carried if seen else {},
        proof=_proof(context, order[:budget]) if finding.outcome is Outcome.ACCEPT else (),
    )


def _weigh(
    context: AuditContext,
    engine: Engine,
    readers: tuple[Reader, Reader],
    evidences: tuple[Evidence, Evidence, Evidence],
    draw: Sequence[tuple[int, int]],
    alternative: Alternative | None,
    enough: float,
) -> Finding:
    """Replay one draw and read the evidence after each of its rollouts, up to the one that suffices for a fault: log10
    of `enough`."""
    replay_places(context, engine, draw, alternative)
    policy, place = context.policy, draw[0]
    readings, unseen = evidences[:2], evidences[2]
    for place in draw:
        group, index = place
        rollout, trace, votes = context.work.groups[group].rollouts[index], context.traces[place], context.votes
        measured = readers[0].measure(group, rollout, trace) | votes.get(place, {})
        for reading in readings:
            reading.add(measured)
        unseen.add(readers[1].measure(group, rollout, trace) | votes.get(place, {}))
        if max(reading.log10 for reading in readings) >= enough:
            break
    evidence = max(readings, key=lambda reading: reading.log10)
    log10, over = evidence.log10, "in this window" if evidence is readings[0] else "over its last windows"
    if log10 >= enough:
        outcome = Outcome.FAULT
    elif log10 >= policy.evidence_reject_exp:
        outcome = Outcome.REJECT
    else:
        return Finding(check="replay", outcome=Outcome.ACCEPT, reason="as mandated", log10_evidence=log10)
    return Finding(
        check=evidence.strongest,
        outcome=outcome,
        reason=f"an honest miner shows this {over} with probability at most 1e-{log10:.1f} ({evidence.strongest})",
        fault=FaultKind.REPLAY if outcome is Outcome.FAULT else None,
        place=place,
        log10_evidence=log10,
        lasting=evidence is not readings[0],
    )


def _proof(context: AuditContext, places: Sequence[tuple[int, int]]) -> tuple[NDArray[np.float16], ...]:
    """What the replay gave under the auditor's own projection, where the plan has one."""
    return tuple(shown_by(context.traces[place], context.plan) for place in places)


def _tokens(context: AuditContext, places: Sequence[tuple[int, int]]) -> int:
    return sum(len(context.work.groups[group].rollouts[index].tokens) for group, index in places)


def first_broken(checks: Sequence[Check], context: AuditContext) -> Finding | None:
    """The finding of the first check that does not hold."""
    for check in checks:
        finding = check.run(context)
        if finding.outcome is not Outcome.ACCEPT:
            return finding
    return None
