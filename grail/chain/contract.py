"""A contract's ABI as a codec: call and send by name, events as typed records. No network of its own."""

import json
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_utils.abi import event_abi_to_log_topic
from web3 import Web3

from grail.chain.accounts import Signer
from grail.chain.base import Chain, Log, Receipt
from grail.protocol.units import Address, BlockNumber

_CODEC = Web3()


@cache
def artifact(name: str) -> dict[str, Any]:
    """Packaged ABI and bytecode of one contract."""
    return json.loads(resources.files("grail.assets").joinpath(f"contracts/{name}.json").read_text())


@dataclass(frozen=True, slots=True)
class ChainEvent:
    """One decoded event."""

    contract: str
    name: str
    fields: dict[str, Any]
    block: BlockNumber
    index: int


class Contract:
    """One deployed contract on one chain."""

    def __init__(self, chain: Chain, name: str, address: Address) -> None:
        self.name = name
        self.address = address
        self._chain = chain
        abi = artifact(name)["abi"]
        self._codec = _CODEC.eth.contract(abi=abi)
        self._outputs = {entry["name"]: entry["outputs"] for entry in abi if entry["type"] == "function"}
        self._events = {event_abi_to_log_topic(entry): entry["name"] for entry in abi if entry["type"] == "event"}
        decoder = getattr(chain, "reverts", None)
        if decoder is not None:
            decoder.learn(abi)

    def call(self, function: str, *values: Any) -> Any:
        """Read: one value, a list of values, or dicts where the contract returns structs."""
        raw = self._chain.call(self.address, self._encode(function, values))
        outputs = self._outputs[function]
        decoded = _CODEC.codec.decode([_type(item) for item in outputs], raw)
        shaped = [_shape(item, value) for item, value in zip(outputs, decoded, strict=True)]
        return shaped[0] if len(shaped) == 1 else shaped

    def send(self, signer: Signer, function: str, *values: Any, last: BlockNumber | None = None) -> Receipt:
        """Write: sign, send, wait. `last`: the last block in which it means anything."""
        return self._chain.send(signer, self.address, self._encode(function, values), last=last)

    def event(self, log: Log) -> ChainEvent | None:
        """Decode one of this contract's events; None for an event that the ABI does not name."""
        name = self._events.get(log.topics[0]) if log.topics else None
        if name is None:
            return None
        entry: Any = {
            "address": Web3.to_checksum_address(log.address),
            "topics": list(log.topics),
            "data": log.data,
            "blockNumber": log.block,
            "logIndex": log.index,
            "transactionHash": bytes(32),
            "transactionIndex": 0,
            "blockHash": bytes(32),
        }
        fields = dict(self._codec.events[name]().process_log(entry)["args"])
        return ChainEvent(self.name, name, {k: _plain(v) for k, v in fields.items()}, log.block, log.index)

    def calldata(self, function: str, *values: Any) -> bytes:
        """What `send` would send: for proposals, which are calls that the timelock makes later."""
        return self._encode(function, values)

    def decode_calldata(self, data: bytes) -> tuple[str, tuple[Any, ...]]:
        """Function name and values of a call, in ABI order."""
        function, values = self._codec.decode_function_input(bytes(data))
        return function.abi_element_identifier.split("(")[0], tuple(values.values())

    def _encode(self, function: str, values: tuple[Any, ...]) -> bytes:
        return bytes.fromhex(self._codec.encode_abi(function, args=_encodable(values))[2:])


def deployment_data(name: str, *values: Any) -> bytes:
    """Bytecode with encoded constructor arguments."""
    built = artifact(name)
    factory = _CODEC.eth.contract(abi=built["abi"], bytecode=built["bytecode"])
    return bytes.fromhex(factory.constructor(*_encodable(values)).data_in_transaction[2:])


def _encodable(value: Any) -> Any:
    """Addresses as web3 wants them, at any depth."""
    if isinstance(value, list | tuple):
        return type(value)(_encodable(part) for part in value)
    return Web3.to_checksum_address(value) if isinstance(value, bytes) and len(value) == 20 else value


def _type(item: dict[str, Any]) -> str:
    if not item["type"].startswith("tuple"):
        return item["type"]
    inner = ",".join(_type(part) for part in item["components"])
    return f"({inner}){item['type'][5:]}"


def _shape(item: dict[str, Any], value: Any) -> Any:
    if item["type"] == "tuple":
        return {part["name"]: _shape(part, v) for part, v in zip(item["components"], value, strict=True)}
    if item["type"] == "tuple[]":
        return [_shape({**item, "type": "tuple"}, part) for part in value]
    if item["type"].endswith("]"):
        return [_plain(v) for v in value]
    return _plain(value)


def _plain(value: Any) -> Any:
    """Addresses as 20 bytes, everything else as it is."""
    if isinstance(value, str) and len(value) == 42 and value.startswith("0x"):
        return bytes.fromhex(value[2:])
    return bytes(value) if isinstance(value, bytes) else value
