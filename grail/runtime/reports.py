"""Reading validators' reports: why a sheet says what it says. JSON in the object store, its digest on chain. Claims:
whoever acts on one reads the places itself.
"""

from typing import Any

from grail.errors import GrailError
from grail.foreign.parsing import parse_json
from grail.protocol.units import Address, Digest

BYTES_PER_MINER = 4_096
DIGEST_BYTES = 32


def report_bytes(miners: int) -> int:
    """Longest report that may say something of so many miners."""
    return BYTES_PER_MINER * (1 + miners)


def verdicts_in(report: bytes) -> dict[str, Any]:
    """What a report says, by the miner's name. Raises ValueError or BadInput on what is no report."""
    found = parse_json(report, "a report", most=len(report))
    if not isinstance(found, dict) or not isinstance(found.get("verdicts"), dict):
        raise ValueError("expected an object with verdicts")
    return found["verdicts"]


def proofs_in(report: bytes) -> dict[str, Digest]:
    """Digests of the proofs that a report names, by the miner's name; what is no report names none."""
    try:
        entries = verdicts_in(report).items()
    except (GrailError, ValueError):
        return {}
    named = {name: _digest(entry.get("proof")) for name, entry in entries if isinstance(entry, dict)}
    return {name: digest for name, digest in named.items() if digest is not None}


def proof_named_by(report: bytes, miner: Address) -> Digest | None:
    """The digest of the proof that a report names for a miner; None where it names none."""
    return proofs_in(report).get("0x" + miner.hex())


def _digest(named: Any) -> Digest | None:
    try:
        digest = bytes.fromhex(named)
    except (ValueError, TypeError):
        return None
    return digest if len(digest) == DIGEST_BYTES else None
