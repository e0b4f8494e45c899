"""What has just happened: server-sent events that resume where a reader left off, and a feed.

One reader of the database serves all listeners; who is slower than it reads by itself from where it was.
"""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from fastapi import FastAPI, Request
from fastapi.responses import PlainTextResponse, Response, StreamingResponse
from sqlalchemy import Table, func, select

from explorer.index.writer import block_of
from explorer.shown import text
from explorer.views.base import FAULTS, Look, Row
from grail.errors import StorageError
from grail.storage import chain_tables as t
from grail.storage.database import Database

LOOK_SECONDS, HEARTBEAT_SECONDS = 0.5, 15.0
A_READING = 500
MOST_LISTENERS = 1_000


class Stream:
    """Everybody who listens at /events."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._changed = asyncio.Condition()
        self._newest = 0
        self._recent: deque[tuple[int, str]] = deque(maxlen=A_READING)
        self._listeners = 0

    @contextlib.asynccontextmanager
    async def running(self, _: FastAPI) -> AsyncIterator[None]:
        """Look for news while the application runs."""
        task = asyncio.create_task(self._watch())
        try:
            yield
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task

    async def answer(self, request: Request) -> Response:
        """One listener's stream: from Last-Event-ID on, else from now."""
        if self._listeners >= MOST_LISTENERS:
            return PlainTextResponse("too many listeners: try again", 503, {"Retry-After": "10"})
        asked = request.headers.get("last-event-id", "")
        since = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 19 else self._newest
        headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
        return StreamingResponse(self._told(since), media_type="text/event-stream", headers=headers)

    async def _told(self, since: int) -> AsyncIterator[str]:
        self._listeners += 1
        try:
            yield "retry: 2000\n\n"
            while True:
                news = await self._after(since)
                for place, words in news:
                    yield words
                    since = place
                if not news:
                    yield ": still here\n\n"
        finally:
            self._listeners -= 1

    async def _after(self, since: int) -> list[tuple[int, str]]:
        """What came after a place; waits for it, at most a heartbeat."""
        async with self._changed:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait_for(lambda: self._newest > since), HEARTBEAT_SECONDS)
        if self._newest <= since:
            return []
        if self._recent and self._recent[0][0] <= since:
            return [entry for entry in self._recent if entry[0] > since]
        return await asyncio.to_thread(self._read, since)

    async def _watch(self) -> None:
        with contextlib.suppress(StorageError):
            self._newest = await asyncio.to_thread(self._last)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            try:
                last = await asyncio.to_thread(self._last)
                news = await asyncio.to_thread(self._read, self._newest) if last > self._newest else []
            except StorageError:
                continue
            if last < self._newest:  # a reorganisation: what was told is told anew
                self._recent.clear()
                self._newest = last
            async with self._changed:
                for place, words in news:
                    self._recent.append((place, words))
                    self._newest = place
                self._changed.notify_all()

    def _last(self) -> int:
        with self._database.reading() as connection:
            return int(connection.scalar(select(func.max(t.RAW_EVENTS.c.place))) or 0)

    def _read(self, since: int) -> list[tuple[int, str]]:
        table = t.RAW_EVENTS
        query = select(table).where(table.c.place > since).order_by(table.c.place).limit(A_READING)
        with self._database.reading() as connection:
            rows = connection.execute(query).mappings().all()
        return [(row["place"], _message(row)) for row in rows]


def _message(row: Any) -> str:
    told = {"block": row["block"], "contract": row["contract"], "name": row["name"], "tx": row["tx"]}
    window = row["fields"].get("window")
    told |= {} if window is None else {"window": window}
    return f"id: {row['place']}\nevent: chain\ndata: {json.dumps(told)}\n\n"


NEWS: tuple[tuple[Table, Callable[[Look, Row], tuple[str, str]]], ...] = (
    (t.SETTLEMENTS, lambda look, row: (f"Window {row['window']} is settled", f"windows/{row['window']}")),
    (
        t.CONVICTIONS,
        lambda look, row: (
            f"{look.name(row['accused'])} is convicted of {FAULTS[row['kind']]}", f"windows/{row['window']}",
        ),
    ),
    (t.CHECKPOINTS, lambda look, row: (f"Version {row['version']} of the weights", f"training#v{row['version']}")),
    (t.PAUSES, lambda look, row: ("The network is paused", "")),
)  # fmt: skip
"""What a feed tells: words and the page."""


def feed(look: Look, base: str) -> str:
    """Settlements, convictions, motions, pauses and versions as Atom."""
    entries = [(row, *words(look, row)) for table, words in NEWS for row in look.facts(table, limit=20)]
    entries.sort(key=lambda entry: -entry[0]["place"])
    parts = []
    for row, words, where in entries[:40]:
        block = block_of(row["place"])
        parts.append(
            f"<entry><id>{escape(base)}events/{row['place']}</id><title>{escape(text(words))}</title>"
            f"<updated>{_stamp(row['time'])}</updated><link href={quoteattr(base + where)}/>"
            f"<summary>in block {block}</summary></entry>"
        )
    updated = _stamp(entries[0][0]["time"] if entries else look.standing["block_time"])
    head = f"<title>Grail</title><id>{escape(base)}</id><updated>{updated}</updated>"
    return (
        f'<?xml version="1.0" encoding="utf-8"?><feed xmlns="http://www.w3.org/2005/Atom">{head}{"".join(parts)}</feed>'
    )


def _stamp(seconds: int | None) -> str:
    return datetime.fromtimestamp(seconds or 0, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
