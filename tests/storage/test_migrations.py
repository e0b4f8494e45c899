"""Every earlier database is brought up to date in place, on both engines, and ends with the tables of the program."""

import io
from contextlib import redirect_stdout

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine, inspect, text

from grail.errors import StorageError
from grail.storage import chain_tables, migrations
from grail.storage import database as database_module
from grail.storage.columns import Wei
from grail.storage.database import Database
from grail.storage.journal import Journal

REVISIONS = [script.revision for script in ScriptDirectory.from_config(migrations.config()).walk_revisions()][::-1]
DONE = "INSERT INTO done (neuron, duty, \"window\", note) VALUES ('0xaa', 'solve', 3, '{\"salt\": \"0x01\"}')"


def engine_of(url: str):
    return create_engine(url.replace("postgresql://", "postgresql+psycopg://"))


def test_the_history_is_one_line():
    scripts = ScriptDirectory.from_config(migrations.config())
    assert len(scripts.get_heads()) == 1 and len(scripts.get_bases()) == 1 and len(REVISIONS) >= 3


@pytest.mark.parametrize("stamped", [True, False])
@pytest.mark.parametrize("start", REVISIONS)
def test_from_every_revision_rows_are_kept_and_the_tables_are_the_programs(empty_url, start, stamped):
    engine = engine_of(empty_url)
    with engine.begin() as connection:
        migrations.upgrade(connection, start)
        connection.execute(text(DONE))
        if not stamped and start in (migrations.BASE, migrations.DEPOSITS):  # made before there were revisions
            connection.execute(text("DROP TABLE alembic_version"))
    journal = Journal(Database(empty_url))
    assert journal.note("0xaa", "solve", 3) == {"salt": "0x01"}
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, chain_tables.META) == []
        assert migrations.revision(connection) == REVISIONS[-1]


def test_a_new_database_has_the_same_tables(empty_url):
    Database(empty_url)
    with engine_of(empty_url).connect() as connection:
        assert compare_metadata(MigrationContext.configure(connection), chain_tables.META) == []
        assert migrations.revision(connection) == REVISIONS[-1]


@pytest.mark.parametrize("dialect", ["sqlite", "postgresql"])
def test_sql_for_administrators_who_run_it_themselves(dialect):
    config = migrations.config()
    config.set_main_option("dialect", dialect)
    out = io.StringIO()
    config.output_buffer = out
    with redirect_stdout(out):
        command.upgrade(config, "head", sql=True)
    assert "CREATE TABLE chain_events" in out.getvalue() and "CREATE TABLE done" in out.getvalue()


def test_a_reader_changes_nothing_and_asks_for_the_writer(empty_url):
    with pytest.raises(StorageError, match="start what writes to it"):
        Database(empty_url, reader=True)
    Database(empty_url)
    reader = Database(empty_url, reader=True)
    with pytest.raises(StorageError), reader.session() as session:
        session.execute(text(DONE))


@pytest.mark.parametrize("value", [0, 1, 10**18, 2**63, 2**255 + 1, 2**256 - 1])
def test_amounts_are_exact_and_ordered_on_both_engines(empty_url, value):
    database, table = Database(empty_url), chain_tables.BALANCES
    with database.engine.begin() as connection:
        for place, amount in enumerate((value, 5, 2**200)):
            row = {"account": f"0x{place}", "amount": amount, "since": place, "until": None}
            connection.execute(table.insert().values(row))
        assert sorted([value, 5, 2**200]) == list(
            connection.scalars(table.select().with_only_columns(table.c.amount).order_by(table.c.amount))
        )
    with pytest.raises(ValueError, match="256 bits"):
        Wei().process_bind_param(-1, engine_of(empty_url).dialect)
    assert "alembic_version" in inspect(engine_of(empty_url)).get_table_names()


def test_no_question_of_a_reader_takes_for_ever(empty_url, monkeypatch):
    monkeypatch.setattr(database_module, "READER_SECONDS", 0.2)
    Database(empty_url)
    endless = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT max(i) FROM n"
    if empty_url.startswith("postgresql"):
        monkeypatch.setattr(
            database_module, "READS_ALONE", database_module.READS_ALONE.replace("timeout=10s", "timeout=200ms")
        )
    reader = Database(empty_url, reader=True)
    with pytest.raises(StorageError, match=r"interrupted|timeout"), reader.reading() as connection:
        connection.execute(text(endless)).all()
    with reader.reading() as connection:
        assert connection.execute(text("SELECT 1")).scalar() == 1
