"""The development node's HTTP: JSON-RPC 2.0 in one event loop, and a block every so many seconds."""

import asyncio
import json
import signal
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any

from grail.chain.dev_node import DevNode, RpcError
from grail.errors import BadInput, StorageError
from grail.foreign.parsing import parse_json
from grail.telemetry.log import get_logger

MOST_BYTES = 2 << 20
MOST_AT_ONCE = 1_000
"""Questions of one batch."""

Message = MutableMapping[str, Any]


class DevNodeServer:
    """An ASGI application. One event loop asks the node, so that it needs no lock."""

    def __init__(self, node: DevNode, block_seconds: float) -> None:
        """`block_seconds`: from one block to the next; 0 for blocks on demand alone (evm_mine)."""
        self._node = node
        self._block_seconds = block_seconds
        self._miner: asyncio.Task[None] | None = None

    async def __call__(
        self,
        scope: Message,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """One request, or the life of the server."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
            return
        told = json.dumps(self._answers(await _body(receive))).encode()
        headers = [(b"content-type", b"application/json"), (b"content-length", str(len(told)).encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": told})

    async def _live(
        self, receive: Callable[[], Awaitable[Message]], send: Callable[[Message], Awaitable[None]]
    ) -> None:
        await receive()
        if self._block_seconds:
            self._miner = asyncio.create_task(self._mine())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        if self._miner is not None:
            self._miner.cancel()
            with suppress(asyncio.CancelledError):
                await self._miner
        await send({"type": "lifespan.shutdown.complete"})

    async def _mine(self) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            due = max(due + self._block_seconds, loop.time())
            await asyncio.sleep(due - loop.time())
            try:
                self._node.mine()
            except StorageError as error:
                get_logger().error("the chain cannot be saved: ending", reason=str(error))
                signal.raise_signal(signal.SIGTERM)

    def _answers(self, body: bytes) -> Any:
        try:
            asked = parse_json(body, "a question", most=MOST_BYTES)
        except BadInput as error:
            return _failed(None, RpcError(-32700, str(error)))
        if isinstance(asked, list):
            return [self._answer(one) for one in asked[:MOST_AT_ONCE]]
        return self._answer(asked)

    def _answer(self, asked: Any) -> dict[str, Any]:
        if not isinstance(asked, dict) or not isinstance(asked.get("params", []), list):
            return _failed(None, RpcError(-32600, "expected an object with method and a list of params"))
        try:
            found = self._node.ask(asked.get("method"), asked.get("params", []))
        except RpcError as error:
            return _failed(asked.get("id"), error)
        return {"jsonrpc": "2.0", "id": asked.get("id"), "result": found}


def _failed(number: Any, error: RpcError) -> dict[str, Any]:
    return {"jsonrpc": "2.0", "id": number, "error": error.body}


async def _body(receive: Callable[[], Awaitable[Message]]) -> bytes:
    """At most one byte more than allowed: what is longer, the parser refuses."""
    found = bytearray()
    while len(found) <= MOST_BYTES:
        message = await receive()
        found += message.get("body", b"")
        if not message.get("more_body"):
            break
    return bytes(found)
