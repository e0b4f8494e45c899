"""Reports: why a validator's sheet says what it says, and what its seats have read of each miner.

They lie in the object store, their digests on chain. They are claims: whoever acts on one reads the places itself.
"""

import json
import math
from typing import Any

from grail.errors import GrailError
from grail.protocol.audit_proof import ProofName, encode_proof
from grail.protocol.records import ScoreReveal
from grail.protocol.units import Address, Digest, WindowId
from grail.runtime.node import Node
from grail.runtime.reckon import committee_of
from grail.runtime.reports import report_bytes, verdicts_in
from grail.verification.base import Outcome, Verdict
from grail.verification.evidence import BETS, Carried

PROCESSES = 32
"""Most evidence processes that a report may name for a miner."""
MOST = 1e4
"""Largest log wealth that is believed, either way."""


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
    """For each miner the verdict, the check that spoke, evidence, place, what the dealt places added, and of an accept
    the digest of its proof."""
    proofs = proofs_of(node, window)
    rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
    verdicts = {
        row.miner: {
            "outcome": row.outcome,
            "check": row.check,
            "log10_evidence": round(row.log10_evidence, 3),
            "place": row.place,
            "added": {name: [round(float(x), 4) for x in wealth] for name, wealth in sorted(row.added.items())},
        }
        | ({"proof": proofs[row.miner].hex()} if row.miner in proofs else {})
        for row in sorted(rows, key=lambda row: row.miner)
    }
    return json.dumps({"window": window, "validator": node.signer.name, "verdicts": verdicts}, sort_keys=True).encode()


def claims_of(node: Node, reveal: ScoreReveal) -> dict[Address, Carried]:
    """What a validator says that its seats have read, by miner; of others than it had seats in, nothing. What cannot be
    fetched or read says nothing."""
    seated = seated_in(node, reveal)
    try:
        claimed = _parsed(node.objects_of(reveal.validator).get(reveal.report, report_limit(node, reveal)))
    except (GrailError, ValueError) as unread:
        reason = str(unread)
        node.log.info("a report says nothing", validator=reveal.validator.hex(), window=reveal.window, reason=reason)
        return {}
    return {miner: claimed[miner] for miner in seated if miner in claimed}


def seated_in(node: Node, reveal: ScoreReveal) -> list[Address]:
    """Miners in whose submissions a validator has seats."""
    committee, commitments = committee_of(node.subnet, reveal.window), node.subnet.commitments(reveal.window)
    if committee is None:
        return []
    return [c.miner for i, c in enumerate(commitments) if committee.seats_of(i, reveal.validator)]


def report_limit(node: Node, reveal: ScoreReveal) -> int:
    """Longest report in bytes."""
    return report_bytes(len(seated_in(node, reveal)))


def _parsed(report: bytes) -> dict[Address, Carried]:
    """Evidence by miner. Raises ValueError on what is no report; what is odd in one entry is left out."""
    return {bytes.fromhex(name.removeprefix("0x")): _added(entry) for name, entry in verdicts_in(report).items()}


def _added(entry: Any) -> Carried:
    added = entry.get("added") if isinstance(entry, dict) else None
    if not isinstance(added, dict) or len(added) > PROCESSES:
        return {}
    return {name: [min(MOST, max(-MOST, x)) for x in wealth] for name, wealth in added.items() if _is_wealth(wealth)}


def _is_wealth(wealth: Any) -> bool:
    if not isinstance(wealth, list) or len(wealth) != len(BETS):
        return False
    return all(type(x) is float and math.isfinite(x) for x in wealth)
