"""Engine and sessions: SQLite in a file (write-ahead log) or PostgreSQL by URL."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import Session, sessionmaker

from grail.errors import StorageError
from grail.storage.tables import Base


class Database:
    """One node's rows."""

    def __init__(self, url: str) -> None:
        """`url`: sqlite:///PATH, sqlite:// (memory) or postgresql+psycopg://… Creates missing tables."""
        self._url = url
        self._engine: Engine = create_engine(url)
        if url.startswith("sqlite"):
            event.listen(self._engine, "connect", _use_write_ahead_log)
        self._sessions = sessionmaker(self._engine, expire_on_commit=False)
        try:
            Base.metadata.create_all(self._engine)
        except SQLAlchemyError as error:
            raise StorageError(f"could not open the database {url} ({error}): is the folder writable?") from error

    @classmethod
    def in_file(cls, path: Path) -> "Database":
        """SQLite in `path`."""
        return cls(f"sqlite:///{path}")

    @contextmanager
    def session(self) -> Iterator[Session]:
        """A transaction: commits at the end, rolls back on any error."""
        try:
            with self._sessions.begin() as session:
                yield session
        except SQLAlchemyError as error:
            raise StorageError(f"the database {self._url} failed ({error}): free disk space, then run again") from error

    def close(self) -> None:
        """Release the file."""
        self._engine.dispose()


def _use_write_ahead_log(connection: object, _record: object) -> None:
    connection.execute("PRAGMA journal_mode=WAL")  # type: ignore[attr-defined]
    connection.execute("PRAGMA busy_timeout=10000")  # type: ignore[attr-defined]
