"""Versions of the weights: what worked on each, and what their trainers say of the updates that made them."""

from collections import Counter
from math import sqrt
from typing import Any

from sqlalchemy import and_, func, select

from explorer.index.reports import NONE
from explorer.views.base import Look, NotThere, Row
from explorer.views.claims import STATES
from grail.protocol.reports import MICRO_UNIT
from grail.storage import chain_tables as t

VERSIONS = 100
"""Of a page, the newest."""
SURE = 1.96
"""Standard errors on both sides that hold the mean in 19 cases of 20."""
CURVES = {
    "reward": "mean reward", "length": "tokens an answer", "entropy": "entropy in nats",
    "kl": "KL to the version before",
    "gradient_norm": "norm of the gradient", "canary_margin": "right against wrong answers held out, in nats",
}  # fmt: skip


def training(look: Look) -> Row:
    """Versions, the newest first, what worked on each, and curves over those whose trainers say something."""
    rows = look.facts(t.CHECKPOINTS, limit=VERSIONS)
    table, used, groups = t.COMMITMENTS, Counter[int](), Counter[int]()
    query = select(table.c.version, func.count(), func.sum(table.c.groups)).group_by(table.c.version)
    query = query.where(table.c.window >= min((row["active_from"] for row in rows), default=0))
    for version, count, total in look.connection.execute(query):
        used[version], groups[version] = count, int(total)
    said = _said(look)
    versions = [
        {**row, "submissions": used[row["version"]], "groups": groups[row["version"]],
         **_in_short(said.get(row["version"]))}
        for row in rows
    ]  # fmt: skip
    curves = _curves({row["version"]: said.get(row["version"]) for row in rows})
    return {"versions": versions, "curves": curves, "points": _table(curves)}


def version(look: Look, number: int) -> Row:
    """One version: where it comes from, and all that its trainer says. Raises NotThere."""
    found = look.facts(t.CHECKPOINTS, t.CHECKPOINTS.c.version == number)
    if not found:
        raise NotThere(f"no version {number} is published")
    report = _said(look, t.CHECKPOINTS.c.version == number).get(number)
    said = report["said"] if report else {}
    parent = "0x" + said["parent"] if said else None
    before = [] if parent is None else look.facts(t.CHECKPOINTS, t.CHECKPOINTS.c.fingerprint == parent, limit=1)
    return {
        **found[0],
        **_in_short(report),
        "parent": parent,
        "parent_version": before[0]["version"] if before else None,
        "learnt_from": said.get("window"),
        "numbers": [{"name": n, "value": value / MICRO_UNIT} for n, value in sorted(said.get("numbers", {}).items())],
        "dropped": [{"reason": name, "groups": count} for name, count in sorted(said.get("dropped", {}).items())],
        "rewards": [{"environment": e, "reward": r / MICRO_UNIT} for e, r in sorted(said.get("rewards", {}).items())],
        "samples": [
            {**one, "reward": one["reward"] / MICRO_UNIT, "margin": one["margin"] / MICRO_UNIT}
            for one in said.get("samples", ())
        ],
    }  # fmt: skip


def _said(look: Look, *where: Any) -> dict[int, Row]:
    """Reports by version, of the newest versions."""
    made, known = t.CHECKPOINTS, t.TRAINING_REPORTS
    joined = and_(known.c.version == made.c.version, known.c.manifest == made.c.manifest)
    query = select(made.c.version, known.c.state, known.c.said).join(known, joined).where(*where)
    found = look.connection.execute(query.order_by(made.c.place.desc()).limit(VERSIONS)).mappings()
    return {row["version"]: dict(row) for row in found}


def _in_short(report: Row | None) -> Row:
    """The state of a report in words, and of what it says the mean reward."""
    if report is None:
        return {"report": STATES[None], "reward": None, "error": None}
    words = "came without a report" if report["state"] == NONE else STATES[report["state"]]
    numbers = report["said"].get("numbers", {})
    reward = numbers.get("reward")
    return {"report": words, "reward": None if reward is None else reward / MICRO_UNIT, "error": _error(numbers)}


def _error(numbers: dict[str, int]) -> float | None:
    """What the mean reward may be off by, from how much rewards spread."""
    rollouts, spread = numbers.get("rollouts", 0) / MICRO_UNIT, numbers.get("spread", 0) / MICRO_UNIT
    return SURE * spread / sqrt(rollouts) if rollouts >= 1 else None


def _table(curves: list[Row]) -> list[Row]:
    """The points of all curves, a row for each version: what stands behind the pictures."""
    rows: dict[int, Row] = {}
    for curve in curves:
        for point in curve["points"]:
            rows.setdefault(point["version"], {"version": point["version"]} | {c["name"]: None for c in curves})
            rows[point["version"]][curve["name"]] = point["value"]
    return [rows[number] for number in sorted(rows, reverse=True)]


def _curves(said: dict[int, Row | None]) -> list[Row]:
    """Of each number its points, the oldest version first: version, value, and low and high where that is known."""
    curves = []
    for name, words in CURVES.items():
        points = []
        for number, report in sorted(said.items()):
            numbers = report["said"].get("numbers", {}) if report else {}
            if name in numbers:
                value, error = numbers[name] / MICRO_UNIT, (_error(numbers) or 0.0) if name == "reward" else 0.0
                points.append({"version": number, "value": value, "low": value - error, "high": value + error})
        if len(points) > 1:
            curves.append({"name": name, "words": words, "points": points})
    return curves
