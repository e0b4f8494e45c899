"""The sequential audit: whole-submission checks, then rollouts drawn one by one until the evidence is enough."""

from collections.abc import Sequence

from grail.inference.base import Engine
from grail.protocol.records import FaultKind
from grail.verification.base import AuditContext, Check, Finding, Outcome, Verdict
from grail.verification.calibration import CalibrationProfile
from grail.verification.checks import ROLLOUT_CHECKS, WHOLE_CHECKS
from grail.verification.evidence import Evidence
from grail.verification.replay import measurements, replay_places

DRAW = 16
"""Rollouts replayed in one prefill; the evidence is read after each rollout, the stop after each draw."""


def audit(
    context: AuditContext,
    engine: Engine,
    profile: CalibrationProfile,
    order: Sequence[tuple[int, int]],
    most: int | None = None,
) -> Verdict:
    """Judge one submission.

    `order`: the places in the order that this validator must open them. At most `most` (policy.audit_rollouts when
    None) of them are opened; a fault stops the audit at once. Raises for our own trouble only: the caller abstains.
    """
    broken = _first_broken(WHOLE_CHECKS, context)
    if broken is not None:
        return Verdict(outcome=broken.outcome, finding=broken)
    evidence = Evidence(profile.evidence_nulls())
    wanted = list(order[: context.policy.audit_rollouts if most is None else most])
    tokens = 0
    finding = Finding(check="replay", outcome=Outcome.ACCEPT, reason="as mandated")
    opened = 0
    for first in range(0, len(wanted), DRAW):
        draw = wanted[first : first + DRAW]
        opened += len(draw)
        context.opened = draw
        finding = _first_broken(ROLLOUT_CHECKS, context) or _weigh(context, engine, evidence, draw)
        tokens += sum(len(context.work.groups[group].rollouts[index].tokens) for group, index in draw)
        if finding.outcome is Outcome.FAULT:
            break
    n_tokens = context.work.n_tokens
    return Verdict(outcome=finding.outcome, finding=finding, rollouts=opened, tokens=tokens, n_tokens=n_tokens)


def _weigh(context: AuditContext, engine: Engine, evidence: Evidence, draw: Sequence[tuple[int, int]]) -> Finding:
    """Replay one draw and read the evidence after each of its rollouts."""
    replay_places(context, engine, draw)
    worst = None
    for group, index in draw:
        before = evidence.log10
        evidence.add(measurements(context.work.groups[group].rollouts[index], context.traces[group, index]))
        if evidence.log10 > before:
            worst = (group, index)
    log10, policy = evidence.log10, context.policy
    if log10 >= policy.evidence_fault_exp:
        outcome = Outcome.FAULT
    elif log10 >= policy.evidence_reject_exp:
        outcome = Outcome.REJECT
    else:
        return Finding(check="replay", outcome=Outcome.ACCEPT, reason="as mandated", log10_evidence=log10)
    return Finding(
        check=evidence.strongest,
        outcome=outcome,
        reason=f"an honest miner shows this with probability at most 1e-{log10:.1f} (evidence: {evidence.strongest})",
        fault=FaultKind.REPLAY if outcome is Outcome.FAULT else None,
        place=worst,
        log10_evidence=log10,
    )


def _first_broken(checks: Sequence[Check], context: AuditContext) -> Finding | None:
    """The finding of the first check that does not hold."""
    for check in checks:
        finding = check.run(context)
        if finding.outcome is not Outcome.ACCEPT:
            return finding
    return None
