"""Facts and states in one transaction; and back to an earlier block. Knows no event."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, Connection, Table, delete, insert, null, select, update

from grail.storage.chain_tables import BLOCKS, FACTS, KEYS, PAYOUTS, PLACE_BITS, RAW_EVENTS, READINGS, SEATS, STATES

FULL = 500
"""Rows of a fact that are gathered before they are written."""


def place_of(block: int, index: int) -> int:
    """Where an event stands among all. Raises ValueError for more events than a block can hold."""
    if not 0 <= index < 1 << PLACE_BITS:
        raise ValueError(f"expected an event's number below 2^{PLACE_BITS}, got {index}")
    return (block << PLACE_BITS) + index


def block_of(place: int) -> int:
    """The block of a place."""
    return place >> PLACE_BITS


class Writer:
    """One transaction's work. What holds now is read once a key, then known."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._waiting: dict[Table, list[dict[str, Any]]] = defaultdict(list)
        self._held: dict[str, dict[tuple[Any, ...], dict[str, Any] | None]] = defaultdict(dict)

    def add(self, table: Table, **values: Any) -> None:
        """A fact, or any row that nothing replaces."""
        waiting = self._waiting[table]
        waiting.append({name: _kept(value) for name, value in values.items()})
        if len(waiting) >= FULL:
            self._write(table)

    def now(self, table: Table, *key: Any) -> dict[str, Any] | None:
        """The values that hold of a state; None where it has none."""
        held = self._held[table.name]
        if key not in held:
            where = [table.c[name] == value for name, value in zip(KEYS[table.name], key, strict=True)]
            found = self.connection.execute(select(table).where(*where, table.c.until.is_(None))).mappings().first()
            held[key] = None if found is None else dict(found)
        return held[key]

    def hold(self, place: int, table: Table, key: Sequence[Any], **values: Any) -> None:
        """From this place on a state has these values; those not named stay as they are. A new state needs all."""
        before, values = self.now(table, *key), {name: _kept(value) for name, value in values.items()}
        names = dict(zip(KEYS[table.name], key, strict=True))
        if before is not None and all(before[name] == value for name, value in values.items()):
            return
        row = {**(before or {}), **values, **names, "since": place, "until": None}
        where = [table.c[name] == value for name, value in names.items()]
        if before is not None and before["since"] == place:  # an event that changes one state twice
            self.connection.execute(update(table).where(*where, table.c.since == place).values(values))
        else:
            if before is not None:
                ended = update(table).where(*where, table.c.since == before["since"]).values(until=place)
                self.connection.execute(ended)
            self.connection.execute(insert(table).values(row))
        self._held[table.name][tuple(key)] = row

    def flush(self) -> None:
        """Write what was gathered."""
        for table in list(self._waiting):
            self._write(table)

    def _write(self, table: Table) -> None:
        rows = self._waiting.pop(table, [])
        if rows:
            self.connection.execute(insert(table), rows)

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


def _kept(value: Any) -> Any:
    """Text without NUL, which PostgreSQL refuses; what is kept as JSON may have it."""
    return value.replace("\0", "\ufffd") if isinstance(value, str) else value


def held_now(table: Table) -> ColumnElement[bool]:
    """The condition that a state holds."""
    return table.c.until.is_(None)
