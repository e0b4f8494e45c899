"""A development node for tests: anvil from npm, started on a free port."""

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from grail.chain.jsonrpc import JsonRpcChain
from grail.errors import ChainUnavailable
from neurons.devnet.layout import npm_tool

ROOT = Path(__file__).resolve().parents[1]
ANVIL = npm_tool("anvil")

NEEDS_NODE = [
    pytest.mark.node,
    pytest.mark.skipif(
        not ANVIL.exists() and shutil.which("npm") is None,
        reason="NOTICE: npm is missing: tests on anvil are SKIPPED",
    ),
]


@contextmanager
def running_anvil() -> Iterator[str]:
    """The URL of a fresh node."""
    if not ANVIL.exists():
        subprocess.run(["make", "contracts/node_modules/.package-lock.json"], cwd=ROOT, check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(ANVIL), "--port", str(port), "--silent", "--max-persisted-states", "5"]
    process = subprocess.Popen(command)
    try:
        url = f"http://127.0.0.1:{port}"
        deadline = time.monotonic() + 60
        while True:
            try:
                JsonRpcChain.connect(url)
                break
            except ChainUnavailable:
                assert process.poll() is None and time.monotonic() < deadline, "anvil did not start"
        yield url
    finally:
        process.kill()
        process.wait()
