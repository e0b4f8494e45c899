"""What a delegated unit has earned: rewards after commission, less what slashing took, nothing of it staked again."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import ColumnElement, Table, func, or_, select

from explorer.index.projections.money import SHARE_SCALE
from explorer.index.writer import place_of
from explorer.views.base import Look, Row
from grail.storage import chain_tables as t

DAYS = (7, 30, 90)
DAY = 86_400


def returns_of(look: Look, neurons: Sequence[str]) -> dict[str, dict[str, float | None]]:
    """By neuron, for each span of `DAYS`: what a unit that was delegated when it began has gained, as a part of it;
    None where there was nothing to delegate to.
    """
    now = _pools(look, neurons, place_of(look.block + 1, 0))
    given = _rewards(look, neurons, place_of(look.block + 1, 0))
    found: dict[str, dict[str, float | None]] = {neuron: {} for neuron in neurons}
    for days in DAYS:
        place = _place_before(look, look.standing["block_time"] - days * DAY)
        before = _pools(look, neurons, place) if place is not None else {}
        had = _rewards(look, neurons, place) if place is not None else {}
        for neuron in neurons:
            value: float | None = None
            if before.get(neuron) and neuron in now:
                gained = Fraction(given.get(neuron, 0) - had.get(neuron, 0), SHARE_SCALE)
                value = float((now[neuron] + gained) / before[neuron] - 1)
            found[neuron][f"days_{days}"] = value
    return found


def _place_before(look: Look, moment: int) -> int | None:
    """The end of the last block with an event at or before a time."""
    block = look.connection.scalar(select(func.max(t.BLOCKS.c.number)).where(t.BLOCKS.c.time <= moment))
    return None if block is None else place_of(block + 1, 0)


def _held_at(table: Table, place: int) -> list[ColumnElement[bool]]:
    return [table.c.since < place, or_(table.c.until.is_(None), table.c.until >= place)]


def _pools(look: Look, neurons: Sequence[str], place: int) -> dict[str, Fraction]:
    """Wei that a share was worth, of pools that had any; nothing where all was slashed."""
    rows = _rows(look, t.POOLS, neurons, place)
    return {row["neuron"]: Fraction(row["stake"], row["shares"]) for row in rows if row["shares"]}


def _rewards(look: Look, neurons: Sequence[str], place: int) -> dict[str, int]:
    return {row["neuron"]: row["per_share"] for row in _rows(look, t.REWARDS, neurons, place)}


def _rows(look: Look, table: Table, neurons: Sequence[str], place: int) -> list[Any]:
    query = select(table).where(table.c.neuron.in_(neurons), *_held_at(table, place))
    return list(look.connection.execute(query).mappings())


def best_known(look: Look, rows: Sequence[Row], most: int) -> list[Row]:
    """Returns of those with most stake."""
    first = sorted(rows, key=lambda row: -row["stake"])[:most]
    found = returns_of(look, [row["neuron"] for row in first])
    names = ("neuron", "role", "stake", "delegated", "commission_bps", "jailed")
    return [{name: row[name] for name in names} | found[row["neuron"]] for row in first]
