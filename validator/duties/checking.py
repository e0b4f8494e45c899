"""How this validator judges another's audit: its report, its proof, the work, and a replay of what was dealt to it.

Shared by the check duty (which accuses) and the jury duty.
"""

from collections.abc import Sequence

from grail.protocol.audit_proof import proof_bytes
from grail.protocol.records import Commitment, ScoreReveal
from grail.protocol.units import Address, WindowId
from grail.runtime.node import Node
from grail.runtime.objects import ObjectsOf
from grail.verification.base import Finding, Outcome, Verdict
from grail.verification.checking import check_audit, false_audit
from validator.duties.auditing import NOT_THERE, carefully, context_of, dealt, fit_engine, withheld
from validator.duties.reports import report_named_by


def reveal_of(node: Node, window: WindowId, validator: Address) -> ScoreReveal | None:
    """What a validator has revealed in a window."""
    return next((reveal for reveal in node.subnet.reveals(window) if reveal.validator == validator), None)


def judge_audit(
    node: Node, commitment: Commitment, auditor: Address, *, beyond: float = 0.0, witnesses: Sequence[Address] = ()
) -> Verdict:
    """Was the audit made by which `auditor` accepts a submission, and is its verdict what it read? ACCEPT: yes. FAULT:
    no honest auditor. The check WITHHELD: its report or proof is nowhere to be had, of itself or `witnesses`. Where the
    work is not, this is an abstention: an auditor answers for its own objects.
    """
    objects = node.objects_of(auditor, commitment.miner, *witnesses)
    return carefully(node, commitment, lambda: _judge_audit(node, objects, commitment, auditor, beyond))


def _judge_audit(node: Node, objects: ObjectsOf, commitment: Commitment, auditor: Address, beyond: float) -> Verdict:
    window = commitment.window
    challenge, reveal = node.subnet.challenge(window), reveal_of(node, window, auditor)
    if challenge is None or reveal is None:
        nothing = Finding(check="verifier", outcome=Outcome.ABSTAIN, reason="no sheet was revealed")
        return Verdict(outcome=Outcome.ABSTAIN, finding=nothing)
    checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(commitment.checkpoint_version))
    limits = node.blob_limits(window, checkpoint, commitment.n_groups)
    order, count = dealt(node, commitment, challenge, auditor)
    try:
        report = report_named_by(node, reveal, objects)
        digest = None if report is None else report.proof_of(commitment.miner)
        if digest is None:
            return false_audit("the report names no proof of the audit")
        rows = -(-checkpoint.rules.max_tokens // limits.sketch_stride)
        proof = objects.get(digest, proof_bytes(count * rows * limits.sketch_dim))
    except NOT_THERE as missing:
        return withheld(str(missing))
    blob = objects.get(commitment.blob_digest, limits.max_bytes())
    context = context_of(node, commitment, challenge, auditor, checkpoint, blob)
    engine, profile = fit_engine(node, context)
    return check_audit(context, engine, profile, order[:count], auditor, proof, beyond=beyond)
