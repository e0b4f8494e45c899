"""HTTP that nobody can hold up: one deadline for connecting, headers and body together, a bound on bytes, a least rate.

No redirects, no compression, no cookies. Time-outs of HTTP libraries are for each read, so a server that sends a byte
every few seconds holds a reader for ever; here every read is given what is left of the whole.
"""

import ipaddress
import socket
import ssl
import time
import urllib.request
from collections.abc import Callable, Iterable, Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from typing import Any
from urllib.parse import urlsplit

import certifi
import httpcore

from grail.errors import NoAnswer, TooMuch
from grail.foreign.urls import shown

CONNECT_SECONDS = 10.0
LEAST_RATE = 4096
"""Bytes a second, on average, after `GRACE_SECONDS`: who is slower is given up."""
GRACE_SECONDS = 5.0
GOOD = range(200, 300)
REASON_BYTES = 64 << 10
"""Of an answer that says why there is none."""
KEPT = 16
"""Connections kept open while nobody uses them."""
_ENDS: ContextVar[float] = ContextVar("ends")
"""When the running call must be over, by the monotonic clock."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a server said. Names of headers are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


def fetch(
    url: str,
    *,
    most: int,
    seconds: float,
    method: str = "GET",
    body: bytes = b"",
    headers: Mapping[bytes | str, bytes | str] | None = None,
    least_rate: int = LEAST_RATE,
    public: bool = False,
) -> Answer:
    """One request; every status is an answer. `most`: bytes of the body, `seconds`: for everything together. `public`:
    addresses of private networks and of this machine are refused, whatever name they hide behind.

    Raises NoAnswer, which never shows more of the URL than its host.
    """
    began = time.monotonic()
    token = _ENDS.set(began + seconds)
    try:
        with _pool_for(url, public).stream(method, url, headers=dict(headers or {}), content=body or None) as answer:
            told = {name.decode("latin-1").lower(): value.decode("latin-1") for name, value in answer.headers}
            bound = most if answer.status in GOOD else max(most, REASON_BYTES)
            if told.get("content-length", "0").isdigit() and int(told.get("content-length", "0")) > bound:
                raise TooMuch(f"{shown(url)} would send {told['content-length']} bytes, more than {bound}")
            return Answer(answer.status, told, _read(answer.iter_stream(), url, bound, began, least_rate))
    except (httpcore.TimeoutException, TimeoutError):
        raise NoAnswer(f"{shown(url)} did not answer within {seconds:g} s") from None
    except (httpcore.NetworkError, httpcore.ProtocolError, httpcore.UnsupportedProtocol, OSError, ValueError) as error:
        raise NoAnswer(f"{shown(url)} gave no answer ({type(error).__name__})") from None
    finally:
        _ENDS.reset(token)


def _read(parts: Iterable[bytes], url: str, most: int, began: float, least_rate: int) -> bytes:
    found: list[bytes] = []
    length = 0
    for part in parts:
        found.append(part)
        length += len(part)
        if length > most:
            raise TooMuch(f"{shown(url)} sent more than {most} bytes")
        passed = time.monotonic() - began
        if passed > GRACE_SECONDS and length < least_rate * (passed - GRACE_SECONDS):
            raise NoAnswer(f"{shown(url)} sends too slowly: {length} bytes in {passed:.0f} s")
    return b"".join(found)


class _Stream(httpcore.NetworkStream):
    """A connection whose reads and writes get what is left of the running call."""

    def __init__(self, inner: httpcore.NetworkStream) -> None:
        self._inner = inner

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._inner.read(max_bytes, _left(httpcore.ReadTimeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._inner.write(buffer, _left(httpcore.WriteTimeout))

    def close(self) -> None:
        self._inner.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore.NetworkStream:
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, _left(httpcore.ConnectTimeout)))

    def get_extra_info(self, info: str) -> Any:
        return self._inner.get_extra_info(info)


class _Network(httpcore.NetworkBackend):
    """Opens such connections."""

    def __init__(self, public: bool) -> None:
        self._inner = httpcore.SyncBackend()
        self._public = public

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore.NetworkStream:
        host = _public_address(host, port) if self._public else host
        left = min(CONNECT_SECONDS, _left(httpcore.ConnectTimeout))
        return _Stream(self._inner.connect_tcp(host, port, left, local_address, socket_options))

    def sleep(self, seconds: float) -> None:
        time.sleep(seconds)


def _left(expired: Callable[[str], Exception]) -> float:
    left = _ENDS.get() - time.monotonic()
    if left <= 0:
        raise expired("the time for the whole call is over")
    return left


def _public_address(host: str, port: int) -> str:
    """The address that is then connected to, so that a name cannot change in between; else httpcore's ConnectError."""
    for *_, place in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        if ipaddress.ip_address(str(place[0]).partition("%")[0]).is_global:
            return str(place[0])
    raise httpcore.ConnectError("its address is not public")


def _pool_for(url: str, public: bool) -> httpcore.ConnectionPool:
    """Connections as the environment's proxies say (HTTP_PROXY, HTTPS_PROXY, NO_PROXY)."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or not url.isascii():
        raise NoAnswer(f"expected http:// or https://, got {shown(url)}")
    proxy = urllib.request.getproxies().get(parts.scheme)
    direct = proxy is None or urllib.request.proxy_bypass(parts.hostname)
    return _pool("" if direct else str(proxy), public and direct)


@cache
def _pool(proxy: str, public: bool) -> httpcore.ConnectionPool:
    trusted = ssl.create_default_context()  # the machine's authorities, and Mozilla's where it has none
    trusted.load_verify_locations(certifi.where())
    kept: dict[str, Any] = {
        "ssl_context": trusted,
        "max_connections": None,
        "max_keepalive_connections": KEPT,
        "keepalive_expiry": 30.0,
        "network_backend": _Network(public),
    }
    return httpcore.HTTPProxy(proxy, **kept) if proxy else httpcore.ConnectionPool(**kept)
