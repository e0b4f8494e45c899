"""Reports: why a validator's sheet says what it says, and what its seats have read of each miner.

They lie in the object store, their digests on chain. They are claims: whoever acts on one reads the places itself.
"""

from grail.errors import BadInput, GrailError
from grail.protocol.audit_proof import ProofName, encode_proof
from grail.protocol.records import ScoreReveal
from grail.protocol.reports import (
    DECADE_UNIT,
    REASON,
    WEALTH_UNIT,
    AuditReport,
    Said,
    audit_report,
    report_bytes,
    scaled,
)
from grail.protocol.units import Address, Digest, WindowId
from grail.runtime.node import Node
from grail.runtime.reckon import committee_of
from grail.storage.base import ObjectStore
from grail.storage.tables import VerdictRow
from grail.verification.base import Outcome, Verdict
from grail.verification.evidence import BETS, Carried


def keep_proof(node: Node, window: WindowId, miner: Address, verdict: Verdict) -> None:
    """Store what an accept shows of its replay; nobody else sees it before the reveals."""
    if verdict.outcome is Outcome.ACCEPT:
        proof = encode_proof(ProofName(window, node.address, miner), verdict.proof)
        node.journal.record(node.name, _memo("0x" + miner.hex()), window, {"digest": node.store.put(proof).hex()})


def proofs_of(node: Node, window: WindowId) -> dict[str, Digest]:
    """What this validator shows of its audits, by the miner's name."""
    rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
    accepted = [row.miner for row in rows if row.outcome == Outcome.ACCEPT.value]
    notes = {miner: node.journal.note(node.name, _memo(miner), window) for miner in accepted}
    return {miner: bytes.fromhex(note["digest"]) for miner, note in notes.items() if note is not None}


def _memo(miner: str) -> str:
    return f"proof of {miner}"


def report_of(node: Node, window: WindowId) -> bytes:
    """What this validator says of its audits of a window."""
    proofs = proofs_of(node, window)
    rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
    said = {row.miner: _said(row, proofs.get(row.miner)) for row in rows}
    name = "0x" + node.address.hex()
    return AuditReport(version=1, window=window, validator=name, verdicts=said).encode()


def _said(row: VerdictRow, proof: Digest | None) -> Said:
    return Said(
        outcome=Outcome(row.outcome).value,
        check=row.check,
        reason="" if row.outcome == Outcome.ACCEPT.value else row.reason[:REASON],
        evidence=scaled(row.log10_evidence, DECADE_UNIT),
        place=tuple(row.place) if row.place else None,
        rollouts=row.rollouts,
        tokens=row.tokens,
        added={name: tuple(scaled(x, WEALTH_UNIT) for x in wealth) for name, wealth in row.added.items()},
        proof=None if proof is None else proof.hex(),
    )


def report_named_by(node: Node, reveal: ScoreReveal, objects: ObjectStore) -> AuditReport | None:
    """The report of a reveal; None where it is none. Raises as `objects` do for what cannot be had."""
    miners = len(seated_in(node, reveal))
    data = objects.get(reveal.report, report_bytes(miners))
    try:
        return audit_report(data, reveal.window, reveal.validator, miners)
    except BadInput as odd:
        node.log.info("a report says nothing", validator=reveal.validator.hex(), window=reveal.window, reason=str(odd))
        return None


def claims_of(node: Node, reveal: ScoreReveal) -> dict[Address, Carried]:
    """What a validator says that its seats have read, by miner; of others than it had seats in, nothing. What cannot be
    fetched or read says nothing."""
    try:
        report = report_named_by(node, reveal, node.objects_of(reveal.validator))
    except GrailError as unread:
        reason = str(unread)
        node.log.info("a report says nothing", validator=reveal.validator.hex(), window=reveal.window, reason=reason)
        return {}
    said = {} if report is None else report.verdicts
    names = {miner: "0x" + miner.hex() for miner in seated_in(node, reveal)}
    return {miner: _added(said[name]) for miner, name in names.items() if name in said}


def seated_in(node: Node, reveal: ScoreReveal) -> list[Address]:
    """Miners in whose submissions a validator has seats."""
    committee, commitments = committee_of(node.subnet, reveal.window), node.subnet.commitments(reveal.window)
    if committee is None:
        return []
    return [c.miner for i, c in enumerate(commitments) if committee.seats_of(i, reveal.validator)]


def _added(said: Said) -> Carried:
    added = {name: [x / WEALTH_UNIT for x in wealth] for name, wealth in said.added.items()}
    return {name: wealth for name, wealth in added.items() if len(wealth) == len(BETS)}
