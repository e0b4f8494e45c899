"""A double of Subtensor: a subnet's state, and what becomes of extrinsics.

It is no node. It checks what a node checks of an extrinsic (signature, nonce, era, genesis, runtime), keeps a subnet's
state, and refuses weights by the runtime's own errors; consensus, fees and emission it has not. A test makes it
misbehave.
"""

import json
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from pathlib import Path
from typing import Any

import bittensor_core as core  # type: ignore[import-untyped]
from bittensor.sp_core import Keypair

from grail.chain.accounts import recovered
from grail.protocol.hashing import keccak256
from simulation.subtensor.extrinsics import era_of, opened
from simulation.subtensor.metadata import described, metadata

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
KEPT = 300
"""Blocks that it remembers: more than any era is long."""
PERSONAL = b"\x19Ethereum Signed Message:\n64"
"""EIP-191, before 64 bytes."""
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
    """The chain and its one subnet. `received`: extrinsics since it was made; `calls`: block, account and call of all.
    `file`: where it is kept, block by block; None for nowhere.
    """

    netuid: int = 5
    spec: int = SPEC
    commit_reveal: bool = False
    blocks: dict[int, Block] = field(default_factory=dict)
    faults: Faults = field(default_factory=Faults)
    received: list[dict[str, Any]] = field(default_factory=list)
    url: str = ""
    clock: Callable[[], float] = time.time
    file: Path | None = None
    head: Block = field(init=False)

    def __post_init__(self) -> None:
        self.codec = core.Runtime(metadata(), self.spec, TX_VERSION, SS58)
        self._lock = threading.RLock()
        self._state: dict[bytes, bytes] = {}
        self._events: list[dict[str, Any]] = []
        self._sent: dict[bytes, int] = {}
        self.calls: list[tuple[int, str, str]] = []
        self.head = self.blocks[0] = Block(0, GENESIS, "0x" + "00" * 32, [], {})
        self.keep("NetworksAdded", [self.netuid], True)
        self.keep("CommitRevealWeightsEnabled", [self.netuid], self.commit_reveal)
        for name, value in {
            "Tempo": 360, "MinAllowedWeights": 1, "MaxWeightsLimit": 65_535, "WeightsSetRateLimit": 100,
            "WeightsVersionKey": 0, "SubnetworkN": 0, "RevealPeriodEpochs": 1, "SubnetEpochConsensus": 0,
        }.items():  # fmt: skip
            self.keep(name, [self.netuid], value)
        self.mine(3)

    # In a file

    @classmethod
    def load(cls, path: Path) -> "Double":
        """Goes on where the file ends; of the blocks before it only the names are as they were."""
        told = json.loads(path.read_text())
        double = cls(netuid=told["netuid"], spec=told["spec"])
        double._state = {bytes.fromhex(key): bytes.fromhex(value) for key, value in told["state"].items()}
        double._sent = {bytes.fromhex(key): nonce for key, nonce in told["sent"].items()}
        double.calls = told["calls"]
        for number in range(max(1, told["block"] - KEPT + 1), told["block"] + 1):
            block = Block(number, double._name(number), double._name(number - 1), [], double._state)
            double.head = double.blocks[number] = block
        double.file = path
        return double

    def save(self, path: Path) -> None:
        """Begin a file, which `load` reads."""
        self.file = path
        self._save()

    def _save(self) -> None:
        if self.file is None:
            return
        state = {key.hex(): value.hex() for key, value in self._state.items()}
        sent = {key.hex(): nonce for key, nonce in self._sent.items()}
        told = {"netuid": self.netuid, "spec": self.spec, "block": self.head.number, "state": state, "sent": sent}
        part = self.file.with_name(self.file.name + ".part")
        part.write_text(json.dumps(told | {"calls": self.calls}))
        part.replace(self.file)

    def _name(self, number: int) -> str:
        return "0x" + blake2b(f"{number} {self.spec}".encode(), digest_size=32).hexdigest() if number else GENESIS

    # State

    def next_nonce(self, account: bytes) -> int:
        """Of an account."""
        return self._sent.get(account, 0)

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

    def mine(self, count: int = 1, extrinsics: list[bytes] | None = None) -> Block:
        """Make blocks; the first one holds the extrinsics and their events."""
        with self._lock:
            self.keep("Now", [], int(self.clock() * 1_000), "Timestamp")
            for place in range(count):
                number = self.head.number + 1
                self.keep("Events", [], self._events, "System")
                self._events = []
                held = list(extrinsics or []) if place == 0 else []
                block = Block(number, self._name(number), self.head.hash, held, dict(self._state))
                self.head = self.blocks[number] = block
                self.blocks.pop(number - KEPT if number > KEPT else -1, None)
            self._save()
            return self.head

    def register(self, key: bytes, *, permit: bool = False, stake: int = 0) -> int:
        """A hotkey (its public key) in the subnet, its own coldkey; its uid."""
        uid = int(self.kept("SubnetworkN", [self.netuid]))
        hotkey = "0x" + key.hex()
        self.keep("SubnetworkN", [self.netuid], uid + 1)
        self.replace(uid, key)
        self.keep("Owner", [hotkey], hotkey)
        self.keep("TotalHotkeyAlpha", [hotkey, self.netuid], stake)
        for item, value in (("ValidatorPermit", permit), ("LastUpdate", 0)):
            self.keep(item, [self.netuid], [*self.kept(item, [self.netuid]), value])
        self.mine()
        return uid

    def replace(self, uid: int, key: bytes) -> None:
        """Another hotkey takes a slot: its predecessor is pruned, its association stays in the slot."""
        before = self.kept("Keys", [self.netuid, uid])
        old = bytes(self.codec.storage_key(MODULE, "Uids", [self.netuid, before]))
        self._state.pop(old, None)
        hotkey = "0x" + key.hex()
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
                self.calls.append((self.head.number + 1, account.hex(), decoded["call"]["call_function"]))
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
        told = keccak256(PERSONAL + account + keccak256(block_number.to_bytes(8, "little")))
        if recovered(told, proof) != bytes.fromhex(evm_key[2:]):
            raise Refused("InvalidRecoveredPublicKey")
        block = self.head.number + 1
        self.keep("AssociatedEvmAddress", [netuid, uid], (evm_key, block))
        said = {"netuid": netuid, "hotkey": "0x" + account.hex(), "evm_key": evm_key, "block_associated": block}
        return [{MODULE: {"EvmKeyAssociated": said}}]
