"""A bucket of a local S3 server: objects whole, bounded and checked; a checkpoint through it."""

import socket
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from importlib.util import find_spec
from urllib.parse import urlsplit

import pytest

pytest.importorskip("obstore", reason="NOTICE: obstore is missing: S3 is not tested")
if find_spec("moto") is None:  # not imported here: vLLM stumbles over Flask's proxies in the same program
    pytest.skip("NOTICE: moto is missing: S3 is not tested", allow_module_level=True)

import boto3

from grail.checkpoints.fetch import CheckpointCache
from grail.checkpoints.manifest import upload
from grail.errors import ObjectCorrupt, ObjectMissing, ObjectTooLarge, SettingsError, StorageError
from grail.protocol.hashing import keccak256
from grail.storage import open_store
from tests.checkpoints.test_checkpoints import record_of


@pytest.fixture(scope="module")
def server():
    """Address of a local S3."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            break
        except OSError:
            time.sleep(0.1)
    yield f"http://127.0.0.1:{port}"
    process.kill()
    process.wait()


@pytest.fixture()
def bucket(monkeypatch, server):
    """URL of a bucket, and a client of another library that looks into it."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "somebody")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")
    client = boto3.client("s3", endpoint_url=server, region_name="us-east-1")
    name = f"grail-{time.time_ns()}"
    client.create_bucket(Bucket=name)
    return f"s3://{name}/objects?endpoint={server}&region=us-east-1", client


def test_put_get_exists(bucket):
    url, client = bucket
    store = open_store(url)
    digest = store.put(b"hello")
    assert digest == keccak256(b"hello") == store.put(b"hello")
    assert store.exists(digest) and store.get(digest, 5) == b"hello"
    assert not store.exists(bytes(32))
    keys = [entry["Key"] for entry in client.list_objects_v2(Bucket=urlsplit(url).netloc)["Contents"]]
    assert keys == [f"objects/{digest.hex()[:2]}/{digest.hex()}"]


def test_missing_too_large_corrupt(bucket):
    url, client = bucket
    store = open_store(url)
    with pytest.raises(ObjectMissing, match="uploaded"):
        store.get(bytes(32), 10)
    digest = store.put(b"hello")
    with pytest.raises(ObjectTooLarge, match="at most 4"):
        store.get(digest, 4)
    client.put_object(Bucket=urlsplit(url).netloc, Key=f"objects/{digest.hex()[:2]}/{digest.hex()}", Body=b"jello")
    with pytest.raises(ObjectCorrupt, match="other bytes"):
        store.get(digest, 5)


def test_many_in_their_order(bucket):
    store = open_store(bucket[0])
    objects = [bytes([number]) * (1 + number) for number in range(40)]
    digests = [store.put(one) for one in objects]
    assert list(store.get_many([(digest, 64) for digest in digests])) == objects


def test_a_bucket_that_is_not_there(bucket):
    with pytest.raises(StorageError, match="check the bucket"):
        open_store(bucket[0].replace("grail-", "nobody-")).put(b"x")


def test_urls_that_say_nothing():
    for url in ("s3://", "s3://bucket?secret=1"):
        with pytest.raises(SettingsError, match="s3://BUCKET"):
            open_store(url)


def test_a_checkpoint_goes_through_it(bucket, tiny, tmp_path):
    store = open_store(bucket[0])
    record = record_of(tiny.folder, upload(tiny.folder, store))
    assert CheckpointCache(tmp_path / "here", store).fetch(record).fingerprint == tiny.fingerprint


@pytest.fixture()
def least_privilege(monkeypatch):
    """A bucket whose key may put and get, but not list: what is not there answers 403. `broken`: so does everything."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "b")
    have: dict[str, bytes] = {}
    state = {"broken": False}

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def _send(self, status, body=b"", head=False):
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.send_header("ETag", '"x"')
            self.send_header("Last-Modified", "Wed, 21 Oct 2026 07:28:00 GMT")
            self.end_headers()
            if not head:
                self.wfile.write(body)

        def do_HEAD(self):
            there = self.path in have and not state["broken"]
            self._send(200 if there else 403, have.get(self.path, b""), head=True)

        def do_GET(self):
            there = self.path in have and not state["broken"]
            self._send(*((200, have[self.path]) if there else (403, b"<Error><Code>AccessDenied</Code></Error>")))

        def do_PUT(self):
            data = self.rfile.read(int(self.headers["Content-Length"]))
            if not state["broken"]:
                have[self.path] = data
            self._send(403 if state["broken"] else 200)

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.daemon_threads = True
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield open_store(f"s3://bucket/p?endpoint=http://127.0.0.1:{found.server_port}&region=us-east-1"), state
    found.shutdown()
    found.server_close()


def test_a_key_that_may_not_list_can_store_and_says_what_is_missing(least_privilege):
    store, _ = least_privilege
    digest = store.put(b"hello")
    assert store.get(digest, 10) == b"hello" and store.exists(digest)
    with pytest.raises(ObjectMissing, match="may not list"):
        store.get(keccak256(b"nobody's"), 10)
    assert not store.exists(keccak256(b"nobody's"))


def test_a_key_that_has_expired_is_our_own_trouble_and_nobodys_missing_object(least_privilege):
    """Else a validator with a stale key would accuse every miner of withholding."""
    store, state = least_privilege
    digest = store.put(b"hello")
    state["broken"] = True
    for wanted in (digest, keccak256(b"nobody's")):
        with pytest.raises(StorageError) as caught:
            store.get(wanted, 10)
        assert not isinstance(caught.value, ObjectMissing)
