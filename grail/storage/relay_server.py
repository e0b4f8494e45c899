"""A relay: serves a folder of objects over HTTP, and fetches from upstream what it lacks, once for all who ask.

    GET /objects/HEX    the object; one byte range is understood
    PUT /objects/HEX    keep it, where the relay keeps objects for others: with a permit of a neuron (permits.py)
    POST /permits       a permit for a hotkey of Bittensor, where the relay gives any (issued.py)
    GET /health         what it has served and uses, as JSON

Objects are named by their hash, so a relay need not be trusted and has nothing to configure per object.
"""

import asyncio
import re
import time
from collections import Counter
from collections.abc import AsyncIterator
from http import HTTPStatus
from pathlib import Path

from fastapi import FastAPI, HTTPException, Request
from fastapi.responses import StreamingResponse
from starlette.requests import ClientDisconnect

from grail.errors import GrailError, ObjectMissing, StorageError
from grail.protocol.units import Digest
from grail.storage.deposits import Deposits, Refused
from grail.storage.file_store import FileStore
from grail.storage.issued import MOST_BYTES, Issued, status_of
from grail.storage.relays import FIRST_SECONDS, LEAST_RATE, RelayReader

PIECE = 1 << 16
MAX_OBJECT = 1 << 34
RANGE = re.compile(r"bytes=(\d{1,15})-(\d{0,15})")
HEX = re.compile(r"[0-9a-f]{64}")


class Link:
    """Upload bandwidth, shared by all who are served: bytes a second, 0 for no bound."""

    def __init__(self, rate: int) -> None:
        self._rate = rate
        self._free_at = 0.0

    async def pass_through(self, count: int) -> None:
        """Wait until `count` bytes may go out."""
        if not self._rate:
            return
        now = time.monotonic()
        self._free_at = max(self._free_at, now) + count / self._rate
        await asyncio.sleep(self._free_at - now)


class RelayNode:
    """The state of one relay."""

    def __init__(self, store: FileStore, upstream: RelayReader | None, rate: int) -> None:
        self._store = store
        self._upstream = upstream
        self._link = Link(rate)
        self._fetching: dict[Digest, asyncio.Task[None]] = {}
        self.uploads: Counter[str] = Counter()
        self.uploaded_bytes = 0

    async def place(self, digest: Digest) -> Path:
        """The object's file, fetched first where it is not here. Raises StorageError where nobody has it."""
        if not self._store.exists(digest):
            if self._upstream is None:
                raise ObjectMissing(f"no object {digest.hex()}")
            task = self._fetching.get(digest)
            if task is None:
                task = asyncio.create_task(asyncio.to_thread(self._fetch, digest))
                self._fetching[digest] = task
                task.add_done_callback(lambda _: self._fetching.pop(digest, None))
            await asyncio.shield(task)
        return self._store.path(digest)

    def _fetch(self, digest: Digest) -> None:
        assert self._upstream is not None
        self._store.put(self._upstream.get(digest, MAX_OBJECT))

    async def stream(self, path: Path, first: int, count: int) -> AsyncIterator[bytes]:
        """Bytes of a file, as fast as the link lets them."""
        self.uploads[path.name] += 1
        with path.open("rb") as file:
            file.seek(first)
            while count > 0 and (part := file.read(min(PIECE, count))):
                await self._link.pass_through(len(part))
                count -= len(part)
                self.uploaded_bytes += len(part)
                yield part


def relay_app(
    store: FileStore, upstream: RelayReader | None = None, rate: int = 0, deposits: Deposits | None = None
) -> FastAPI:
    """The HTTP application of a relay. `rate`: bytes a second that it uploads at most, 0 for no bound; `deposits`: who
    may put objects here, None for nobody.
    """
    node = RelayNode(store, upstream, rate)
    app = FastAPI(title="Grail relay", docs_url=None, redoc_url=None)

    @app.get("/objects/{name}")
    async def get_object(name: str, request: Request) -> StreamingResponse:
        digest = _digest(name)
        try:
            path = await node.place(digest)
        except ObjectMissing as error:
            raise HTTPException(404, str(error)) from error
        except StorageError as error:
            raise HTTPException(502, str(error)) from error
        size = path.stat().st_size
        first, last = _range(request.headers.get("range"), size)
        headers = {"content-length": str(last - first + 1), "accept-ranges": "bytes"}
        status = 200
        if (first, last) != (0, size - 1):
            status, headers["content-range"] = 206, f"bytes {first}-{last}/{size}"
        body = node.stream(path, first, last - first + 1)
        return StreamingResponse(body, status, headers, media_type="application/octet-stream")

    @app.put("/objects/{name}")
    async def put_object(name: str, request: Request) -> dict[str, bool]:
        digest = _digest(name)
        if deposits is None:
            raise HTTPException(HTTPStatus.METHOD_NOT_ALLOWED, "this relay keeps no objects for others")
        if store.exists(digest):
            return {"kept": False}
        try:
            size, authorization = request.headers.get("content-length"), request.headers.get("authorization")
            neuron, announced = await asyncio.to_thread(deposits.examined, digest, size, authorization)
            async with deposits.room(neuron, announced):
                data = await _body(request, announced)
                await asyncio.to_thread(deposits.keep, store, neuron, digest, data)
        except Refused as error:
            raise HTTPException(error.status, str(error)) from error
        except StorageError as error:
            raise HTTPException(HTTPStatus.INSUFFICIENT_STORAGE, str(error)) from error
        return {"kept": True}

    @app.get("/health")
    async def health() -> dict[str, object]:
        told = {"uploaded_bytes": node.uploaded_bytes, "uploads": dict(node.uploads.most_common(1_000))}
        return told | ({"hotkey": deposits.issued.name} if deposits and deposits.issued else {})

    if deposits is not None and deposits.issued is not None:
        _give_permits(app, deposits.issued)
    return app


def _give_permits(app: FastAPI, issued: Issued) -> None:
    @app.post("/permits")
    async def post_permit(request: Request) -> dict[str, str]:
        try:
            body = await _body(request, MOST_BYTES)
            return {"authorization": await asyncio.to_thread(issued.give, dict(request.headers), body)}
        except Refused as error:
            raise HTTPException(error.status, str(error)) from error
        except GrailError as error:
            raise HTTPException(status_of(error), str(error)) from error


def _digest(name: str) -> Digest:
    if not HEX.fullmatch(name):
        raise HTTPException(HTTPStatus.BAD_REQUEST, "expected 64 hex digits, the keccak-256 of the object")
    return bytes.fromhex(name)


async def _body(request: Request, announced: int) -> bytes:
    """The bytes of a request, in time for their number. Raises Refused where there are more, or they drip."""
    found = bytearray()
    try:
        async with asyncio.timeout(FIRST_SECONDS + announced / LEAST_RATE):
            async for part in request.stream():
                if len(found) + len(part) > announced:
                    raise Refused(HTTPStatus.BAD_REQUEST, f"expected {announced} bytes, got more")
                found += part
    except TimeoutError:
        raise Refused(HTTPStatus.REQUEST_TIMEOUT, f"{announced} bytes did not arrive in time") from None
    except ClientDisconnect:
        raise Refused(HTTPStatus.BAD_REQUEST, "the sender went away") from None
    return bytes(found)


def _range(header: str | None, size: int) -> tuple[int, int]:
    """First and last byte asked for. A range that cannot be served is refused; what is no range is ignored."""
    found = RANGE.fullmatch(header or "")
    if found is None:
        return 0, size - 1
    first, last = int(found[1]), min(int(found[2] or size - 1), size - 1)
    if first > last:
        raise HTTPException(416, f"expected a range within {size} bytes")
    return first, last
