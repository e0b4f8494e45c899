"""Follow the chain into the database: events, readings, and what follows from both, a few thousand blocks at a time.

Each step is one transaction with the cursor that it moves: a killed process goes on where it was, with no event twice
and none left out. What a reorganisation takes away is taken back before anything new is written.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import asdict
from typing import Any

from sqlalchemy import Connection, delete, insert, select

from explorer.index import readings
from explorer.index.projections import project
from explorer.index.writer import Writer, place_of
from grail.chain.contract import ChainEvent
from grail.chain.events import Batch, Cursor, EventReader
from grail.chain.subnet import Subnet
from grail.protocol.units import BlockNumber
from grail.storage.chain_tables import BLOCKS, RAW_EVENTS, READINGS
from grail.storage.database import Database
from grail.storage.journal import json_value
from grail.storage.tables import CursorRow
from grail.telemetry.log import get_logger

NAME = "explorer"
BLOCKS_A_STEP = 2_000
PAGE = 1_000
TIMES = ("genesis", "window", "commit", "score", "reveal")
MADE_BY = 3
"""Of the projections: an index that others made is made anew, from the events that it holds."""
STANDING = "standing"
"""The reading that says where the index stands; renewed with every step."""


class _Cursor:
    """Kept with the rows that it tells of, or not at all."""

    def __init__(self, database: Database) -> None:
        with database.reading() as connection:
            row = connection.execute(select(CursorRow.marks).where(CursorRow.name == NAME)).first()
        self.marks: Cursor = {int(block): mark for block, mark in row[0].items()} if row else {}

    def load_cursor(self, name: str) -> Cursor:
        return dict(self.marks)

    def save_cursor(self, name: str, cursor: Cursor) -> None:
        self.marks = dict(cursor)

    def write(self, connection: Connection) -> None:
        marks = {str(block): mark for block, mark in self.marks.items()}
        connection.execute(delete(CursorRow).where(CursorRow.name == NAME))
        connection.execute(insert(CursorRow).values(name=NAME, marks=marks))


class Follower:
    """One index of one network."""

    def __init__(self, subnet: Subnet, database: Database, clock: Callable[[], float] = time.time) -> None:
        self._subnet = subnet
        self._database = database
        self._clock = clock
        self._floors = asdict(subnet.floors())
        self._open()
        with database.reading() as connection:
            before = connection.scalar(select(READINGS.c.value).where(READINGS.c.name == STANDING))
        if before is not None and before.get("made_by") != MADE_BY:
            get_logger().info("the index was made by another version: making it anew from its events")
            rebuild(database)

    def _open(self) -> None:
        self._cursor = _Cursor(self._database)
        subnet = self._subnet
        self._reader = EventReader(subnet.chain, subnet.contracts, subnet.book.first_block, self._cursor, NAME)

    def step(self) -> int:
        """Read on; returns how many blocks are left. Raises ChainError, StorageError: then nothing has changed."""
        whole = False
        try:
            left = self._step()
            whole = True
            return left
        finally:
            if not whole:
                self._open()  # the reader has gone on, the rows have not

    def _step(self) -> int:
        batch = self._reader.read(BLOCKS_A_STEP)
        reached = max(self._cursor.marks, default=self._subnet.book.first_block - 1)
        if batch.rewound_to is not None:
            self._subnet.forget()
        head = self._subnet.chain.head()
        with self._database.writing() as connection:
            writer = Writer(connection)
            if batch.rewound_to is not None:
                writer.rewind(batch.rewound_to)
            self._write(writer, batch)
            self._read(writer, reached)
            self._stand(writer, reached, head.number)
            writer.flush()
            self._cursor.write(connection)
        return max(0, head.number - reached)

    def _write(self, writer: Writer, batch: Batch) -> None:
        if batch.events:
            here = {int(event.block) for event in batch.events}
            known = select(BLOCKS.c.number).where(BLOCKS.c.number.between(min(here), max(here)))
            for number in sorted(here - set(writer.connection.scalars(known))):
                writer.add(BLOCKS, number=number, time=self._subnet.chain.block_time(BlockNumber(number)))
        for event in batch.events:
            write_event(writer, event)

    def _read(self, writer: Writer, reached: int) -> None:
        writer.flush()
        for name, key, block in list(readings.due(writer, self._subnet, reached)):
            value = readings.take(self._subnet, name, key)
            if value is not None:
                writer.connection.execute(insert(READINGS).values(name=name, key=key, block=block, value=value))
                readings.derive(writer, name, key, block, value)

    def _stand(self, writer: Writer, reached: int, head: int) -> None:
        subnet, chain = self._subnet, self._subnet.chain
        schedule = subnet.schedule
        value = {
            "made_by": MADE_BY,
            "block": reached,
            "block_time": chain.block_time(BlockNumber(max(0, reached))),
            "head": head,
            "final": int(min(reached, chain.final_block())),
            "clock": subnet.clock(),
            "at": int(self._clock()),
            "chain_id": chain.chain_id,
            "first_block": int(subnet.book.first_block),
            "contracts": {name: "0x" + address.hex() for name, address in subnet.book.addresses.items()},
            "floors": self._floors,
            "schedule": {name: int(getattr(schedule, name)) for name in TIMES},
        }  # fmt: skip
        writer.connection.execute(delete(READINGS).where(READINGS.c.name == STANDING))
        row = {"name": STANDING, "key": "", "block": subnet.book.first_block - 1, "value": value}
        writer.connection.execute(insert(READINGS).values(row))

    def catch_up(self, notify: Callable[[int], None] = lambda left: None) -> None:
        """Step until nothing is left; `notify` hears how many blocks are."""
        while left := self.step():
            notify(left)


def write_event(writer: Writer, event: ChainEvent) -> None:
    """An event and what it means."""
    fields = {name: json_value(value) for name, value in event.fields.items()}
    place = place_of(event.block, event.index)
    row = {"contract": event.contract, "name": event.name, "fields": fields}
    writer.add(RAW_EVENTS, place=place, block=int(event.block), tx="0x" + event.transaction.hex(), **row)
    project(writer, place, event.contract, event.name, fields)


def rebuild(database: Database, notify: Callable[[int], None] = lambda done: None) -> int:
    """Make all rows anew from the stored events and readings; returns how many events there were."""
    count = 0
    with database.writing() as connection:
        writer = Writer(connection)
        writer.clear()
        for row in _stored(connection):
            project(writer, row["place"], row["contract"], row["name"], row["fields"])
            count += 1
            if count % PAGE == 0:
                notify(count)
        for row in connection.execute(select(READINGS).order_by(READINGS.c.block)).mappings().all():
            readings.derive(writer, row["name"], row["key"], row["block"], row["value"])
        writer.flush()
    return count


def _stored(connection: Connection) -> Iterator[Any]:
    """All stored events in order, a page at a time."""
    last = -1
    while True:
        page = select(RAW_EVENTS).where(RAW_EVENTS.c.place > last).order_by(RAW_EVENTS.c.place).limit(PAGE)
        rows = connection.execute(page).mappings().all()
        if not rows:
            return
        yield from rows
        last = rows[-1]["place"]
