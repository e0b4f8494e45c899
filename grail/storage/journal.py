"""What a node did in a window, so that a restart repeats nothing and loses nothing."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from sqlalchemy import delete, select

from grail.storage.database import Database
from grail.storage.tables import CursorRow, Done, DraftRow, EventRow, VerdictRow


class DecodedEvent(Protocol):
    """A chain event as the journal keeps it."""

    @property
    def contract(self) -> str:
        """Contract name."""
        ...

    @property
    def name(self) -> str:
        """Event name."""
        ...

    @property
    def fields(self) -> dict[str, Any]:
        """Arguments by name."""
        ...

    @property
    def block(self) -> int:
        """Block number."""
        ...

    @property
    def index(self) -> int:
        """Place of the log in its block."""
        ...


class Journal:
    """Typed reading and writing of the tables for one or many neurons of a process."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # Duties

    def note(self, neuron: str, duty: str, window: int) -> dict[str, Any] | None:
        """What was remembered when the duty was done; None when it is not done."""
        with self._database.session() as session:
            row = session.scalar(select(Done).filter_by(neuron=neuron, duty=duty, window=window))
            return None if row is None else dict(row.note)

    def notes(self, duty: str) -> list[tuple[int, dict[str, Any]]]:
        """(window, note) of a duty, in the order of windows, whoever did it."""
        with self._database.session() as session:
            rows = session.scalars(select(Done).filter_by(duty=duty).order_by(Done.window))
            return [(row.window, dict(row.note)) for row in rows]

    def record(self, neuron: str, duty: str, window: int, note: dict[str, Any]) -> None:
        """Mark a duty done; a second record replaces the note."""
        with self._database.session() as session:
            session.execute(delete(Done).filter_by(neuron=neuron, duty=duty, window=window))
            session.add(Done(neuron=neuron, duty=duty, window=window, note=note))

    def forget(self, neuron: str, duty: str, window: int) -> None:
        """Mark a duty as not done."""
        with self._database.session() as session:
            session.execute(delete(Done).filter_by(neuron=neuron, duty=duty, window=window))

    # Drafts

    def keep_draft(self, miner: str, key: bytes, made: bytes) -> None:
        """Store a finished group under its key."""
        with self._database.session() as session:
            session.merge(DraftRow(miner=miner, key=key.hex(), made=made))

    def draft(self, miner: str, key: bytes) -> bytes | None:
        """A group that was finished before; None when it was not."""
        with self._database.session() as session:
            row = session.get(DraftRow, (miner, key.hex()))
            return None if row is None else row.made

    def forget_drafts(self, miner: str) -> None:
        """Drop all of a miner's drafts."""
        with self._database.session() as session:
            session.execute(delete(DraftRow).filter_by(miner=miner))

    # Verdicts

    def add_verdict(self, **fields: Any) -> None:
        """Store an audit's outcome; a retried audit replaces the earlier one."""
        place = {name: fields[name] for name in ("validator", "window", "miner")}
        with self._database.session() as session:
            session.execute(delete(VerdictRow).filter_by(**place))
            session.add(VerdictRow(**fields))

    def verdicts(self, window: int | None = None) -> list[VerdictRow]:
        """All verdicts, or those of one window."""
        query = select(VerdictRow).order_by(VerdictRow.id)
        if window is not None:
            query = query.filter_by(window=window)
        with self._database.session() as session:
            return list(session.scalars(query))

    # Chain events

    def add_events(self, events: Iterable[DecodedEvent], rewound_to: int | None) -> None:
        """Append decoded events, after dropping those of blocks that a reorganisation took away."""
        with self._database.session() as session:
            if rewound_to is not None:
                session.execute(delete(EventRow).where(EventRow.block > rewound_to))
            for event in events:
                fields = {name: json_value(value) for name, value in event.fields.items()}
                row = EventRow(
                    block=event.block, log_index=event.index, contract=event.contract, name=event.name, fields=fields
                )
                session.add(row)

    def events(self, name: str | None = None) -> list[EventRow]:
        """Stored events in chain order, of one name or all."""
        query = select(EventRow).order_by(EventRow.block, EventRow.log_index)
        if name is not None:
            query = query.filter_by(name=name)
        with self._database.session() as session:
            return list(session.scalars(query))

    def load_cursor(self, name: str) -> dict[int, str]:
        """An event reader's stored cursor, block → hash; empty when new."""
        with self._database.session() as session:
            row = session.get(CursorRow, name)
            return {int(block): value for block, value in row.marks.items()} if row else {}

    def save_cursor(self, name: str, cursor: dict[int, str]) -> None:
        """Keep it."""
        with self._database.session() as session:
            session.merge(CursorRow(name=name, marks={str(block): value for block, value in cursor.items()}))

    # Resuming

    def forget_from(self, window: int, block: int) -> None:
        """Drop everything of windows >= `window` and events above `block`: the state of the last settled window."""
        with self._database.session() as session:
            session.execute(delete(Done).where(Done.window >= window))
            session.execute(delete(VerdictRow).where(VerdictRow.window >= window))
            session.execute(delete(EventRow).where(EventRow.block > block))
            for row in session.scalars(select(CursorRow)):
                row.marks = {number: value for number, value in row.marks.items() if int(number) <= block}


def json_value(value: Any) -> Any:
    """Bytes as 0x hex; integers beyond 53 bits as decimal strings, so that no JSON reader rounds them."""
    if isinstance(value, bytes):
        return "0x" + value.hex()
    if isinstance(value, Mapping):
        return {name: json_value(part) for name, part in value.items()}
    if isinstance(value, list | tuple):
        return [json_value(part) for part in value]
    if isinstance(value, int) and not isinstance(value, bool) and abs(value) >= 1 << 53:
        return str(value)
    return value
