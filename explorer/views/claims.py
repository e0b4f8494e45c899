"""What validators say of what they read: claims of whoever says so, compared with their sheets on chain."""

from typing import Any

from sqlalchemy import and_, select

from explorer.index.reports import MISSING, ODD, READ
from explorer.views.base import WORDS, Look, Row
from grail.protocol.reports import DECADE_UNIT
from grail.settlement.sheets import WITHHELD, entry_for
from grail.storage import chain_tables as t

CHECKS = {
    "structure": "the submission is not built as it must be",
    "dialogue": "what it says of its turns does not follow from its tokens",
    "derivation": "a key, a problem or the model is not the mandated one",
    "replay": "as the mandated model gives it",
    "tokens": "its tokens are less likely than the mandated model's own",
    "flips": "too many tokens are not the mandated ones",
    "gross": "tokens that the mandated model would hardly give",
    "outliers": "tokens that the mandated model would never give",
    "forks": "rollouts that leave the mandated ones",
    "logprobs": "logprobs that are not the mandated model's",
    "sketch": "states that are not the mandated model's",
    "int8": "it follows the weights in 8-bit integers",
    "fp8": "it follows the weights in 8-bit floats",
    "previous": "it follows the version before",
    "reward": "a reward is not what the grader gives",
    WITHHELD: "nobody delivered the submission",
    "verifier": "the validator had trouble of its own",
}
"""What a check, or a process of evidence, that speaks against a submission says, in words."""
STATES = {
    READ: "read", MISSING: "nobody delivers its report", ODD: "what it named is no report", None: "not asked for yet",
}  # fmt: skip


def claims_about(look: Look, window: int, miner: str, number: int) -> list[Row]:
    """Of each validator that holds seats in a submission: what its sheet says, and what its report says of why."""
    seats, sheets, known, claims = t.SEATS, t.SHEETS, t.AUDIT_REPORTS, t.AUDIT_CLAIMS
    where = [seats.c.window == window, seats.c.number == number]
    words: dict[str, list[int]] = {}
    for validator, word in look.connection.execute(select(seats.c.validator, seats.c.word).where(*where)):
        words.setdefault(validator, []).append(word)
    named = {row["validator"]: row["report"] for row in look.facts(sheets, sheets.c.window == window)}
    of_sheet = and_(known.c.window == claims.c.window, known.c.validator == claims.c.validator)
    said = select(claims, known.c.digest).join(known, of_sheet)
    rows = look.connection.execute(said.where(claims.c.window == window, claims.c.miner == miner)).mappings()
    found = {row["validator"]: row for row in rows if row["digest"] == named.get(row["validator"])}
    states = report_states(look, window)
    return [
        {
            "validator": validator,
            "seats": len(own),
            "word": WORDS[own[0]],
            "report": states.get(validator) if validator in named else "revealed no sheet",
            "claim": _claim(found[validator], WORDS[own[0]]) if validator in found else None,
        }
        for validator, own in sorted(words.items())
    ]


def report_states(look: Look, window: int) -> dict[str, str]:
    """In a word, by validator, what became of each report that a window's sheets name."""
    sheets, known = t.SHEETS, t.AUDIT_REPORTS
    joined = and_(
        known.c.window == sheets.c.window, known.c.validator == sheets.c.validator, known.c.digest == sheets.c.report
    )
    query = select(sheets.c.validator, known.c.state).outerjoin(known, joined).where(sheets.c.window == window)
    return {validator: STATES[state] for validator, state in look.connection.execute(query)}


def _claim(row: Any, word: str) -> Row:
    """`agrees`: is it what the sheet says?"""
    outcome = row["outcome"]
    expected = WORDS[entry_for(outcome, row["check"], shown=row["proven"])]
    return {
        "outcome": outcome,
        "check": row["check"],
        "words": "as mandated" if outcome == "accept" else CHECKS.get(row["check"], row["check"]),
        "reason": row["reason"],
        "decades": row["evidence"] / DECADE_UNIT,
        "place": row["place"],
        "rollouts": row["rollouts"],
        "tokens": row["tokens"],
        "agrees": expected == word,
    }
