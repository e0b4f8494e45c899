"""Relays on this machine: everything arrives whole, the origin works once, liars and the dead are dropped."""

from contextlib import ExitStack

import httpx
import pytest
from fastapi import FastAPI, Response
from typer.testing import CliRunner

from benchmarks.relays import distribution, served
from grail.checkpoints.fetch import CheckpointCache
from grail.checkpoints.files import open_checkpoint
from grail.checkpoints.manifest import CHUNK_BYTES, Manifest, ManifestEntry, chunk_bytes, read_entry, upload
from grail.errors import BadCheckpoint, ObjectMissing, ObjectTooLarge, SettingsError, StorageError
from grail.protocol.hashing import keccak256
from grail.storage import open_store
from grail.storage.file_store import FileStore
from grail.storage.relay_server import relay_app
from grail.storage.relays import Relay, RelayReader
from neurons.cli import app

CHUNKS = [bytes([i]) * 20_000 for i in range(12)]


@pytest.fixture
def tree(tmp_path):
    """An origin that holds the chunks, and three relays behind it: (origin's URL, relays' URLs)."""
    with ExitStack() as stack:
        store = FileStore(tmp_path / "origin")
        for chunk in CHUNKS:
            store.put(chunk)
        origin = stack.enter_context(served(relay_app(store)))
        mirrors = [
            stack.enter_context(served(relay_app(FileStore(tmp_path / f"relay-{n}"), RelayReader([origin]))))
            for n in range(3)
        ]
        yield origin, mirrors


def wanted():
    return [(keccak256(chunk), len(chunk)) for chunk in CHUNKS]


def test_everything_arrives_in_order_and_the_origin_uploads_each_chunk_at_most_twice(tree):
    origin, mirrors = tree
    for _ in range(3):
        assert list(RelayReader(mirrors).get_many(wanted())) == CHUNKS
    uploads = httpx.get(f"{origin}/health").json()["uploads"]
    assert set(uploads) == {digest.hex() for digest, _ in wanted()} and max(uploads.values()) <= 2


def liar() -> FastAPI:
    lies = FastAPI()
    lies.get("/objects/{name}")(lambda name: Response(b"something else"))
    return lies


def test_a_lying_and_a_dead_relay_are_dropped_and_everything_arrives(tree):
    _, mirrors = tree
    with served(liar()) as lies:
        reader = RelayReader([lies, "http://127.0.0.1:9", *mirrors])
        assert list(reader.get_many(wanted())) == CHUNKS
        assert reader.relays[0].lies >= 1 and reader.relays[1].failures >= 1
        assert all(relay.delivered for relay in reader.relays[2:]) and reader.relays[2].bytes_per_second > 0


def test_what_nobody_has_or_is_too_long_is_named(tree):
    _, mirrors = tree
    with pytest.raises(ObjectMissing, match="has no object"):
        RelayReader(mirrors).get(keccak256(b"nobody's"), 10)
    with pytest.raises(ObjectTooLarge, match="at most 10 bytes"):
        RelayReader(mirrors).get(keccak256(CHUNKS[0]), 10)
    with pytest.raises(StorageError):
        RelayReader(["http://127.0.0.1:9"]).get(keccak256(CHUNKS[0]), 10)


def test_ranges_and_nonsense(tree):
    origin, _ = tree
    url = f"{origin}/objects/{keccak256(CHUNKS[3]).hex()}"
    part = httpx.get(url, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, CHUNKS[3][10:20])
    assert part.headers["content-range"] == f"bytes 10-19/{len(CHUNKS[3])}"
    assert httpx.get(url, headers={"range": "bytes=19990-"}).content == CHUNKS[3][-10:]
    assert httpx.get(url, headers={"range": "bytes=30000-"}).status_code == 416
    assert httpx.get(url, headers={"range": "lines=1"}).content == CHUNKS[3]
    for name in ("..%2f..%2fetc%2fpasswd", "abc", "z" * 64):
        assert httpx.get(f"{origin}/objects/{name}").status_code in (400, 404)


def test_a_node_reads_a_checkpoint_through_relays_and_keeps_it(tiny, tmp_path, monkeypatch):
    monkeypatch.setattr("grail.checkpoints.manifest.CHUNK_BYTES", 100_000)
    origin = FileStore(tmp_path / "origin")
    manifest = upload(tiny.folder, origin)
    with served(relay_app(origin)) as url:
        store = open_store(f"file://{tmp_path / 'own'},{url}")
        record = _record(tiny, manifest)
        fetched = CheckpointCache(tmp_path / "cache", store).fetch(record)
        assert fetched.fingerprint == tiny.fingerprint
    again = CheckpointCache(tmp_path / "other", open_store(f"file://{tmp_path / 'own'}")).fetch(record)
    assert again.fingerprint == open_checkpoint(tiny.folder).fingerprint


def _record(checkpoint, manifest):
    from types import SimpleNamespace

    profile = (checkpoint.folder / "calibration.json").read_bytes()
    return SimpleNamespace(
        fingerprint=checkpoint.fingerprint, manifest=manifest, calibration=keccak256(profile), publisher=bytes(20)
    )


def test_chunks_that_give_another_file_are_refused(tmp_path):
    store = FileStore(tmp_path)
    chunk = store.put(b"chunk").hex()
    entry = ManifestEntry(size=10, digest="0" * 64, chunks=(chunk, chunk))
    assert Manifest(files={"config.json": entry}).files["config.json"].parts[0][1] == CHUNK_BYTES
    with pytest.raises(BadCheckpoint, match="from their chunks"):
        read_entry(store, entry)
    assert chunk_bytes(10) == CHUNK_BYTES and chunk_bytes(1 << 40) > CHUNK_BYTES


def test_urls_of_stores_and_relays_are_checked(tmp_path):
    for url in ("gs://bucket", "http://relay", f"file://{tmp_path},ftp://relay"):
        with pytest.raises(SettingsError, match="FOLDER"):
            open_store(url)
    done = CliRunner().invoke(app, ["relay", "--folder", str(tmp_path), "--upstream", "relay:80"])
    assert "expected --upstream http://HOST:PORT" in str(done.exception)


def test_a_tree_with_bounded_links_brings_everything_to_everybody():
    found = distribution(clients=4, relays=3, chunks=12, chunk_bytes=50_000, rate=4_000_000)
    assert found["origin_uploads_per_chunk"] <= 2 and found["total_s"] >= found["bound_s"] * 0.9


def test_a_worker_that_dies_leaves_nobody_waiting(monkeypatch):
    reader = RelayReader(["http://127.0.0.1:9"])

    def breaks(*_):
        raise TypeError("what nobody foresaw")

    monkeypatch.setattr(Relay, "get", breaks)
    with pytest.raises(StorageError, match="answer strangely"):
        reader.get(bytes(32), 100)
