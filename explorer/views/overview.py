"""The network at a glance; a list of all that happened; where a search leads."""

from collections import Counter
from typing import Any

from explorer.views.base import FAULTS, ROLES, Look, NotThere, Row
from explorer.views.windows import windows
from grail.protocol.units import WindowId
from grail.storage import chain_tables as t

EVENTS_A_PAGE = 100
QUIET = ("Transfer", "Approval", "PoolChanged", "SharesChanged", "DelegateVotesChanged", "ParameterSet")
"""What others tell in other words."""
PAST_WINDOWS = 40


def overview(look: Look) -> Row:
    """Is it alive, what happens now, what happened last."""
    roles = Counter(ROLES[row["role"]] for row in look.neurons.values() if not row["jailed"])
    jailed = sum(row["jailed"] for row in look.neurons.values())
    version = look.facts(t.CHECKPOINTS, limit=1)
    cases = look.held(t.CASES)
    motions = look.held(t.MOTIONS)
    shown = windows(look)["windows"][:PAST_WINDOWS]
    return {
        "window": look.window,
        "genesis": look.schedule.genesis,
        "genesis_about": look.time_of(look.schedule.genesis),
        "phase": _phase(look, shown[0]) if shown else None,
        "paused_until": _paused(look),
        "roles": {role: roles.get(role, 0) for role in ("miner", "validator", "trainer")},
        "jailed": jailed,
        "version": version[0] if version else None,
        "open_cases": sum(row["stage"] != "closed" for row in cases),
        "open_motions": sum(row["stage"] in ("open", "queued") for row in motions),
        "windows": shown,
        "convictions": [{**row, "fault": FAULTS[row["kind"]]} for row in look.facts(t.CONVICTIONS, limit=10)],
        "events": look.facts(t.RAW_EVENTS, t.RAW_EVENTS.c.name.not_in(QUIET), limit=12),
    }


def _phase(look: Look, latest: Row) -> Row:
    schedule, number = look.schedule, latest["window"]
    this = WindowId(number)
    ends = {
        "mining": int(schedule.commit_deadline(this)), "auditing": int(schedule.score_deadline(this)),
        "revealing": int(schedule.reveal_deadline(this)),
    }  # fmt: skip
    end = ends.get(latest["stage"], look.begins(number + 1))
    return {"word": latest["stage"], "ends": end, "about": look.time_of(end), "next_window": look.begins(number + 1)}


def _paused(look: Look) -> int | None:
    last = look.facts(t.PAUSES, limit=1)
    return last[0]["until_block"] if last and last[0]["until_block"] > look.block else None


def events(
    look: Look,
    before: int | None = None,
    contract: str | None = None,
    name: str | None = None,
    block: int | None = None,
) -> Row:
    """Events as they stand on chain, the newest first; `before`: a place."""
    table = t.RAW_EVENTS
    where: list[Any] = [] if before is None else [table.c.place < before]
    where += [table.c.contract == contract] if contract else []
    where += [table.c.name == name] if name else []
    where += [table.c.block == block] if block is not None else []
    rows = look.facts(table, *where, limit=EVENTS_A_PAGE)
    return {
        "events": rows, "contract": contract, "name": name, "block": block,
        "next": rows[-1]["place"] if len(rows) == EVENTS_A_PAGE else None,
    }  # fmt: skip


def transaction(look: Look, tx: str) -> Row:
    """The events of one transaction. Raises NotThere."""
    rows = look.facts(t.RAW_EVENTS, t.RAW_EVENTS.c.tx == tx, newest=False)
    if not rows:
        raise NotThere(f"no event of a transaction {tx}")
    return {"tx": tx, "events": rows}


def search(look: Look, query: str) -> Row:
    """Where a text leads: `to` is a page's path. Raises NotThere."""
    text = query.strip().lower()
    hexadecimal = text[2:] if text.startswith("0x") else ""
    if len(hexadecimal) == 40 and all(c in "0123456789abcdef" for c in hexadecimal):
        return {"to": f"/neurons/{text}" if text in look.neurons else f"/accounts/{text}"}
    if len(hexadecimal) == 64:
        if look.count(t.RAW_EVENTS, t.RAW_EVENTS.c.tx == text):
            return {"to": f"/tx/{text}"}
        versions = look.facts(t.CHECKPOINTS, (t.CHECKPOINTS.c.fingerprint == text) | (t.CHECKPOINTS.c.manifest == text))
        if versions:
            return {"to": f"/training#v{versions[0]['version']}"}
    if text.removeprefix("window ").isdigit() and look.window is not None:
        number = int(text.removeprefix("window "))
        if number <= look.window:
            return {"to": f"/windows/{number}"}
    if text.isdigit() and len(text) >= 6 and [r for r in look.held(t.MOTIONS) if r["number"].startswith(text)]:
        return {"to": f"/votes/{text}"}
    named = [address for address in look.neurons if look.name(address).lower() == text]
    if named:
        return {"to": f"/neurons/{named[0]}"}
    raise NotThere(
        f"nothing here is called {query[:80]!r}: an address, a window, a transaction, a motion, a fingerprint"
    )
