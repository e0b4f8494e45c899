"""Windows: where each stands, and everything that happened in one."""

from collections import defaultdict

from sqlalchemy import Table, func, select

from explorer.views.base import FAULTS, WORDS, Look, NotThere, Row
from explorer.views.claims import report_states
from explorer.views.why import reason
from grail.protocol.units import WindowId
from grail.storage import chain_tables as t

PAGE = 50


def windows(look: Look, before: int | None = None) -> Row:
    """The newest windows, or those before one."""
    last = look.window if look.window is not None else -1
    newest = last if before is None else min(last, before - 1)
    oldest = max(0, newest - PAGE + 1)
    rows = _rows(look, oldest, newest)
    return {"windows": rows[::-1], "next": oldest if oldest > 0 else None}


def _rows(look: Look, first: int, last: int) -> list[Row]:
    """Windows `first` to `last`, with what is counted of each: one query a table, not one a window."""

    def counted(table: Table) -> dict[int, int]:
        query = select(table.c.window, func.count()).where(table.c.window.between(first, last))
        return {row[0]: row[1] for row in look.connection.execute(query.group_by(table.c.window))}

    worked, sheets, convictions, stated = map(counted, (t.COMMITMENTS, t.SHEETS, t.CONVICTIONS, t.STATEMENTS))
    query = select(t.COMMITMENTS.c.window, func.sum(t.COMMITMENTS.c.worth))
    where = t.COMMITMENTS.c.window.between(first, last)
    totals = look.connection.execute(query.where(where).group_by(t.COMMITMENTS.c.window))
    worth = {window: int(total) for window, total in totals}
    claimed: dict[int, int] = defaultdict(int)
    for window, amount in look.connection.execute(
        select(t.CLAIMS.c.window, t.CLAIMS.c.amount).where(t.CLAIMS.c.window.between(first, last))
    ):
        claimed[window] += amount
    settled = {row["window"]: row for row in look.facts(t.SETTLEMENTS, t.SETTLEMENTS.c.window.between(first, last))}
    return [
        {
            "window": window,
            "begins": look.begins(window),
            "stage": stage(look, window, settled=window in settled, worked=window in worked, stated=window in stated),
            "submissions": worked.get(window, 0),
            "worth": worth.get(window, 0),
            "sheets": sheets.get(window, 0),
            "convictions": convictions.get(window, 0),
            "minted": settled[window]["minted"] if window in settled else None,
            "claimed": claimed[window],
            "final": window in settled and settled[window]["final"],
        }
        for window in range(first, last + 1)
    ]


def stage(look: Look, window: int, *, settled: bool, worked: bool, stated: bool) -> str:
    """Where a window stands, in a word."""
    schedule, number = look.schedule, WindowId(window)
    if settled:
        return "settled"
    for word, deadline in (
        ("mining", schedule.commit_deadline(number)), ("auditing", schedule.score_deadline(number)),
        ("revealing", schedule.reveal_deadline(number)),
    ):  # fmt: skip
        if look.block <= deadline:
            return word
    if not worked:
        return "idle"
    return "settling" if stated else "unsettled"


def window(look: Look, number: int) -> Row:
    """One window, whole. Raises NotThere before it has begun."""
    if look.window is None or not 0 <= number <= look.window:
        raise NotThere(f"window {number} has not begun")
    schedule, this = look.schedule, WindowId(number)
    drawn = look.held(t.WINDOWS, t.WINDOWS.c.window == number)
    (found,) = _rows(look, number, number)
    timeline = [
        ("begins", look.begins(number)), ("commitments end", int(schedule.commit_deadline(this))),
        ("challenge", int(schedule.challenge_block(this))), ("sheets end", int(schedule.score_deadline(this))),
        ("reveals end", int(schedule.reveal_deadline(this))),
    ]  # fmt: skip
    return {
        **found,
        "beacon": drawn[0]["beacon"] if drawn else None,
        "challenge": drawn[0]["challenge"] if drawn else None,
        "timeline": [
            {"what": what, "block": block, "about": look.time_of(block), "past": block <= look.block}
            for what, block in timeline
        ],
        "submissions_list": _submissions(look, number),
        "sheets_list": _sheets(look, number),
        "statements": look.facts(t.STATEMENTS, t.STATEMENTS.c.window == number),
        "duels": look.held(t.DUELS, t.DUELS.c.window == number),
        "refutations": look.facts(t.REFUTATIONS, t.REFUTATIONS.c.window == number),
        "convictions_list": [
            {**row, "fault": FAULTS[row["kind"]]} for row in look.facts(t.CONVICTIONS, t.CONVICTIONS.c.window == number)
        ],
        "cases": [{**row, "fault": FAULTS[row["kind"]]} for row in look.held(t.CASES, t.CASES.c.window == number)],
    }


def _submissions(look: Look, number: int) -> list[Row]:
    seats: dict[int, list[Row]] = {}
    order = [t.SEATS.c.number, t.SEATS.c.seat]
    for row in look.connection.execute(select(t.SEATS).where(t.SEATS.c.window == number).order_by(*order)).mappings():
        seats.setdefault(row["number"], []).append({"validator": row["validator"], "word": WORDS[row["word"]]})
    rows = look.facts(t.COMMITMENTS, t.COMMITMENTS.c.window == number, newest=False)
    return [{**row, "seats": seats.get(row["number"], []), "why": _reason(look, row["miner"], number)} for row in rows]


def _reason(look: Look, miner: str, number: int) -> Row:
    found = reason(look, miner, number)
    return {"code": found["code"], "words": found["words"], "facts": found["facts"]}


def _sheets(look: Look, number: int) -> list[Row]:
    """Of each validator that holds seats or sent a sheet: what it said."""
    counted = select(t.SEATS.c.validator, t.SEATS.c.word, func.count()).where(t.SEATS.c.window == number)
    rows: dict[str, Row] = {}
    for validator, word, count in look.connection.execute(counted.group_by(t.SEATS.c.validator, t.SEATS.c.word)):
        rows.setdefault(validator, dict.fromkeys(WORDS, 0))[WORDS[word]] = count
    sheets = {row["validator"]: row for row in look.facts(t.SHEETS, t.SHEETS.c.window == number)}
    states = report_states(look, number)
    committed = {row["validator"] for row in look.facts(t.SHEET_COMMITMENTS, t.SHEET_COMMITMENTS.c.window == number)}
    return [
        {
            "validator": validator,
            **rows.get(validator, dict.fromkeys(WORDS, 0)),
            "committed": validator in committed,
            "revealed": validator in sheets,
            "report": sheets[validator]["report"] if validator in sheets else None,
            "report_state": states.get(validator),
        }
        for validator in sorted({*rows, *sheets, *committed})
    ]
