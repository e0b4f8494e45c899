"""Reading the index: what holds now, what happened, and how old all of it is."""

from collections.abc import Mapping, Sequence
from functools import cache, cached_property
from typing import Any

from sqlalchemy import Connection, Table, func, select

from explorer.index.follow import STANDING
from explorer.index.writer import block_of, held_now
from grail.chain.contract import Contract
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.storage import chain_tables as t

Row = dict[str, Any]
MOST = 500
"""Rows of a list, at most."""
NOBODY = "0x" + "00" * 20
ROLES = {0: "none", 1: "miner", 2: "validator", 3: "trainer"}
FAULTS = {
    0: "contest", 1: "wrong derivation", 2: "work handed in twice", 3: "false rollouts", 4: "false rewards",
    5: "broken structure", 6: "two commitments", 7: "work withheld", 8: "audit not made", 9: "audit not shown",
}  # fmt: skip
WORDS = ("silent", "accept", "reject", "abstain")


@cache
def codec(name: str) -> Contract:
    """Knows a contract's calls, and is connected to nothing."""
    return Contract(None, name, bytes(20))  # type: ignore[arg-type]


class NotThere(Exception):
    """Nothing of that name is in the index; the message says what was looked for."""


class Look:
    """One reading of the index, in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection

    @cached_property
    def standing(self) -> Row:
        """Where the index stands; raises NotThere before its first step."""
        found = self.connection.scalar(select(t.READINGS.c.value).where(t.READINGS.c.name == STANDING))
        if found is None:
            raise NotThere("the index is empty so far: is `grail index` running?")
        return found

    @property
    def block(self) -> int:
        """The last block that was read."""
        return self.standing["block"]

    @cached_property
    def schedule(self) -> Schedule:
        """The network's windows."""
        return Schedule(**self.standing["schedule"])

    @cached_property
    def window(self) -> int | None:
        """The window that runs; None before the first."""
        genesis = self.schedule.genesis
        return int(self.schedule.window_of(BlockNumber(self.block))) if self.block >= genesis else None

    def begins(self, window: int) -> int:
        """A window's first block."""
        return int(self.schedule.start(WindowId(window)))

    @cached_property
    def contracts(self) -> dict[str, str]:
        """Names by address."""
        return {address: name for name, address in self.standing["contracts"].items()}

    @cached_property
    def neurons(self) -> dict[str, Row]:
        """Every registered neuron by its address."""
        rows = self.connection.execute(select(t.NEURONS).where(held_now(t.NEURONS))).mappings()
        return {row["neuron"]: dict(row) for row in rows if row["role"]}

    def name(self, address: str) -> str:
        """What to call an account: a contract's name, a local network's for a neuron, else the address cut short."""
        if address in self.contracts:
            return self.contracts[address]
        endpoint = self.neurons.get(address, {}).get("endpoint", "")
        return endpoint[11:51] if endpoint.startswith("localnet://") else f"{address[:8]}…{address[-4:]}"

    def held(self, table: Table, *where: Any) -> list[Row]:
        """States that hold now."""
        found = self.connection.execute(select(table).where(held_now(table), *where))
        return [dict(row) for row in found.mappings()]

    def facts(self, table: Table, *where: Any, limit: int = MOST, newest: bool = True) -> list[Row]:
        """Facts with their block and time, the newest first."""
        order = table.c.place.desc() if newest else table.c.place
        found = self.connection.execute(select(table).where(*where).order_by(order).limit(limit)).mappings().all()
        return self.dated([dict(row) for row in found])

    def dated(self, rows: Sequence[Mapping[str, Any]], place: str = "place") -> list[Row]:
        """Rows with `block` and `time` of their place."""
        blocks = {block_of(row[place]) for row in rows}
        times = self.times(blocks)
        final = self.standing["final"]
        return [
            {**row, "block": (block := block_of(row[place])), "time": times.get(block), "final": block <= final}
            for row in rows
        ]

    def times(self, blocks: set[int]) -> dict[int, int]:
        """Seconds since 1970 of blocks that hold an event."""
        found: dict[int, int] = {}
        listed = sorted(blocks)
        for first in range(0, len(listed), MOST):
            part = listed[first : first + MOST]
            rows = self.connection.execute(select(t.BLOCKS).where(t.BLOCKS.c.number.in_(part)))
            found |= {row.number: row.time for row in rows}
        return found

    def count(self, table: Table, *where: Any) -> int:
        """How many rows."""
        return int(self.connection.scalar(select(func.count()).select_from(table).where(*where)) or 0)

    def reading(self, name: str, key: str) -> Any:
        """A stored reading; None where it was not taken."""
        where = [t.READINGS.c.name == name, t.READINGS.c.key == key]
        return self.connection.scalar(select(t.READINGS.c.value).where(*where))

    def time_of(self, block: int) -> int:
        """About when a block was or will be made: by the pace of blocks so far."""
        known = self.standing["block_time"]
        return int(known + (block - self.block) * self.pace)

    @cached_property
    def pace(self) -> float:
        """Seconds a block, over all that is known."""
        first = self.connection.execute(select(t.BLOCKS).order_by(t.BLOCKS.c.number).limit(1)).first()
        if first is None or first.number >= self.block:
            return 12.0
        return max(0.05, (self.standing["block_time"] - first.time) / (self.block - first.number))
