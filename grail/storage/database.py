"""Engine and sessions: SQLite in a file (write-ahead log) or PostgreSQL by URL."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Connection, Engine, create_engine, event, make_url
from sqlalchemy.exc import ArgumentError, SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from grail.errors import SettingsError, StorageError
from grail.storage import chain_tables, migrations

BUSY_MILLISECONDS = 10_000
READER_SECONDS = 10.0
STEPS_A_LOOK = 100_000
"""Of SQLite's machine between two looks at the clock."""
POSTGRES = "postgresql+psycopg"
READS_ALONE = (
    "-c default_transaction_read_only=on -c statement_timeout=10s -c default_transaction_isolation=repeatable\\ read"
)
"""Of a reader: it cannot write, no question of its takes for ever, and all of a page is as of one moment."""
REMEDIES = {
    "locked": "another process has it open: one node a folder, on a disk of this machine, no network share",
    "locking protocol": "SQLite needs a disk of this machine, no network share",
    "disk I/O error": "SQLite needs a disk of this machine, no network share; is this one whole?",
    "disk is full": "free disk space, then run again",
    "readonly": "this user may not write there",
    "malformed": "the file is damaged: move it away, the node finds its own acts on the chain again",
    "not a database": "the file is something else: move it away",
    "interrupted": "the question took too long",
}
"""By words of SQLite's reason."""


class Database:
    """One node's rows."""

    def __init__(self, url: str, *, reader: bool = False) -> None:
        """`url`: sqlite:///PATH, sqlite:// (memory) or postgresql://… Brings its tables up to date, but for a `reader`,
        which changes nothing. Raises SettingsError for what is no such URL, StorageError.
        """
        try:
            place = make_url(url)
            if place.drivername in ("postgres", "postgresql"):
                place = place.set(drivername=POSTGRES)
            more = {"connect_args": {"options": READS_ALONE}} if reader and place.drivername == POSTGRES else {}
            self._engine: Engine = create_engine(place, **more)
        except (ArgumentError, ImportError) as error:
            raise SettingsError(
                f"expected a database such as sqlite:///grail.sqlite or postgresql://… ({type(error).__name__})"
            ) from None
        self._place = place.render_as_string(hide_password=True)
        if place.drivername.startswith("sqlite"):
            event.listen(self._engine, "connect", _only_read if reader else _use_write_ahead_log)
            if reader:
                event.listen(self._engine, "before_cursor_execute", _end_in_time)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        with self.writing() as connection:
            self._brought_up(connection, reader=reader)

    def _brought_up(self, connection: Connection, *, reader: bool) -> None:
        known = migrations.revision(connection)
        if known == migrations.newest():
            return
        if reader:
            raise StorageError(
                f"the database {self._place} is at revision {known}, not {migrations.newest()}: start "
                "what writes to it first"
            )
        if known is None:
            chain_tables.META.create_all(connection)
            migrations.stamp(connection, "head")
        else:
            migrations.upgrade(connection)

    @property
    def engine(self) -> Engine:
        """For whole tables at a time."""
        return self._engine

    @classmethod
    def in_file(cls, path: Path) -> "Database":
        """SQLite in `path`."""
        return cls(f"sqlite:///{path}")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: commits at the end, rolls back on any error. Raises StorageError."""
        with self._told(), self._sessions.begin() as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection that reads whole tables. Raises StorageError."""
        with self._told(), self._engine.connect() as connection:
            yield connection

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """A transaction over whole tables: commits at the end, rolls back on any error. Raises StorageError."""
        with self._told(), self._engine.begin() as connection:
            yield connection

    @contextmanager
    def _told(self) -> Iterator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            raise self._failed(error) from error

    def _failed(self, error: SQLAlchemyError) -> StorageError:
        """What happened and what to do; no statement, no values, no password."""
        reason = str(getattr(error, "orig", None) or type(error).__name__).splitlines()[0][:200]
        remedy = next((words for sign, words in REMEDIES.items() if sign in reason), "is it there, and writable?")
        return StorageError(f"the database {self._place} failed ({reason}): {remedy}")

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()


def _only_read(connection: object, _record: object) -> None:
    connection.execute("PRAGMA query_only=ON")  # type: ignore[attr-defined]
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")  # type: ignore[attr-defined]


def _end_in_time(_connection: object, cursor: object, *_statement: object) -> None:
    """No question of a reader takes for ever: SQLite has no time-out of its own."""
    ends = time.monotonic() + READER_SECONDS
    connection = cursor.connection  # type: ignore[attr-defined]
    connection.set_progress_handler(lambda: time.monotonic() > ends, STEPS_A_LOOK)


def _use_write_ahead_log(connection: object, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]
    connection.execute(f"PRAGMA busy_timeout={BUSY_MILLISECONDS}")  # type: ignore[attr-defined]
