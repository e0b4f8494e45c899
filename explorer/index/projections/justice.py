"""Convictions, and cases before the jury from accusation to verdict."""

from collections.abc import Mapping
from typing import Any

from explorer.index.writer import Writer
from grail.storage.chain_tables import CASES, CONVICTIONS, FINES, JUROR_VOTES, OVERTURNS

NOBODY = "0x" + "00" * 20


def _proven(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    numbers = {"window": int(f["window"]), "kind": int(f["kind"]), "slashed": int(f["slashed"])}
    w.add(CONVICTIONS, place=place, accused=f["accused"], accuser=f["accuser"], **numbers)


def _accused(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(
        place, CASES, (int(f["id"]),), window=int(f["window"]), accused=f["accused"], accuser=f["accuser"],
        kind=int(f["kind"]), evidence=f["evidence"], stage="voting", verdict=0, appellant=NOBODY,
        commit_end=int(f["commitEnd"]), reveal_end=int(f["revealEnd"]),
    )  # fmt: skip


def _ruled(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    values = {"verdict": int(f["verdict"]), "commit_end": int(f["appealEnd"])}
    w.hold(place, CASES, (int(f["id"]),), stage="ruled", **values)


def _appealed(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    ends = {"commit_end": int(f["commitEnd"]), "reveal_end": int(f["revealEnd"])}
    w.hold(place, CASES, (int(f["id"]),), stage="appealed", appellant=f["appellant"], **ends)


def _resolved(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, CASES, (int(f["id"]),), stage="closed", verdict=int(f["verdict"]))


def _vote(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    revealed = "verdict" in f
    said = {"verdict": int(f.get("verdict", 0)), "weight": int(f.get("weight", 0))}
    w.add(JUROR_VOTES, place=place, number=int(f["id"]), juror=f["juror"], revealed=revealed, **said)


def _fined(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.add(FINES, place=place, number=int(f["id"]), juror=f["juror"], amount=int(f["amount"]))


def _overturned(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    who = {"miner": f["miner"], "validator": f["validator"]}
    w.add(OVERTURNS, place=place, window=int(f["window"]), paid=int(f["paid"]), **who)


PROJECTIONS = {
    ("FaultCourt", "FaultProven"): _proven,
    ("Jury", "Accused"): _accused,
    ("Jury", "VoteCommitted"): _vote,
    ("Jury", "VoteRevealed"): _vote,
    ("Jury", "Ruled"): _ruled,
    ("Jury", "Appealed"): _appealed,
    ("Jury", "Resolved"): _resolved,
    ("Jury", "RejectionOverturned"): _overturned,
    ("Jury", "JurorFined"): _fined,
}
