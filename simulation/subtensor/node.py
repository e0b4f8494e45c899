"""The double behind a websocket: what it answers, and how it serves it."""

import json
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bittensor_core as core  # type: ignore[import-untyped]
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from simulation.subtensor.double import INFO, INVALID, TX_VERSION, Block, Double, Invalid
from simulation.subtensor.metadata import metadata

BLOCK_AT = {
    "chain_getHeader": 0, "chain_getBlock": 0, "state_getStorageAt": 1, "state_queryStorageAt": 1,
    "state_getKeysPaged": 3,
}  # fmt: skip
"""Where a method names its block."""


def answer(double: Double, method: str, params: list[Any]) -> Any:
    """One JSON-RPC call. Raises LookupError for a method that it has not."""
    block = _block(double, params, BLOCK_AT.get(method))
    match method:
        case "chain_getHead" | "chain_getFinalizedHead":
            return double.head.hash
        case "chain_getBlockHash":
            number = int(params[0]) if params and params[0] is not None else double.head.number
            return double.blocks[number].hash if number in double.blocks else None
        case "chain_getHeader":
            return {"number": hex(block.number), "parentHash": block.parent}
        case "chain_getBlock":
            header = {"number": hex(block.number), "parentHash": block.parent}
            return {"block": {"header": header, "extrinsics": ["0x" + data.hex() for data in block.extrinsics]}}
        case "state_getRuntimeVersion":
            return {"specName": "double", "specVersion": double.spec, "transactionVersion": TX_VERSION}
        case "state_call" if params[0] == "Metadata_metadata_at_version":
            raw = metadata()
            return "0x01" + (len(raw) << 2 | 2).to_bytes(4, "little").hex() + raw.hex()
        case "state_call" if params[0] == "TransactionPaymentApi_query_info":
            kind = double.codec.runtime_api_map()["TransactionPaymentApi"]["query_info"]["output"]
            info = {"weight": INFO["weight"], "class": "Normal", "partial_fee": 0}
            return "0x" + bytes(double.codec.encode(kind, info)).hex()
        case "state_getStorageAt":
            return _hex(block.state.get(bytes.fromhex(params[0][2:])))
        case "state_queryStorageAt":
            changes = [[key, _hex(block.state.get(bytes.fromhex(key[2:])))] for key in params[0]]
            return [{"block": block.hash, "changes": changes}]
        case "state_getKeysPaged":
            prefix, count, start = bytes.fromhex(params[0][2:]), params[1], params[2]
            after = bytes.fromhex(start[2:]) if start else b""
            keys = sorted(key for key in block.state if key.startswith(prefix) and key > after)
            return ["0x" + key.hex() for key in keys[:count]]
        case "account_nextIndex":
            return double.next_nonce(bytes(core.ss58_decode(params[0])))
    raise LookupError(f"Method not found: {method}")


def _block(double: Double, params: list[Any], at: int | None) -> Block:
    """The one that a call names, else the newest. Raises LookupError for one that it does not remember."""
    named = params[at] if at is not None and len(params) > at else None
    if named is None:
        return double.head
    found = next((block for block in list(double.blocks.values()) if block.hash == named), None)
    if found is None:
        raise LookupError(f"Unknown block: {named}")
    return found


def _hex(value: bytes | None) -> str | None:
    return None if value is None else "0x" + value.hex()


@contextmanager
def serving(double: Double, port: int = 0) -> Iterator[Double]:
    """It answers at `double.url`. Port 0: one that is free."""

    def talk(socket: ServerConnection) -> None:
        try:
            for message in socket:
                asked = json.loads(message)
                if not double.faults.silent:
                    _respond(double, socket, asked)
        except ConnectionClosed:
            return

    with serve(talk, "127.0.0.1", port, max_size=16 << 20) as server:
        double.url = f"ws://127.0.0.1:{server.socket.getsockname()[1]}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield double
        server.shutdown()


def _respond(double: Double, socket: ServerConnection, asked: dict[str, Any]) -> None:
    def reply(**said: Any) -> None:
        socket.send(json.dumps({"jsonrpc": "2.0", **said}))

    method, params, number = asked["method"], asked.get("params") or [], asked["id"]
    try:
        if method in ("author_submitAndWatchExtrinsic", "author_submitExtrinsic"):
            _submit(double, socket, params, number, reply)
            return
        if method.startswith(("author_unwatch", "chain_unsubscribe")):
            reply(id=number, result=True)
            return
        reply(id=number, result=answer(double, method, params))
    except LookupError as error:
        reply(id=number, error={"code": -32601, "message": str(error.args[0])})


def _submit(double: Double, socket: ServerConnection, params: list[Any], number: Any, reply: Any) -> None:
    if double.faults.drop == "before":
        socket.close()
        return
    try:
        if double.faults.reject:
            raise Invalid(double.faults.reject)
        include = double.take(bytes.fromhex(params[0][2:]))
    except Invalid as error:
        said = INVALID.get(str(error), str(error))
        reply(id=number, error={"code": 1010, "message": "Invalid Transaction", "data": said})
        return
    if double.faults.drop == "after":
        include()
        socket.close()
        return
    reply(id=number, result="watched")
    block = include()
    for status in ("ready", {"inBlock": block.hash}, {"finalized": block.hash}):
        told = {"subscription": "watched", "result": status}
        reply(method="author_extrinsicUpdate", params=told)


def keep_serving(path: Path, port: int, block_seconds: float) -> None:
    """Serve the double of a file for ever, a block every so many seconds; each is in the file before it is told."""
    double = Double.load(path)
    with serving(double, port):
        while True:
            time.sleep(block_seconds)
            double.mine()
