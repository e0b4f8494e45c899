"""A double of a Subtensor node: the SDK's own transport, codec and signer talk to it over a websocket.

It is no node. It checks what a node checks of an extrinsic (signature, nonce, era, genesis, runtime), keeps a subnet's
state, and refuses weights by the runtime's own errors; consensus, fees and emission it has not. A test makes it
misbehave.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

import bittensor_core as core
from bittensor.sp_core import Keypair
from eth_account import Account
from eth_account.messages import encode_defunct
from websockets.exceptions import ConnectionClosed
from websockets.sync.server import ServerConnection, serve

from grail.protocol.hashing import keccak256
from tests.bittensor.metadata import described, metadata

SPEC, TX_VERSION = 430, 1
SS58 = 42
GENESIS = "0x" + blake2b(b"a double's genesis", digest_size=32).hexdigest()
MODULE = "SubtensorModule"
BAD_PROOF, STALE, FUTURE, ANCIENT = "BadProof", "Stale", "Future", "AncientBirthBlock"
INVALID = {
    BAD_PROOF: "Transaction has a bad signature", STALE: "Transaction is outdated",
    FUTURE: "Transaction will be valid in the future", ANCIENT: "Transaction has an ancient birth block",
}  # fmt: skip
ACCOUNT: dict[str, Any] = {
    "nonce": 0, "consumers": 0, "providers": 1, "sufficients": 0,
    "data": {"free": 10**9, "reserved": 0, "frozen": 0, "flags": 0},
}  # fmt: skip
BLOCK_AT = {
    "chain_getHeader": 0, "chain_getBlock": 0, "state_getStorageAt": 1, "state_queryStorageAt": 1,
    "state_getKeysPaged": 3,
}  # fmt: skip
"""Where a method names its block."""
INFO = {"weight": {"ref_time": 1, "proof_size": 0}, "class": "Normal", "pays_fee": "No"}


class Refused(Exception):
    """A dispatch error by its name in the runtime."""


class Invalid(Exception):
    """What a pool does not even take."""


@dataclass
class Block:
    """A block, with the state behind it."""

    number: int
    hash: str
    parent: str
    extrinsics: list[bytes]
    state: dict[bytes, bytes]


@dataclass
class Faults:
    """How it misbehaves, until a test says otherwise. `drop`: close the connection when an extrinsic arrives, "before"
    or "after" it is taken; `silent`: answer nothing; `alter`: write other weights than were sent; `vanish`: say that it
    is in a block that has not got it; `reject`: the pool's answer to every extrinsic; `fail`: a dispatch error of each.
    """

    drop: str = ""
    silent: bool = False
    alter: bool = False
    vanish: bool = False
    reject: str = ""
    fail: str = ""


@dataclass
class Double:
    """The chain and its one subnet."""

    netuid: int = 5
    spec: int = SPEC
    commit_reveal: bool = False
    blocks: list[Block] = field(default_factory=list)
    faults: Faults = field(default_factory=Faults)
    received: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    clock: Callable[[], float] = time.time

    def __post_init__(self) -> None:
        self.codec = core.Runtime(metadata(), self.spec, TX_VERSION, SS58)
        self._lock = threading.RLock()
        self._state: dict[bytes, bytes] = {}
        self._events: list[dict[str, Any]] = []
        self._sent: dict[bytes, int] = {}
        self.blocks.append(Block(0, GENESIS, "0x" + "00" * 32, [], {}))
        self.keep("NetworksAdded", [self.netuid], True)
        self.keep("CommitRevealWeightsEnabled", [self.netuid], self.commit_reveal)
        for name, value in {
            "Tempo": 360, "MinAllowedWeights": 1, "MaxWeightsLimit": 65_535, "WeightsSetRateLimit": 100,
            "WeightsVersionKey": 0, "SubnetworkN": 0, "RevealPeriodEpochs": 1, "SubnetEpochConsensus": 0,
        }.items():  # fmt: skip
            self.keep(name, [self.netuid], value)
        self.mine(3)

    # State

    def keep(self, item: str, params: list[Any], value: Any, pallet: str = MODULE) -> None:
        """Write a storage item."""
        entry = self.codec.storage_entry(pallet, item)
        key = bytes(self.codec.storage_key(pallet, item, params))
        self._state[key] = bytes(self.codec.encode(entry.value_type, value))

    def kept(self, item: str, params: list[Any], pallet: str = MODULE) -> Any:
        """Read one; its default where nothing was written, None where it is optional."""
        entry = self.codec.storage_entry(pallet, item)
        raw = self._state.get(bytes(self.codec.storage_key(pallet, item, params)))
        if raw is None and entry.modifier == "Optional":
            return None
        return self.codec.decode(entry.value_type, bytes(entry.default_bytes) if raw is None else raw, False)

    @property
    def head(self) -> Block:
        """The newest block."""
        return self.blocks[-1]

    def mine(self, count: int = 1, extrinsics: list[bytes] | None = None) -> Block:
        """Make blocks; the first one holds the extrinsics and their events."""
        with self._lock:
            self.keep("Now", [], int(self.clock() * 1_000), "Timestamp")
            for place in range(count):
                number = self.head.number + 1
                self.keep("Events", [], self._events, "System")
                self._events = []
                name = "0x" + blake2b(f"{number} {self.spec}".encode(), digest_size=32).hexdigest()
                held = list(extrinsics or []) if place == 0 else []
                self.blocks.append(Block(number, name, self.head.hash, held, dict(self._state)))
            return self.head

    def register(self, key: Keypair, *, permit: bool = False, stake: int = 0, coldkey: Keypair | None = None) -> int:
        """A hotkey in the subnet; its uid."""
        uid = int(self.kept("SubnetworkN", [self.netuid]))
        hotkey = "0x" + key.public_key.hex()
        self.keep("SubnetworkN", [self.netuid], uid + 1)
        self.replace(uid, key)
        self.keep("Owner", [hotkey], "0x" + (coldkey or key).public_key.hex())
        self.keep("TotalHotkeyAlpha", [hotkey, self.netuid], stake)
        for item, value in (("ValidatorPermit", permit), ("LastUpdate", 0)):
            self.keep(item, [self.netuid], [*self.kept(item, [self.netuid]), value])
        self.mine()
        return uid

    def replace(self, uid: int, key: Keypair) -> None:
        """Another hotkey takes a slot: its predecessor is pruned, its association stays in the slot."""
        before = self.kept("Keys", [self.netuid, uid])
        old = bytes(self.codec.storage_key(MODULE, "Uids", [self.netuid, before]))
        self._state.pop(old, None)
        hotkey = "0x" + key.public_key.hex()
        self.keep("Uids", [self.netuid, hotkey], uid)
        self.keep("Keys", [self.netuid, uid], hotkey)
        self.keep("BlockAtRegistration", [self.netuid, uid], self.head.number + 1)

    def associate(self, uid: int, evm: bytes, block: int | None = None) -> None:
        """An EVM key of a slot, as if its hotkey had associated it."""
        self.keep("AssociatedEvmAddress", [self.netuid, uid], ("0x" + evm.hex(), block or self.head.number))
        self.mine()

    def weights(self, uid: int) -> list[tuple[int, int]]:
        """What a validator's weights are."""
        return [tuple(pair) for pair in self.kept("Weights", [self.netuid, uid])]

    def reveal(self, uid: int, vector: list[tuple[int, int]]) -> None:
        """As the chain reveals a commit once its drand round is there. What was in it the test says: nobody can open it
        before, and here is no drand."""
        self.keep("Weights", [self.netuid, uid], vector)
        self.mine()

    # Extrinsics

    def take(self, data: bytes) -> Callable[[], Block]:
        """Check an extrinsic as the pool does; gives what puts it into a block."""
        decoded = self._checked(data)
        account = bytes.fromhex(decoded["address"][2:])

        def include() -> Block:
            with self._lock:
                self._sent[account] = decoded["nonce"] + 1
                known = {**ACCOUNT, "nonce": decoded["nonce"] + 1}
                self.keep("Account", ["0x" + account.hex()], known, "System")
                self.received.append(decoded)
                self._dispatch(account, decoded["call"])
                return self.mine(1, [] if self.faults.vanish else [data])

        return include

    def _checked(self, data: bytes) -> dict[str, Any]:
        parts = opened(data)
        account = bytes.fromhex(parts["address"][2:])
        expected = self._sent.get(account, 0)
        if parts["nonce"] != expected:
            raise Invalid(STALE if parts["nonce"] < expected else FUTURE)
        period, birth = era_of(parts["era"], self.head.number)
        if period and not birth <= self.head.number < birth + period:
            raise Invalid(ANCIENT)
        payload = self.codec.signature_payload(
            parts["call_data"], era="00" if not period else {"period": period, "current": birth}, nonce=parts["nonce"],
            tip=0, tip_asset_id=None, genesis_hash=bytes.fromhex(GENESIS[2:]),
            era_block_hash=bytes.fromhex((self.blocks[birth].hash if period else GENESIS)[2:]), metadata_hash=None,
        )  # fmt: skip
        if not Keypair(public_key=account, ss58_format=SS58).verify(bytes(payload), parts["signature"]):
            raise Invalid(BAD_PROOF)
        return {**parts, "call": self.codec.decode_call(parts["call_data"])}

    def _dispatch(self, account: bytes, call: dict[str, Any]) -> None:
        arguments = {one["name"]: one["value"] for one in call["call_args"]}
        before = dict(self._state)
        events: list[dict[str, Any]] = []
        try:
            if self.faults.fail:
                raise Refused(self.faults.fail)
            events = getattr(self, f"_{call['call_function']}")(account, **arguments)
            events.append({"System": {"ExtrinsicSuccess": {"dispatch_info": INFO}}})
        except Refused as refused:
            self._state = before
            index = described()[MODULE]["errors"][str(refused)]
            error = {"Module": {"index": 7, "error": "0x" + bytes([index, 0, 0, 0]).hex()}}
            events = [{"System": {"ExtrinsicFailed": {"dispatch_error": error, "dispatch_info": INFO}}}]
        self._events = [{"phase": {"ApplyExtrinsic": 0}, "event": event, "topics": []} for event in events]

    def _setter(self, account: bytes, netuid: int) -> int:
        """The uid of whoever may set weights now."""
        uid = self.kept("Uids", [netuid, "0x" + account.hex()])
        if uid is None:
            raise Refused("HotKeyNotRegisteredInSubNet")
        alpha = int(self.kept("TotalHotkeyAlpha", ["0x" + account.hex(), netuid]))
        if alpha < int(self.kept("StakeThreshold", [])):
            raise Refused("NotEnoughStakeToSetWeights")
        if not self.kept("ValidatorPermit", [netuid])[uid]:
            raise Refused("NeuronNoValidatorPermit")
        last = int(self.kept("LastUpdate", [netuid])[uid])
        if last and self.head.number - last < int(self.kept("WeightsSetRateLimit", [netuid])):
            raise Refused("SettingWeightsTooFast")
        return int(uid)

    def _stamp(self, uid: int, netuid: int) -> None:
        updates = list(self.kept("LastUpdate", [netuid]))
        updates[uid] = self.head.number + 1
        self.keep("LastUpdate", [netuid], updates)

    def _set_mechanism_weights(
        self, account: bytes, netuid: int, mecid: int, dests: list[int], weights: list[int], version_key: int
    ) -> list[dict[str, Any]]:
        if self.kept("CommitRevealWeightsEnabled", [netuid]):
            raise Refused("CommitRevealEnabled")
        uid = self._setter(account, netuid)
        if version_key < int(self.kept("WeightsVersionKey", [netuid])):
            raise Refused("IncorrectWeightVersionKey")
        if len(set(dests)) != len(dests):
            raise Refused("DuplicateUids")
        if any(dest >= int(self.kept("SubnetworkN", [netuid])) for dest in dests):
            raise Refused("UidVecContainInvalidOne")
        if len(dests) < int(self.kept("MinAllowedWeights", [netuid])):
            raise Refused("WeightVecLengthIsLow")
        pairs = list(zip(dests, weights, strict=True))
        self.keep("Weights", [netuid, uid], pairs[:-1] if self.faults.alter else pairs)
        self._stamp(uid, netuid)
        return [{MODULE: {"WeightsSet": [netuid, uid]}}]

    def _commit_timelocked_mechanism_weights(
        self, account: bytes, netuid: int, mecid: int, commit: Any, reveal_round: int, commit_reveal_version: int
    ) -> list[dict[str, Any]]:
        if not self.kept("CommitRevealWeightsEnabled", [netuid]):
            raise Refused("CommitRevealDisabled")
        if commit_reveal_version != int(self.kept("CommitRevealWeightsVersion", [])):
            raise Refused("IncorrectCommitRevealVersion")
        uid = self._setter(account, netuid)
        self._stamp(uid, netuid)
        digest = "0x" + blake2b(str(commit).encode(), digest_size=32).hexdigest()
        return [{MODULE: {"TimelockedWeightsCommitted": ["0x" + account.hex(), netuid, digest, reveal_round]}}]

    def _associate_evm_key(
        self, account: bytes, netuid: int, evm_key: str, block_number: int, signature: Any
    ) -> list[dict[str, Any]]:
        uid = self.kept("Uids", [netuid, "0x" + account.hex()])
        if uid is None:
            raise Refused("HotKeyNotRegisteredInSubNet")
        proof = bytes.fromhex(signature[2:]) if isinstance(signature, str) else bytes(signature)
        told = encode_defunct(primitive=account + keccak256(block_number.to_bytes(8, "little")))
        if Account.recover_message(told, signature=proof).lower() != evm_key.lower():
            raise Refused("InvalidRecoveredPublicKey")
        block = self.head.number + 1
        self.keep("AssociatedEvmAddress", [netuid, uid], (evm_key, block))
        said = {"netuid": netuid, "hotkey": "0x" + account.hex(), "evm_key": evm_key, "block_associated": block}
        return [{MODULE: {"EvmKeyAssociated": said}}]

    # Questions

    def answer(self, method: str, params: list[Any]) -> Any:
        """One JSON-RPC call."""
        block = self._block(params, BLOCK_AT.get(method))
        match method:
            case "chain_getHead" | "chain_getFinalizedHead":
                return self.head.hash
            case "chain_getBlockHash":
                number = int(params[0]) if params and params[0] is not None else self.head.number
                return self.blocks[number].hash if number < len(self.blocks) else None
            case "chain_getHeader":
                return None if block is None else {"number": hex(block.number), "parentHash": block.parent}
            case "chain_getBlock":
                header = {"number": hex(block.number), "parentHash": block.parent}
                return {"block": {"header": header, "extrinsics": ["0x" + data.hex() for data in block.extrinsics]}}
            case "state_getRuntimeVersion":
                return {"specName": "double", "specVersion": self.spec, "transactionVersion": TX_VERSION}
            case "state_call" if params[0] == "Metadata_metadata_at_version":
                raw = metadata()
                return "0x01" + (len(raw) << 2 | 2).to_bytes(4, "little").hex() + raw.hex()
            case "state_call" if params[0] == "TransactionPaymentApi_query_info":
                kind = self.codec.runtime_api_map()["TransactionPaymentApi"]["query_info"]["output"]
                info = {"weight": INFO["weight"], "class": "Normal", "partial_fee": 0}
                return "0x" + bytes(self.codec.encode(kind, info)).hex()
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
                return self._sent.get(bytes(core.ss58_decode(params[0])), 0)
        raise LookupError(method)

    def _block(self, params: list[Any], at: int | None) -> Block | None:
        named = params[at] if at is not None and len(params) > at else None
        if named is None:
            return self.head
        return next((block for block in self.blocks if block.hash == named), None)


def _hex(value: bytes | None) -> str | None:
    return None if value is None else "0x" + value.hex()


def opened(data: bytes) -> dict[str, Any]:
    """A signed extrinsic's parts: of version 4, by an account, signed by sr25519, without a tip."""
    _, place = read_compact(data, 0)
    assert data[place] == 0x84 and data[place + 1] == 0, "a signed extrinsic of version 4 by an account"
    account, place = data[place + 2 : place + 34], place + 34
    assert data[place] == 1, "sr25519"
    signature, place = data[place + 1 : place + 65], place + 65
    era, place = (data[place : place + 1], place + 1) if data[place] == 0 else (data[place : place + 2], place + 2)
    nonce, place = read_compact(data, place)
    _, place = read_compact(data, place)
    parts = {"address": "0x" + account.hex(), "signature": signature, "era": era, "nonce": nonce}
    return {**parts, "call_data": data[place + 1 :]}  # behind the mode of CheckMetadataHash


def read_compact(data: bytes, place: int) -> tuple[int, int]:
    width = (1, 2, 4)[data[place] & 3]
    return int.from_bytes(data[place : place + width], "little") >> 2, place + width


def era_of(encoded: bytes, current: int) -> tuple[int, int]:
    """Period and first block of a mortal era; 0, 0 of an immortal one."""
    if encoded == b"\0":
        return 0, 0
    value = int.from_bytes(encoded, "little")
    period = 2 << (value & 15)
    phase = (value >> 4) * max(period >> 12, 1)
    return period, (max(current, phase) - phase) // period * period + phase


@contextmanager
def serving(double: Double) -> Iterator[Double]:
    """It answers at `double.url`."""

    def talk(socket: ServerConnection) -> None:
        try:
            for message in socket:
                asked = json.loads(message)
                if not double.faults.silent:
                    _respond(double, socket, asked)
        except ConnectionClosed:
            return

    with serve(talk, "127.0.0.1", 0, max_size=16 << 20) as server:
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
        reply(id=number, result=double.answer(method, params))
    except LookupError:
        reply(id=number, error={"code": -32601, "message": f"Method not found: {method}"})


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
