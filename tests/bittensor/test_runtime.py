"""A real runtime of Subtensor, executed by chopsticks out of a chain's specification: what the double can only claim.

    make chopsticks
    GRAIL_SUBTENSOR_SPEC=raonet.json pytest -m slow tests/bittensor/test_runtime.py

raonet.json (runtime 218) stands in scripts/specs of opentensor/subtensor, in the public domain.
"""

import asyncio
import json
import os
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bittensor as bt
import pytest
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect
from websockets.sync.server import ServerConnection, serve

from grail.chain.bittensor import client as our
from grail.chain.bittensor.base import Reason
from grail.chain.bittensor.client import SubtensorClient
from grail.chain.contract import artifact
from grail.errors import WrongChain
from neurons.devnet.layout import free_ports
from simulation.subtensor.metadata import compact
from tests.bittensor.conftest import keypair

ROOT = Path(__file__).resolve().parents[2]
TOOL = ROOT / ".chopsticks/node_modules/.bin/chopsticks"
SPEC = os.environ.get("GRAIL_SUBTENSOR_SPEC", "")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.node,
    pytest.mark.skipif(
        not (SPEC and TOOL.exists()),
        reason="NOTICE: Subtensor's real runtime is SKIPPED: make chopsticks && GRAIL_SUBTENSOR_SPEC=raonet.json "
        "pytest -m slow tests/bittensor/test_runtime.py",
    ),
]
NETUID, START_SECONDS = 1, 60.0
RICH = {
    "nonce": 0, "consumers": 0, "providers": 1, "sufficients": 0,
    "data": {"free": "1000000000000000", "reserved": 0, "frozen": 0, "flags": 0},
}  # fmt: skip
CREATOR = b"\x11" * 20


@pytest.fixture(scope="module")
def node(tmp_path_factory) -> Iterator[str]:
    """The runtime's address, with two rich accounts."""
    folder, port = tmp_path_factory.mktemp("chopsticks"), free_ports(1)[0]
    settings = f"genesis: {Path(SPEC).resolve()}\nport: {port}\nbuild-block-mode: Instant\n"
    (folder / "settings.yml").write_text(settings)
    with (folder / "log").open("w") as log:
        process = subprocess.Popen([TOOL, "-c", folder / "settings.yml"], stdout=log, stderr=log, cwd=folder)
    url = f"ws://127.0.0.1:{port}"
    try:
        ends = time.monotonic() + START_SECONDS
        while "RPC listening" not in (folder / "log").read_text():
            assert process.poll() is None and time.monotonic() < ends, (folder / "log").read_text()[-2_000:]
            time.sleep(0.5)
        accounts = [[[keypair(name).ss58_address], RICH] for name in ("rich", "hot")]
        ask(url, "dev_setStorage", {"System": {"Account": accounts}, "EVM": {"WhitelistedCreators": [hexed(CREATOR)]}})
        with translated(url) as proxied:
            yield proxied
    finally:
        process.kill()


def translated(url: str) -> Any:
    """The SDK asks for account_nextIndex, chopsticks knows it as system_accountNextIndex."""

    def talk(socket: ServerConnection) -> None:
        with connect(url, max_size=64 << 20) as up:

            def back() -> None:
                try:
                    for message in up:
                        socket.send(message)
                except ConnectionClosed:
                    return

            threading.Thread(target=back, daemon=True).start()
            try:
                for message in socket:
                    up.send(str(message).replace('"account_nextIndex"', '"system_accountNextIndex"'))
            except ConnectionClosed:
                return

    class Proxy:
        def __enter__(self) -> str:
            self.server = serve(talk, "127.0.0.1", 0, max_size=64 << 20)
            threading.Thread(target=self.server.serve_forever, daemon=True).start()
            return f"ws://127.0.0.1:{self.server.socket.getsockname()[1]}"

        def __exit__(self, *_: object) -> None:
            self.server.shutdown()

    return Proxy()


def ask(url: str, method: str, *params: Any) -> Any:
    with connect(url, max_size=64 << 20) as socket:
        socket.send(json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}))
        found = json.loads(socket.recv())
    assert "error" not in found, found["error"]
    return found["result"]


def hexed(data: bytes) -> str:
    return "0x" + data.hex()


def test_an_older_runtime_is_refused_in_one_line(node, wallet):
    client = SubtensorClient(node, wallet)
    with pytest.raises(WrongChain, match="runtime is of version 218") as wrong:
        client.open()
    assert "\n" not in str(wrong.value)
    client.close()


def test_register_serve_and_set_weights_and_two_refusals(node):
    """By the plain calls of that runtime: the SDK's own way of setting weights asks for what it has not."""

    async def played() -> None:
        client = bt.Client(node, fallback_endpoints=[], archive_endpoints=[])
        await client.connect()
        chain = client._substrate

        async def send(function: str, key: Any, **values: Any) -> Any:
            call = await chain.compose(("SubtensorModule", function, {"netuid": NETUID, **values}))
            return await chain.submit(call, key, wait_for_finalization=False)

        hot, rich = keypair("hot"), keypair("rich")
        assert (await send("burned_register", rich, hotkey=hot.ss58_address)).success
        uid = await chain.query("SubtensorModule", "Uids", [NETUID, hot.ss58_address])
        address = {"ip": 0xCB007107, "port": 8_547, "ip_type": 4, "protocol": 4}
        assert (await send("serve_axon", hot, version=1, placeholder1=0, placeholder2=0, **address)).success
        served = await chain.query("SubtensorModule", "Axons", [NETUID, hot.ss58_address])
        assert (served["ip"], served["port"]) == (0xCB007107, 8_547)
        weights = {"dests": [uid], "weights": [65_535], "version_key": 0}
        early = await send("set_weights", hot, **weights)
        assert our._refused(early).reason is Reason.RATE_LIMITED
        ask(node, "dev_newBlock", {"count": 101})
        assert (await send("set_weights", hot, **weights)).success
        assert await chain.query("SubtensorModule", "Weights", [NETUID, uid]) == [(uid, 65_535)]
        stranger = await send("set_weights", rich, **weights)
        assert our._refused(stranger).reason is Reason.NOT_REGISTERED
        await client.close()

    asyncio.run(played())


def created(node: str, code: bytes, creator: bytes = CREATOR) -> bytes:
    """What the EVM pallet says to a creation: Ok is 0, then how it ended."""
    number = (75_000_000).to_bytes(32, "little")
    told = creator + compact(len(code)) + code + bytes(32) + number + bytes(5)
    return bytes.fromhex(ask(node, "state_call", "EthereumRuntimeRPCApi_create", hexed(told))[2:])


def test_its_evm_creates_our_contracts_for_whom_it_knows_and_has_no_mcopy(node):
    """Its creators are whitelisted; of the opcodes that our compiler uses it knows PUSH0 and not MCOPY and TSTORE."""
    succeeded, invalid = b"\0\0", b"\0\1\x0f"
    assert created(node, bytes.fromhex("5f5ff3"))[:2] == succeeded, "PUSH0"
    assert created(node, bytes.fromhex("60205f5f5e5f5ff3"))[:4] == invalid + b"\x5e", "MCOPY"
    assert created(node, bytes.fromhex("60015f5d5f5ff3"))[:4] == invalid + b"\x5d", "TSTORE"
    judge = bytes.fromhex(artifact("SettlementJudge")["bytecode"][2:]) + bytes(32 * 10)
    assert created(node, judge)[:2] == succeeded
    refused = created(node, judge, b"\x22" * 20)
    assert refused[0] == 1 and refused[1:4] == bytes([3, 22, 13]), "EVM's error 13: this origin may not create"
