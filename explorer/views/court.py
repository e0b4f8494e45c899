"""Cases before the jury."""

from explorer.views.base import FAULTS, Look, NotThere, Row
from grail.storage import chain_tables as t

VERDICTS = {0: "none", 1: "guilty", 2: "innocent", 3: "undecided"}
PLEA_VERDICTS = {0: "none", 1: "upheld", 2: "refused", 3: "undecided"}


def court(look: Look, before: int | None = None) -> Row:
    """The newest cases, or those before one."""
    where = [] if before is None else [t.CASES.c.number < before]
    rows = sorted(look.held(t.CASES, *where), key=lambda row: -row["number"])[:100]
    proofs = look.facts(t.CONVICTIONS, limit=100)
    return {
        "cases": [_shown(row) for row in rows],
        "proofs": [{**row, "fault": FAULTS[row["kind"]]} for row in proofs],
        "next": rows[-1]["number"] if len(rows) == 100 else None,
    }


def _shown(row: Row) -> Row:
    plea = row["kind"] == 0
    words = PLEA_VERDICTS if plea else VERDICTS
    return {**row, "fault": FAULTS[row["kind"]], "plea": plea, "said": words.get(row["verdict"], "none")}


def case(look: Look, number: int) -> Row:
    """One case with its votes and its history. Raises NotThere."""
    found = look.held(t.CASES, t.CASES.c.number == number)
    if not found:
        raise NotThere(f"no case {number}")
    votes = look.facts(t.JUROR_VOTES, t.JUROR_VOTES.c.number == number, newest=False)
    moves = look.connection.execute(
        t.CASES.select().where(t.CASES.c.number == number).order_by(t.CASES.c.since)
    ).mappings()
    return {
        **_shown(found[0]),
        "votes": [{**row, "said": VERDICTS[row["verdict"]] if row["revealed"] else "sealed"} for row in votes],
        "moves": look.dated([{**row, "place": row["since"]} for row in moves]),
        "fines": look.facts(t.FINES, t.FINES.c.number == number),
    }
