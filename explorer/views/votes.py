"""Motions of token holders in words, and every governed number with its past."""

from typing import Any

from sqlalchemy import func, select

from explorer.index.readings import QUORUM
from explorer.index.writer import block_of
from explorer.views.base import Look, NotThere, Row, codec
from explorer.views.whatif import what_if
from grail.errors import BadInput
from grail.governance.acts import Act, in_words
from grail.governance.policy import BY_NAME, PARAMETERS, Floors
from grail.storage import chain_tables as t

PAST = 10
"""Changes of a number that are shown, the newest."""
UNDECIDED = ("waiting", "open", "passed", "queued", "ready", "ended")
SUPPORT = {0: "against", 1: "for", 2: "abstain"}


def votes(look: Look) -> Row:
    """All motions, the newest first."""
    rows = sorted(motions_of(look), key=lambda row: -row["start"])
    return {"motions": [_motion(look, row, _acts(look, row)) for row in rows]}


def proposing(look: Look) -> Row:
    """What may be proposed: every governed number with its bounds, the mix, and who may propose."""
    said = look.facts(t.ADMINISTRATION, t.ADMINISTRATION.c.name == "ProposalThresholdSet", limit=1)
    now = policy(look)
    floors = Floors(**look.standing["floors"])
    numbers = [{**row, "low": floors.low(BY_NAME[row["name"]])} for row in now["parameters"]]
    return {
        "threshold": int(said[0]["fields"]["newProposalThreshold"]) if said else None,
        "parameters": [{name: value for name, value in row.items() if name != "past"} for row in numbers],
        "environments": now["environments"],
    }


def motion(look: Look, number: str) -> Row:
    """One motion: by its number, or its first digits where only one begins so. Raises NotThere."""
    found = [row for row in motions_of(look) if row["number"].startswith(number)] if number.isdigit() else []
    exact = [row for row in found if row["number"] == number] or found
    if len(exact) != 1:
        raise NotThere(f"{len(found) or 'no'} motions begin with {number[:80]}")
    ballots = look.facts(t.BALLOTS, t.BALLOTS.c.number == exact[0]["number"])
    said = [{**row, "said": SUPPORT.get(row["support"], "?")} for row in ballots]
    acts = _acts(look, exact[0])
    whole = _motion(look, exact[0], acts)
    return {**whole, "ballots": said, "what_if": what_if(look, acts) if whole["stage"] in UNDECIDED else None}


def motions_of(look: Look) -> list[Row]:
    """All motions with their tallies."""
    tallies = {row["number"]: row for row in look.held(t.TALLIES)}
    none = {"in_favour": 0, "against": 0, "abstain": 0}
    return [{**none, **tallies.get(row["number"], {}), **row} for row in look.held(t.MOTIONS)]


def _motion(look: Look, row: Row, acts: list[Act]) -> Row:
    quorum = look.reading(QUORUM, row["number"])
    current = {entry["name"]: entry["value"] for entry in look.held(t.POLICY)}
    stage = _stage(look, row, None if quorum is None else int(quorum))
    return {
        **{name: row[name] for name in ("number", "proposer", "description", "start", "end", "ready_at")},
        "for": row["in_favour"],
        "against": row["against"],
        "abstain": row["abstain"],
        "quorum": None if quorum is None else int(quorum),
        "stage": stage,
        "next": NEXT[stage],
        "acts": [line for act in acts for line in in_words(act, current)],
        "calls": [{"target": target, "data": data} for target, _, data in row["calls"]],
        "raw_calls": row["calls"],
        "ends_about": look.time_of(row["end"]),
    }


NEXT = {
    "waiting": "holders delegate to themselves now: power is counted at its start",
    "open": "holders vote: grail vote vote NUMBER for|against|abstain",
    "defeated": "nothing: it did not pass",
    "passed": "anyone queues it: grail vote queue NUMBER",
    "queued": "it waits for its delay",
    "ready": "anyone executes it: grail vote execute NUMBER",
    "executed": "nothing: windows that began after it obey",
    "canceled": "nothing: its proposer withdrew it",
    "ended": "its quorum is not known here yet",
}


def _stage(look: Look, row: Row, quorum: int | None) -> str:
    """What the governor would say, from the index."""
    if row["stage"] == "queued":
        return "ready" if look.standing["block_time"] >= row["ready_at"] else "queued"
    if row["stage"] != "open":
        return row["stage"]
    if look.block <= row["start"]:
        return "waiting"
    if look.block <= row["end"]:
        return "open"
    if quorum is None:
        return "ended"
    passed = row["in_favour"] > row["against"] and row["in_favour"] + row["abstain"] >= quorum
    return "passed" if passed else "defeated"


def _acts(look: Look, row: Row) -> list[Act]:
    return [_act(look, target, data) for target, _, data in row["calls"]]


def _act(look: Look, target: str, data: str) -> Act:
    name, raw = look.contracts.get(target), bytes.fromhex(data[2:])
    if name is None:
        return Act(target, data, ())
    try:
        return Act(name, *codec(name).decode_calldata(raw))
    except BadInput:
        return Act(name, data, ())


def policy(look: Look, window: int | None = None) -> Row:
    """Every governed number as it stands, or as it held in a window; with bounds, default, and its last values."""
    if window is not None and (look.window is None or not 0 <= window <= look.window):
        raise NotThere(f"window {window} has not begun")
    at = look.block if window is None else look.begins(window)
    rows = _changes(look, (at + 1) << t.PLACE_BITS)
    decided = _decided(look, {row["block"] for row in rows})
    past: dict[str, list[Row]] = {}
    for row in rows:
        known = {key: row[key] for key in ("value", "block", "time")}
        past.setdefault(row["name"], []).append({**known, "proposal": decided.get(row["block"])})
    return {"window": window, "parameters": [_parameter(one.name, past.get(one.name, [])) for one in PARAMETERS],
            "environments": _mix(look, at)}  # fmt: skip


def _changes(look: Look, place: int) -> list[Row]:
    """The last changes of each number before a place, the oldest first."""
    table = t.POLICY
    age = func.row_number().over(partition_by=table.c.name, order_by=table.c.since.desc()).label("age")
    ranked = select(table.c.name, table.c.value, table.c.since, age).where(table.c.since < place).subquery()
    query = select(ranked).where(ranked.c.age <= PAST).order_by(ranked.c.since)
    found = look.connection.execute(query).mappings().all()
    return look.dated([{**row, "place": row["since"]} for row in found])


def _decided(look: Look, blocks: set[int]) -> dict[int, str]:
    """Numbers of the motions that were executed, by block."""
    executed = select(t.MOTIONS.c.number, t.MOTIONS.c.since).where(t.MOTIONS.c.stage == "executed")
    found = {block_of(row.since): row.number for row in look.connection.execute(executed)}
    return {block: found[block] for block in blocks & set(found)}


def _parameter(name: str, known: list[Row]) -> Row:
    parameter = BY_NAME[name]
    return {
        "name": name, "unit": parameter.unit, "value": known[-1]["value"] if known else None, "low": parameter.low,
        "high": parameter.high, "default": parameter.default, "reason": parameter.reason,
        "since": known[-1]["block"] if known else None, "proposal": known[-1]["proposal"] if known else None,
        "past": known,
    }  # fmt: skip


def _mix(look: Look, at: int) -> list[Row]:
    rows: list[Any] = list(
        look.connection.execute(
            select(t.ENVIRONMENTS)
            .where(t.ENVIRONMENTS.c.since < (at + 1) << t.PLACE_BITS)
            .order_by(t.ENVIRONMENTS.c.since.desc())
            .limit(1)
        ).mappings()
    )
    if not rows:
        return []
    whole = sum(rows[0]["weights"]) or 1
    parts = zip(rows[0]["ids"], rows[0]["weights"], rows[0]["rewards"], strict=True)
    return [{"id": i, "weight": w, "share": w / whole, "reward": r} for i, w, r in parts]
