"""What a delegated unit has earned: rewards after commission, less what slashing took, nothing of it staked again."""

from collections.abc import Sequence
from fractions import Fraction
from typing import Any

from sqlalchemy import Table, select

from explorer.index.projections.money import SHARE_SCALE
from explorer.index.writer import held_now, place_of
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
    blocks = t.BLOCKS
    query = select(blocks.c.number).where(blocks.c.time <= moment)
    block = look.connection.scalar(query.order_by(blocks.c.time.desc(), blocks.c.number.desc()).limit(1))
    return None if block is None else place_of(block + 1, 0)


def _pools(look: Look, neurons: Sequence[str], place: int) -> dict[str, Fraction]:
    """Wei that a share was worth, of pools that had any; nothing where all was slashed."""
    rows = _rows(look, t.POOLS, neurons, place)
    return {row["neuron"]: Fraction(row["stake"], row["shares"]) for row in rows if row["shares"]}


def _rewards(look: Look, neurons: Sequence[str], place: int) -> dict[str, int]:
    return {row["neuron"]: row["per_share"] for row in _rows(look, t.REWARDS, neurons, place)}


def _rows(look: Look, table: Table, neurons: Sequence[str], place: int) -> list[Any]:
    """States that held before a place: by the key of each neuron's last one, not through its past."""
    now = select(table.c.neuron).where(table.c.neuron.in_(neurons), held_now(table)).subquery()
    past = table.alias()
    last = select(past.c.since).where(past.c.neuron == now.c.neuron, past.c.since < place)
    newest = last.order_by(past.c.since.desc()).limit(1).correlate(now).scalar_subquery()
    query = select(table).join(now, table.c.neuron == now.c.neuron).where(table.c.since == newest)
    return list(look.connection.execute(query).mappings())


def best_known(look: Look, rows: Sequence[Row], most: int) -> list[Row]:
    """Returns of those with most stake."""
    first = sorted(rows, key=lambda row: -row["stake"])[:most]
    found = returns_of(look, [row["neuron"] for row in first])
    names = ("neuron", "role", "stake", "delegated", "commission_bps", "jailed")
    return [{name: row[name] for name in names} | found[row["neuron"]] for row in first]
