"""Reports: why a validator's sheet says what it says, and what its seats have read of each miner.

They lie in the object store, their digests on chain. They are claims: whoever acts on one reads the places itself.
"""

import json
import math
from typing import Any

from grail.errors import GrailError
from grail.foreign.parsing import parse_json
from grail.protocol.records import ScoreReveal
from grail.protocol.units import Address, WindowId
from grail.runtime.node import Node
from grail.runtime.reckon import committee_of
from grail.verification.evidence import BETS, Carried

BYTES_PER_MINER = 4_096
PROCESSES = 32
"""Most evidence processes that a report may name for a miner."""
MOST = 1e4
"""Largest log wealth that is believed, either way."""


def report_of(node: Node, window: WindowId) -> bytes:
    """For each miner the verdict, the check that spoke, evidence, place, and what the dealt places added."""
    rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
    verdicts = {
        row.miner: {
            "outcome": row.outcome,
            "check": row.check,
            "log10_evidence": round(row.log10_evidence, 3),
            "place": row.place,
            "added": {name: [round(float(x), 4) for x in wealth] for name, wealth in sorted(row.added.items())},
        }
        for row in sorted(rows, key=lambda row: row.miner)
    }
    return json.dumps({"window": window, "validator": node.signer.name, "verdicts": verdicts}, sort_keys=True).encode()


def claims_of(node: Node, reveal: ScoreReveal) -> dict[Address, Carried]:
    """What a validator says that its seats have read, by miner; of others than it had seats in, nothing. What cannot be
    fetched or read says nothing."""
    window = reveal.window
    committee, commitments = committee_of(node.subnet, window), node.subnet.commitments(window)
    if committee is None:
        return {}
    seated = [c.miner for i, c in enumerate(commitments) if committee.seats_of(i, reveal.validator)]
    try:
        most = BYTES_PER_MINER * (1 + len(seated))
        claimed = _parsed(node.objects_of(reveal.validator).get(reveal.report, most))
    except (GrailError, ValueError) as unread:
        node.log.info("a report says nothing", validator=reveal.validator.hex(), window=window, reason=str(unread))
        return {}
    return {miner: claimed[miner] for miner in seated if miner in claimed}


def _parsed(report: bytes) -> dict[Address, Carried]:
    """Evidence by miner. Raises ValueError on what is no report; what is odd in one entry is left out."""
    found = parse_json(report, "a report", most=len(report))
    if not isinstance(found, dict) or not isinstance(found.get("verdicts"), dict):
        raise ValueError("expected an object with verdicts")
    return {bytes.fromhex(name.removeprefix("0x")): _added(entry) for name, entry in found["verdicts"].items()}


def _added(entry: Any) -> Carried:
    added = entry.get("added") if isinstance(entry, dict) else None
    if not isinstance(added, dict) or len(added) > PROCESSES:
        return {}
    return {name: [min(MOST, max(-MOST, x)) for x in wealth] for name, wealth in added.items() if _is_wealth(wealth)}


def _is_wealth(wealth: Any) -> bool:
    if not isinstance(wealth, list) or len(wealth) != len(BETS):
        return False
    return all(type(x) is float and math.isfinite(x) for x in wealth)
