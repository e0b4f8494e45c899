"""A contract's ABI as a codec: call and send by name, events as typed records. No network of its own."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources
from typing import Any

from eth_abi.codec import ABICodec
from eth_abi.decoding import StringDecoder
from eth_abi.exceptions import DecodingError
from eth_utils.abi import event_abi_to_log_topic
from web3 import Web3
from web3.exceptions import Web3Exception

from grail.chain.accounts import Signer
from grail.chain.base import Chain, Log, Receipt
from grail.errors import BadInput
from grail.protocol.units import Address, BlockNumber, Digest


def lenient(codec: ABICodec) -> ABICodec:
    """The codec, but bytes of a string that are no UTF-8 become U+FFFD: a stranger's endpoint or reason may be
    anything, and who reads it must not stop there.
    """
    registry = codec._registry.copy()
    registry.unregister_decoder("string")
    registry.register_decoder("string", StringDecoder(handle_string_errors="replace"), label="string")
    return ABICodec(registry)


_CODEC = Web3()
_CODEC.codec = lenient(_CODEC.codec)


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
    transaction: Digest


class Contract:
    """One deployed contract on one chain."""

    def __init__(self, chain: Chain, name: str, address: Address) -> None:
        self.name = name
        self.address = address
        self._chain = chain
        abi = artifact(name)["abi"]
        self._codec = _CODEC.eth.contract(abi=abi)
        self._outputs = {entry["name"]: entry["outputs"] for entry in abi if entry["type"] == "function"}
        self._events = {event_abi_to_log_topic(entry): entry for entry in abi if entry["type"] == "event"}
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
        known = self._events.get(log.topics[0]) if log.topics else None
        if known is None:
            return None
        name = known["name"]
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
        plain = {item["name"]: _shape(item, fields[item["name"]]) for item in known["inputs"]}
        return ChainEvent(self.name, name, plain, log.block, log.index, log.transaction)

    def calldata(self, function: str, *values: Any) -> bytes:
        """What `send` would send: for proposals, which are calls that the timelock makes later."""
        return self._encode(function, values)

    def decode_calldata(self, data: bytes) -> tuple[str, tuple[Any, ...]]:
        """Function name and values of a call, in ABI order. Raises BadInput for what is no call of this contract."""
        try:
            function, values = self._codec.decode_function_input(bytes(data))
        except (ValueError, Web3Exception, DecodingError) as error:
            raise BadInput(
                f"expected a call of {self.name}, got 0x{data[:4].hex()}… ({type(error).__name__})"
            ) from error
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
    """As its type says: structs as dicts, addresses as 20 bytes. A text that looks like an address stays a text."""
    kind = item["type"]
    if kind.endswith("]"):
        return [_shape({**item, "type": kind[: kind.rindex("[")]}, part) for part in value]
    if kind == "tuple":
        parts = value.values() if isinstance(value, Mapping) else value
        return {part["name"]: _shape(part, v) for part, v in zip(item["components"], parts, strict=True)}
    if kind == "address":
        return bytes.fromhex(value[2:])
    return bytes(value) if isinstance(value, bytes) else value
