"""Facts and states in one transaction; and back to an earlier block. Knows no event."""

from collections import defaultdict
from collections.abc import Mapping
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, bindparam, delete, insert, null, select, update

from grail.storage.chain_tables import (
    BLOCKS,
    FACTS,
    KEYS,
    PAUSED,
    PAYOUTS,
    PLACE_BITS,
    RAW_EVENTS,
    READINGS,
    SEATS,
    STATES,
)

Row = dict[str, Any]
Key = tuple[Any, ...]
SWITCH = ("all",)
"""Key of the one state of pauses."""
FULL = 5_000
"""Rows that are gathered before they are written."""


def place_of(block: int, index: int) -> int:
    """Where an event stands among all. Raises ValueError for more events than a block can hold."""
    if not 0 <= index < 1 << PLACE_BITS:
        raise ValueError(f"expected an event's number below 2^{PLACE_BITS}, got {index}")
    return (block << PLACE_BITS) + index


def block_of(place: int) -> int:
    """The block of a place."""
    return place >> PLACE_BITS


class Writer:
    """One transaction's work, gathered and written in bulk. What holds now is read once a key, then known."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._added: dict[Table, list[Row]] = defaultdict(list)
        self._ended: dict[Table, list[Row]] = defaultdict(list)
        self._held: dict[str, dict[Key, Row | None]] = defaultdict(dict)
        self._unwritten: dict[str, set[Key]] = defaultdict(set)
        """States whose newest row is gathered, and can still be changed."""
        self._gathered = 0

    def add(self, table: Table, **values: Any) -> None:
        """A fact, or any row that nothing replaces."""
        self._gather(self._added, table, {name: _kept(value) for name, value in values.items()})

    def now(self, table: Table, *key: Any) -> Row | None:
        """The values that hold of a state; None where it has none."""
        held = self._held[table.name]
        if key not in held:
            where = [table.c[name] == value for name, value in zip(KEYS[table.name], key, strict=True)]
            found = self.connection.execute(select(table).where(*where, held_now(table))).mappings().first()
            held[key] = None if found is None else dict(found)
        return held[key]

    def hold(self, place: int, table: Table, key: Key, **values: Any) -> None:
        """From this place on a state has these values; those not named stay as they are. A new state needs all."""
        before, values = self.now(table, *key), {name: _kept(value) for name, value in values.items()}
        if before is not None and all(before[name] == value for name, value in values.items()):
            return
        names = dict(zip(KEYS[table.name], key, strict=True))
        row = {**(before or {}), **values, **names, "since": place, "until": None}
        if before is not None and before["since"] == place:  # one event changes it twice
            self._again(table, key, before, values)
            return
        if before is not None and key in self._unwritten[table.name]:
            before["until"] = place
        elif before is not None:
            which = {f"of_{name}": value for name, value in names.items()}
            self._gather(self._ended, table, {**which, "of_since": before["since"], "ends": place})
        self._gather(self._added, table, row)
        self._held[table.name][key] = row
        self._unwritten[table.name].add(key)

    def _again(self, table: Table, key: Key, row: Row, values: Row) -> None:
        row.update(values)
        if key not in self._unwritten[table.name]:
            where = [table.c[name] == row[name] for name in (*KEYS[table.name], "since")]
            self.connection.execute(update(table).where(*where).values(values))

    def _gather(self, to: dict[Table, list[Row]], table: Table, row: Row) -> None:
        self._gathered += 1
        if self._gathered > FULL:
            self.flush()
            self._gathered = 1
        to[table].append(row)

    def flush(self) -> None:
        """Write what was gathered."""
        for table, rows in self._ended.items():
            names = (*KEYS[table.name], "since")
            where = [table.c[name] == bindparam(f"of_{name}") for name in names]
            self.connection.execute(update(table).where(*where).values(until=bindparam("ends")), rows)
        for table, rows in self._added.items():
            self.connection.execute(insert(table), rows)
        for gathered in (self._ended, self._added, self._unwritten):
            gathered.clear()
        self._gathered = 0

    def rewind(self, block: int) -> None:
        """Forget everything above a block."""
        self.flush()
        self._held.clear()
        above = place_of(block + 1, 0)
        run = self.connection.execute
        for table in FACTS:
            run(delete(table).where(table.c.place >= above))
        for table in STATES.values():
            run(delete(table).where(table.c.since >= above))
            run(update(table).where(table.c.until >= above).values(until=null()))
        for table in (RAW_EVENTS, READINGS, SEATS, PAYOUTS):
            run(delete(table).where(table.c.block > block))
        run(delete(BLOCKS).where(BLOCKS.c.number > block))

    def clear(self) -> None:
        """Forget all that follows from events and readings."""
        self.flush()
        self._held.clear()
        for table in (*FACTS, *STATES.values(), SEATS, PAYOUTS):
            self.connection.execute(delete(table))


def clock_at(writer: Writer, block: int) -> int:
    """Blocks up to this one, the newest written, without the paused ones: the vault's clock."""
    last = writer.now(PAUSED, *SWITCH)
    if last is None:
        return block
    return block - last["before"] - (min(block, last["until_block"]) - last["first"])


def commission_of(neuron: Mapping[str, Any], clock: int) -> int:
    """A neuron's commission that holds at a clock time, in basis points."""
    return int(neuron["next_commission"] if clock >= neuron["commission_from"] else neuron["commission"])


def worth(shares: int, pool: Mapping[str, Any]) -> int:
    """What shares of a pool are worth in wei, as the vault rounds it."""
    return shares * pool["stake"] // pool["shares"] if pool["shares"] else 0


def _kept(value: Any) -> Any:
    """Text without NUL, which PostgreSQL refuses; what is kept as JSON may have it."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def held_now(table: Table) -> ColumnElement[bool]:
    """The condition that a state holds."""
    return table.c.until.is_(None)
