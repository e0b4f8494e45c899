"""The schema's history, one line of revisions: `upgrade` brings a database to the newest.

A new revision: a file in versions/ that names its predecessor; tests/storage/test_migrations.py compares the result
with the tables.
"""

from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, inspect

BASE, DEPOSITS = "0001", "0002"
"""Revisions of databases that were made before there were any."""


def config(connection: Connection | None = None) -> Config:
    """Alembic's settings for our revisions."""
    found = Config()
    found.set_main_option("script_location", str(Path(__file__).parent))
    found.attributes["connection"] = connection
    return found


def newest() -> str:
    """The revision that this version of the program works with."""
    head = ScriptDirectory.from_config(config()).get_current_head()
    assert head is not None
    return head


def revision(connection: Connection) -> str | None:
    """A database's revision: None where it is empty."""
    found = MigrationContext.configure(connection).get_current_revision()
    if found is not None:
        return found
    tables = inspect(connection).get_table_names()
    return (DEPOSITS if "deposits" in tables else BASE) if "done" in tables else None


def stamp(connection: Connection, to: str) -> None:
    """Note a database's revision, change nothing else."""
    command.stamp(config(connection), to)


def upgrade(connection: Connection, to: str = "head") -> None:
    """Go through all revisions up to one."""
    known = revision(connection)
    if known is not None:
        stamp(connection, known)
    command.upgrade(config(connection), to)
