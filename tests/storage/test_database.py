"""What is wrong with a database is said as what it is: no statement, no values, no password."""

import sqlite3

import pytest

from grail.errors import SettingsError, StorageError
from grail.storage import database as module
from grail.storage.database import Database
from grail.storage.journal import Journal


def test_a_locked_file_is_named_as_locked(tmp_path, monkeypatch):
    path = tmp_path / "grail.sqlite"
    journal = Journal(Database.in_file(path))
    monkeypatch.setattr(module, "BUSY_MILLISECONDS", 10)
    waiting = Journal(Database.in_file(path))
    with sqlite3.connect(path) as other:
        other.execute("BEGIN EXCLUSIVE")
        with pytest.raises(StorageError, match=r"is locked.*another process has it open.*no network share") as error:
            waiting.record("me", "duty", 1, {"salt": "secret"})
    assert "INSERT" not in str(error.value) and "secret" not in str(error.value)
    journal.record("me", "duty", 1, {})


@pytest.mark.parametrize(("data", "words"), [(b"not a database at all" * 100, "something else"), (None, "writable")])
def test_another_file_and_a_folder(tmp_path, data, words):
    path = tmp_path / "grail.sqlite"
    if data is None:
        path.mkdir()
    else:
        path.write_bytes(data)
    with pytest.raises(StorageError, match=words):
        Database.in_file(path)


@pytest.mark.parametrize("url", ["", "nonsense", "mysql+none://x", "postgresql+nothing://u:hunter2@host/db"])
def test_what_is_no_database_is_refused_without_its_password(url):
    with pytest.raises(SettingsError, match="sqlite:///") as error:
        Database(url)
    assert "hunter2" not in str(error.value)


def test_passwords_of_databases_are_never_shown():
    for scheme in ("postgres", "postgresql"):
        with pytest.raises((StorageError, SettingsError)) as error:
            Database(f"{scheme}://user:hunter2@127.0.0.1:1/db")
        assert "hunter2" not in str(error.value)
