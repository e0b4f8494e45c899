"""Objects: content-addressed, bounded, atomic; rows: forgotten exactly from a window on."""

import os

import pytest

from grail.errors import ObjectCorrupt, ObjectMissing, ObjectTooLarge, SettingsError, StorageError
from grail.protocol.hashing import keccak256
from grail.storage import open_store
from grail.storage.database import Database
from grail.storage.file_store import FileStore
from grail.storage.journal import Journal


@pytest.fixture()
def store(tmp_path) -> FileStore:
    return FileStore(tmp_path / "objects")


def test_put_get_exists(store):
    digest = store.put(b"hello")
    assert digest == keccak256(b"hello") == store.put(b"hello")
    assert store.get(digest, 5) == b"hello" and store.exists(digest)


def test_missing_too_large_corrupt(store, tmp_path):
    with pytest.raises(ObjectMissing, match="uploaded"):
        store.get(bytes(32), 10)
    digest = store.put(b"hello")
    with pytest.raises(ObjectTooLarge, match="at most 4"):
        store.get(digest, 4)
    path = tmp_path / "objects" / digest.hex()[:2] / digest.hex()
    path.write_bytes(b"jello")
    with pytest.raises(ObjectCorrupt, match="other bytes"):
        store.get(digest, 5)


def test_a_full_disk_leaves_no_half_object(store, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(StorageError, match="free disk space"):
        store.put(b"big")
    assert [p for p in (tmp_path / "objects").rglob("*") if p.is_file()] == []


def test_unknown_store_urls():
    with pytest.raises(SettingsError, match="file://"):
        open_store("ftp://example")


def test_journal_forgets_from_a_window_on(tmp_path):
    journal = Journal(Database.in_file(tmp_path / "db.sqlite"))
    for window in range(4):
        journal.record("n", "solve", window, {"w": window})
        journal.save_cursor("c", {10 * window: "aa"} | journal.load_cursor("c"))
    journal.record("n", "solve", 1, {"w": "again"})
    journal.forget_from(2, 15)
    assert [journal.note("n", "solve", w) for w in range(4)] == [{"w": 0}, {"w": "again"}, None, None]
    assert sorted(journal.load_cursor("c")) == [0, 10]


def test_a_database_that_cannot_be_opened(tmp_path):
    with pytest.raises(StorageError, match="writable"):
        Database.in_file(tmp_path / "missing" / "db.sqlite")
