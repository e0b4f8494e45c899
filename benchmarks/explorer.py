"""The explorer under load: events a second into the index, pages out of a large one, listeners, the news' delay.

    python benchmarks/explorer.py --run runs/localnet --events 1000000 --json
    python benchmarks/explorer.py --run runs/localnet --postgres postgresql://grail@localhost/empty

The events are those of a played network (`--run`), again and again, each time in later blocks and windows: their mix is
real, and every projection does its work. Pages are asked in one process, without a network between.
"""

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

if sys.path and Path(sys.path[0]).resolve() == Path(__file__).resolve().parent:
    del sys.path[0]  # else this file is what `explorer` names

from fastapi.testclient import TestClient
from rich.progress import track
from sqlalchemy import insert, select

from explorer.index.follow import STANDING, Follower
from explorer.index.projections import project
from explorer.index.readings import BUDGETS, QUORUM, WORDS, derive, derive_payouts
from explorer.index.writer import Writer, place_of
from explorer.stream import Stream
from explorer.web import explorer_app
from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.address_book import AddressBook
from grail.chain.embedded import EmbeddedChain
from grail.chain.subnet import Subnet
from grail.storage import chain_tables as t
from grail.storage.database import Database
from grail.telemetry.memory import peak_rss_mib

ASKED = 40
BATCH = 5_000
WINDOWED = ("window", "from", "activeFrom")


@dataclass(frozen=True)
class Source:
    """A played network's rows: what is repeated."""

    events: list[dict[str, Any]]
    readings: list[dict[str, Any]]
    standing: dict[str, Any]
    blocks: int
    windows: int


def source_of(run: Path) -> Source:
    """Index the run and take its events and readings."""
    with tempfile.TemporaryDirectory() as folder:
        database = Database.in_file(Path(folder) / "rows.sqlite")
        chain = EmbeddedChain(Signer.from_key(ANVIL_KEY).address, run / "chain.sqlite")
        Follower(Subnet(chain, AddressBook.load(run / "network.json")), database).catch_up()
        with database.reading() as connection:
            events = [dict(row) for row in connection.execute(select(t.RAW_EVENTS)).mappings()]
            readings = [dict(row) for row in connection.execute(select(t.READINGS)).mappings()]
    standing = next(row["value"] for row in readings if row["name"] == STANDING)
    schedule = standing["schedule"]
    windows = (standing["block"] - schedule["genesis"]) // schedule["window"] + 1
    return Source(
        events, [row for row in readings if row["name"] != STANDING], standing, windows * schedule["window"], windows
    )


def repeated(source: Source, count: int) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Number of the repetition, and its events moved behind those before."""
    for turn in range(-(-count // len(source.events))):
        moved = []
        for row in source.events:
            block, index = (row["place"] >> t.PLACE_BITS) + turn * source.blocks, row["place"] & (1 << t.PLACE_BITS) - 1
            fields = {
                name: int(value) + turn * source.windows if name in WINDOWED and not isinstance(value, str) else value
                for name, value in row["fields"].items()
            }
            moved.append({**row, "place": place_of(block, index), "block": block, "fields": fields})
        yield turn, moved


def fill(database: Database, source: Source, count: int) -> float:
    """Write the events as a follower does; returns events a second."""
    began, written = time.monotonic(), 0
    turns = list(range(-(-count // len(source.events))))
    for turn, events in track(repeated(source, count), "events", len(turns), disable=count < BATCH):
        with database.writing() as connection:
            writer = Writer(connection)
            for number in sorted({row["block"] for row in events}):
                writer.add(t.BLOCKS, number=number, time=1_700_000_000 + 12 * number)
            for row in events:
                writer.add(t.RAW_EVENTS, **row)
                project(writer, row["place"], row["contract"], row["name"], row["fields"])
            words = {row["key"]: row["value"] for row in source.readings if row["name"] == WORDS}
            for row in [row for row in source.readings if row["name"] != QUORUM]:
                key, block = str(int(row["key"]) + turn * source.windows), row["block"] + turn * source.blocks
                if row["name"] == WORDS:
                    derive(writer, WORDS, key, block, row["value"])
                elif row["name"] == BUDGETS:
                    derive_payouts(writer, key, block, row["value"], words[row["key"]]["leaves"])
            writer.flush()
        written += len(events)
    seconds = time.monotonic() - began
    last = source.standing["block"] + turns[-1] * source.blocks
    standing = {**source.standing, "block": last, "head": last, "final": last, "at": int(time.time())}
    with database.writing() as connection:
        connection.execute(insert(t.READINGS).values(name=STANDING, key="", block=0, value=standing))
    return written / seconds


def asked(client: TestClient, paths: list[str]) -> list[float]:
    """Milliseconds of each answer, all paths in turn."""
    took = []
    for number in range(ASKED):
        for path in paths:
            began = time.monotonic()
            answer = client.get(path)
            assert answer.status_code == 200, (path, answer.status_code)
            if number:
                took.append(1_000 * (time.monotonic() - began))
    return took


def p95(values: list[float]) -> float:
    """The 95th percentile."""
    return round(statistics.quantiles(values, n=20)[-1], 1)


async def listened(database: Database, source: Source, clients: int) -> dict[str, float]:
    """So many listeners, one more event: who hears it, after how long, and what they take in memory."""
    stream, before = Stream(database), peak_rss_mib()
    async with stream.running(None):  # type: ignore[arg-type]
        await asyncio.sleep(1.0)

        async def listen() -> float:
            async for words in stream._told(stream._newest):
                if words.startswith("id: "):
                    return time.monotonic()
            return 0.0

        tasks = [asyncio.create_task(listen()) for _ in range(clients)]
        await asyncio.sleep(1.0)
        row = source.events[-1]
        with database.writing() as connection:
            block = source.standing["block"] * 10_000
            connection.execute(insert(t.RAW_EVENTS).values({**row, "place": place_of(block, 0), "block": block}))
        told = time.monotonic()
        heard = await asyncio.gather(*tasks)
    return {
        "sse_clients": len(heard),
        "sse_delay_s": round(max(heard) - told, 2),
        "sse_rss_mib": round(peak_rss_mib() - before, 1),
    }


def measured(url: str, source: Source, count: int, clients: int) -> dict[str, float]:
    """All numbers of one engine."""
    database = Database(url)
    rate = fill(database, source, count)
    neuron = next(
        e["fields"]["neuron"] for e in source.events if e["name"] == "Registered" and e["fields"]["role"] == 1
    )
    pages = {
        "page": ["/", "/windows", "/windows/1", "/neurons", f"/neurons/{neuron}", "/validators", "/court", "/policy",
                 "/money", "/activity", "/training", "/votes"],
        "api": ["/api/v1/neurons"],
    }  # fmt: skip
    slow = {}
    with TestClient(explorer_app(Database(url, reader=True))) as client:
        found = {f"{name}_p95_ms": p95(asked(client, paths)) for name, paths in pages.items()}
        for path in pages["page"]:
            slow[path.replace(neuron, "ADDRESS")] = p95(asked(client, [path]))
    heard = asyncio.run(listened(database, source, clients))
    return {"events": count, "index_per_s": round(rate), **found, **heard, "pages": slow}  # type: ignore[dict-item]


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--run", type=Path, default=Path("runs/localnet"), help="folder of a local network that has ended"
    )
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--postgres", default="", help="URL of an empty database, to measure that engine, too")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    source = source_of(options.run)
    with tempfile.TemporaryDirectory() as folder:
        urls = {"sqlite": f"sqlite:///{Path(folder) / 'rows.sqlite'}"}
        urls |= {"postgresql": options.postgres} if options.postgres else {}
        found = {name: measured(url, source, options.events, options.clients) for name, url in urls.items()}
    for name, numbers in found.items():
        print(f"{name}: {numbers}")
    if options.json:
        print(json.dumps(found))


if __name__ == "__main__":
    main()
