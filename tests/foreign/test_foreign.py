"""What strangers send cannot hold, fill or break a reader, and what is secret in a URL is never shown."""

import contextlib
import json
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grail.errors import BadInput, NoAnswer, TooMuch
from grail.foreign import http
from grail.foreign.http import fetch
from grail.foreign.parsing import parse_json
from grail.foreign.urls import shown


@pytest.fixture()
def server():
    """Answers by path; `drip` sends a byte every twentieth of a second, in the headers or in the body."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_GET(self):
            if self.path == "/moved":
                return self._send(302, b"", {"Location": "/ok"})
            if self.path == "/missing":
                return self._send(404, b"x" * 2_000)
            if self.path == "/large":
                return self._send(200, b"x" * 2_000)
            if self.path.startswith("/drip"):
                return self._drip(b"HTTP/1.1 200 OK\r\n" + (b"X: " if self.path == "/drip-headers" else b"\r\n"))
            if self.path == "/silent":
                time.sleep(3)
            return self._send(200, b"hello")

        def _send(self, status, body, headers=None):
            self.send_response(status)
            for name, value in ({"Content-Length": str(len(body))} | (headers or {})).items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def _drip(self, first):
            self.close_connection = True
            try:
                self.wfile.write(first)
                while True:
                    self.wfile.write(b"x")
                    self.wfile.flush()
                    time.sleep(0.05)
            except OSError:
                pass

    found = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    found.daemon_threads = True
    found.handle_error = lambda *_: None
    threading.Thread(target=found.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{found.server_port}"
    found.shutdown()
    found.server_close()


def test_an_answer_is_status_headers_and_body(server):
    answer = fetch(f"{server}/ok", most=5, seconds=5)
    assert (answer.status, answer.body, answer.headers["content-length"]) == (200, b"hello", "5")


def test_a_redirect_is_an_answer_and_is_not_followed(server):
    assert fetch(f"{server}/moved", most=5, seconds=5).status == 302


def test_a_bound_is_on_what_was_asked_for_and_not_on_the_reason_why_it_is_not_there(server):
    with pytest.raises(TooMuch, match="2000 bytes"):
        fetch(f"{server}/large", most=5, seconds=5)
    assert fetch(f"{server}/missing", most=5, seconds=5).status == 404


@pytest.mark.parametrize("path", ["drip-headers", "drip-body", "silent"])
def test_nobody_holds_a_reader_longer_than_it_wants(server, path):
    began = time.monotonic()
    with pytest.raises(NoAnswer, match=r"did not answer within 0\.5 s"):
        fetch(f"{server}/{path}", most=10**9, seconds=0.5)
    assert time.monotonic() - began < 2


def test_who_drips_is_given_up_before_its_time_is_over(server, monkeypatch):
    monkeypatch.setattr(http, "GRACE_SECONDS", 0.3)
    with pytest.raises(NoAnswer, match="too slowly"):
        fetch(f"{server}/drip-body", most=10**9, seconds=60)


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "localhost", "0.0.0.0", "10.1.2.3", "192.168.0.1", "169.254.169.254", "[::1]"]
)
def test_a_strangers_url_leads_to_public_addresses_alone(server, host):
    """Else an endpoint on chain could ask an auditor's own machines, or its cloud's metadata, for things."""
    port = server.rpartition(":")[2]
    with pytest.raises(NoAnswer, match="ConnectError"):
        fetch(f"http://{host}:{port}/ok", most=5, seconds=5, public=True)


@pytest.mark.parametrize(
    "url", ["ftp://h/x", "file:///etc/passwd", "http://", "nonsense", "http://127.0.0.1:1/x", "http://[::1"]
)
def test_what_cannot_be_reached_is_named(url):
    with pytest.raises(NoAnswer):
        fetch(url, most=10, seconds=2)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://eth.example.com/v3/SECRET", "https://eth.example.com/…"),
        ("https://user:SECRET@h.com", "https://h.com/…"),
        ("https://h.com:8443?key=SECRET", "https://h.com:8443/…"),
        ("http://127.0.0.1:8545", "http://127.0.0.1:8545"),
        ("http://127.0.0.1:8545/", "http://127.0.0.1:8545"),
        ("SECRET", "…"),
        ("http://h:SECRET", "…"),
        ("postgres://u:SECRET@db/name", "postgres://db/…"),
    ],
)
def test_what_may_be_shown_of_a_url(url, expected):
    assert shown(url) == expected


@pytest.mark.parametrize(
    "data",
    [
        b"[" * 100_000, b'{"a":' * 50_000, b"", b"{", b"\xff\xfe{", b'{"a": NaN}', b"[Infinity]", b"-Infinity",
        b'{"a": 1, "a": 2}', b'[{"b": {"c": 1, "c": 1}}]', b"9" * 5_000, b"\xef\xbb\xbf{}", b"version https://git-lfs",
    ],
    ids=lambda data: repr(data[:16]),
)  # fmt: skip
def test_what_is_no_json_is_one_error(data):
    with pytest.raises(BadInput):
        parse_json(data, "an answer", most=10**6)


@pytest.mark.parametrize("limit", [1_000, 1_000_000])
def test_deep_json_is_not_parsed_whatever_pythons_own_limit_is(limit):
    """With a raised limit the parser overflows the C stack: no handler would see it, the process would be gone."""
    before = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    try:
        for data in (b"[" * 10**6, b'{"a":' * 10**6, b'"' + b'\\"[' * 10**5 + b'",' + b"[" * 10**6):
            with pytest.raises(BadInput, match="nested too deeply"):
                parse_json(data, "an answer", most=10**8)
    finally:
        sys.setrecursionlimit(before)


@pytest.mark.timeout(60)
@pytest.mark.parametrize("data", [b'"' * 3_000_001, b'"\\' * 10**6, b'"\\"' * 10**6, b"\\" * 3_000_001])
def test_nothing_takes_longer_than_it_is_long(data):
    """Quadratic would be hours."""
    with pytest.raises(BadInput):
        parse_json(data, "an answer", most=10**8)


def test_brackets_in_strings_are_text():
    deep = "[" * 1_000 + '"\\'
    assert parse_json(json.dumps([deep]).encode(), "an answer", most=10**6) == [deep]


def test_long_json_is_not_parsed():
    with pytest.raises(BadInput, match="at most 10 bytes of an answer"):
        parse_json(b"[" + b"1," * 100 + b"1]", "an answer", most=10)


@given(st.binary(max_size=200))
def test_any_bytes_are_a_value_or_one_error(data):
    with contextlib.suppress(BadInput):
        parse_json(data, "an answer", most=200)


PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(PLAIN)
def test_json_is_what_it_was(value):
    assert parse_json(json.dumps(value).encode(), "an answer", most=10**6) == value
