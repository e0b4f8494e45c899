"""How long a tree of relays takes to bring one file to many, against the bound that its slowest link sets."""

import json
import socket
import tempfile
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import uvicorn

from grail.foreign.http import fetch
from grail.storage.file_store import FileStore
from grail.storage.relay_server import relay_app
from grail.storage.relays import RelayReader


@contextmanager
def served(app: Any) -> Iterator[str]:
    """A relay's application on a free port of this machine: its URL."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(app, host="127.0.0.1", port=port, log_level="error"))
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    while not server.started:
        time.sleep(0.01)
    try:
        yield f"http://127.0.0.1:{port}"
    finally:
        server.should_exit = True
        thread.join(10)


def distribution(clients: int, relays: int, chunks: int, chunk_bytes: int, rate: int) -> dict[str, object]:
    """One origin, `relays` that mirror it, `clients` that read all chunks at once; every server uploads `rate` bytes/s.

    bound_s: nothing can be faster than the origin's one copy, or than all clients' copies through the relays' links.
    """
    draws = np.random.default_rng(0)
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        origin = FileStore(Path(folder) / "origin")
        wanted = [(origin.put(draws.bytes(chunk_bytes)), chunk_bytes) for _ in range(chunks)]
        source = stack.enter_context(served(relay_app(origin, rate=rate)))
        mirrors = [
            stack.enter_context(
                served(relay_app(FileStore(Path(folder) / f"relay-{n}"), RelayReader([source]), rate=rate))
            )
            for n in range(relays)
        ]
        began = time.perf_counter()
        with ThreadPoolExecutor(clients) as pool:
            read = list(pool.map(lambda _: sum(map(len, RelayReader(mirrors).get_many(wanted))), range(clients)))
        total = time.perf_counter() - began
        uploads = json.loads(fetch(f"{source}/health", most=1 << 20, seconds=10).body)["uploads"]
    assert read == [chunks * chunk_bytes] * clients
    size = chunks * chunk_bytes
    bound = max(size / rate, clients * size / (relays * rate))
    return {
        "clients": clients,
        "relays": relays,
        "total_bytes": size,
        "total_s": total,
        "bound_s": bound,
        "ratio": total / bound,
        "origin_uploads_per_chunk": max(uploads.values()),
    }
