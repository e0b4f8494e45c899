"""Metadata (V15, SCALE) of a small Substrate runtime, made from a description: what the double speaks.

Pallets, calls, storage, events and errors are those of Subtensor's runtime 381 (runtime381.json: facts of a runtime in
the public domain), and `MORE`, what newer runtimes have and the SDK reads.
"""

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

FACTS = json.loads((Path(__file__).parent / "runtime381.json").read_text())
MORE = {
    "SubnetEpochConsensus": ("u8", "SDK 11.3 asks whether a subnet runs Yuma (0) or Null before it sets weights"),
    "LastEpochBlock": ("u64", "SDK 11.3 reckons with it when a commit is revealed"),
    "PendingEpochAt": ("u64", "SDK 11.3 reckons with it when a commit is revealed"),
    "SubnetEpochIndex": ("u64", "SDK 11.3 reckons with it when a commit is revealed"),
}
"""Storage items by netuid that 381 has not, with the reason why the double has."""
PATHS = {
    "Era": "sp_runtime::generic::era::Era",
    "AccountId32": "sp_core::crypto::AccountId32",
    "H256": "primitive_types::H256",
    "H160": "primitive_types::H160",
    "MultiAddress": "sp_runtime::multiaddress::MultiAddress",
    "MultiSignature": "sp_runtime::MultiSignature",
    "BoundedVec": "bounded_collections::bounded_vec::BoundedVec",
    "Option": "Option",
    "EventRecord": "frame_system::EventRecord",
    "Phase": "frame_system::Phase",
    "DispatchError": "sp_runtime::DispatchError",
    "ModuleError": "sp_runtime::ModuleError",
    "RuntimeCall": "node_subtensor_runtime::RuntimeCall",
    "RuntimeEvent": "node_subtensor_runtime::RuntimeEvent",
}
"""What the codec knows types by."""
PRIMITIVES = ("bool", "char", "str", "u8", "u16", "u32", "u64", "u128")
HASHERS = ("Blake2128", "Blake2256", "Blake2128Concat", "Twox128", "Twox256", "Twox64Concat", "Identity")
EMPTY = "()"
COMPOSITES: dict[str, Sequence[tuple[str | None, str]]] = {
    "AccountId32": [(None, "[u8;32]")],
    "H256": [(None, "[u8;32]")],
    "H160": [(None, "[u8;20]")],
    "BoundedVec": [(None, "Vec<u8>")],
    "ExtraFlags": [(None, "u128")],
    "AccountData": [("free", "u64"), ("reserved", "u64"), ("frozen", "u64"), ("flags", "ExtraFlags")],
    "AccountInfo": [
        ("nonce", "u32"), ("consumers", "u32"), ("providers", "u32"), ("sufficients", "u32"), ("data", "AccountData"),
    ],
    "Weight": [("ref_time", "Compact<u64>"), ("proof_size", "Compact<u64>")],
    "DispatchEventInfo": [("weight", "Weight"), ("class", "DispatchClass"), ("pays_fee", "Pays")],
    "RuntimeDispatchInfo": [("weight", "Weight"), ("class", "DispatchClass"), ("partial_fee", "u64")],
    "ModuleError": [("index", "u8"), ("error", "[u8;4]")],
    "EventRecord": [("phase", "Phase"), ("event", "RuntimeEvent"), ("topics", "Vec<H256>")],
    "CheckMortality": [(None, "Era")],
    "CheckNonce": [(None, "Compact<u32>")],
    "ChargeTransactionPayment": [(None, "Compact<u64>")],
    "CheckMetadataHash": [("mode", "Mode")],
}  # fmt: skip
Case = tuple[str, int, Sequence[tuple[str | None, str]]]
VARIANTS: dict[str, Sequence[Case]] = {
    "DispatchClass": [("Normal", 0, []), ("Operational", 1, []), ("Mandatory", 2, [])],
    "Pays": [("Yes", 0, []), ("No", 1, [])],
    "Mode": [("Disabled", 0, []), ("Enabled", 1, [])],
    "Option": [("None", 0, []), ("Some", 1, [(None, "[u8;32]")])],
    "Phase": [("ApplyExtrinsic", 0, [(None, "u32")]), ("Finalization", 1, []), ("Initialization", 2, [])],
    "DispatchError": [
        ("Other", 0, []), ("CannotLookup", 1, []), ("BadOrigin", 2, []), ("Module", 3, [(None, "ModuleError")]),
        ("ConsumerRemaining", 4, []), ("NoProviders", 5, []), ("TooManyConsumers", 6, []),
    ],
    "MultiAddress": [("Id", 0, [(None, "AccountId32")])],
    "MultiSignature": [
        ("Ed25519", 0, [(None, "[u8;64]")]), ("Sr25519", 1, [(None, "[u8;64]")]), ("Ecdsa", 2, [(None, "[u8;65]")]),
    ],
    "Era": [("Immortal", 0, []), *[(f"Mortal{n}", n, [(None, "u8")]) for n in range(1, 256)]],
}  # fmt: skip


def compact(value: int) -> bytes:
    """A SCALE compact integer below 2^30."""
    if value < 1 << 6:
        return bytes([value << 2])
    if value < 1 << 14:
        return (value << 2 | 1).to_bytes(2, "little")
    assert value < 1 << 30
    return (value << 2 | 2).to_bytes(4, "little")


def listed(parts: Sequence[bytes]) -> bytes:
    """A vector."""
    return compact(len(parts)) + b"".join(parts)


def text(value: str) -> bytes:
    """A string."""
    return compact(len(value.encode())) + value.encode()


def optional(value: bytes | None) -> bytes:
    """An option."""
    return b"\0" if value is None else b"\1" + value


class Registry:
    """Types by their written form, each once."""

    def __init__(self) -> None:
        self._known: dict[str, int] = {}
        self._types: list[bytes] = []

    def number(self, written: str) -> bytes:
        """The compact number of a type."""
        if written not in self._known:
            self._known[written] = len(self._types)
            self._types.append(b"")
            self._types[self._known[written]] = self._made(written)
        return compact(self._known[written])

    def encoded(self) -> bytes:
        return listed([compact(number) + made for number, made in enumerate(self._types)])

    def _made(self, written: str) -> bytes:
        """Path, parameters, definition, docs."""
        named = written in COMPOSITES or written in VARIANTS
        path = listed([text(part) for part in PATHS.get(written, f"double::{written}").split("::")] if named else [])
        return path + listed([]) + self._definition(written) + listed([])

    def _definition(self, written: str) -> bytes:
        if written in PRIMITIVES:
            return b"\5" + bytes([PRIMITIVES.index(written)])
        if found := re.fullmatch(r"Vec<(.*)>", written):
            return b"\2" + self.number(found[1])
        if found := re.fullmatch(r"Compact<(.*)>", written):
            return b"\6" + self.number(found[1])
        if found := re.fullmatch(r"\[(.*);(\d+)\]", written):
            return b"\3" + int(found[2]).to_bytes(4, "little") + self.number(found[1])
        if written.startswith("("):
            return b"\4" + listed([self.number(part) for part in parts_of(written)])
        if written in VARIANTS:
            cases = [
                text(name) + self._fields(fields) + bytes([index]) + listed([])
                for name, index, fields in VARIANTS[written]
            ]
            return b"\1" + listed(cases)
        return b"\0" + self._fields(COMPOSITES.get(written, []))

    def _fields(self, fields: Sequence[tuple[str | None, str]]) -> bytes:
        return listed(
            [
                optional(None if name is None else text(name)) + self.number(kind) + optional(text(kind)) + listed([])
                for name, kind in fields
            ]
        )


def parts_of(written: str) -> list[str]:
    """Of a tuple as it is written; commas inside of brackets divide nothing."""
    parts, depth, start = [], 0, 1
    for place, sign in enumerate(written[1:-1], 1):
        depth += (sign in "(<[") - (sign in ")>]")
        if sign == "," and depth == 0:
            parts.append(written[start:place])
            start = place + 1
    return [*parts, written[start:-1]] if written != EMPTY else []


def described() -> dict[str, Any]:
    """381's pallets, with what newer runtimes have."""
    pallets = json.loads(json.dumps(FACTS["pallets"]))
    for name, (kind, _) in MORE.items():
        entry = {"optional": False, "hashers": ["Identity"], "key": "u16", "value": kind, "default": "0x" + "00" * 8}
        pallets["SubtensorModule"]["storage"][name] = entry
    return pallets


def metadata() -> bytes:
    """The whole, from its magic number on."""
    pallets = described()
    for kind in ("calls", "events", "errors"):
        outer: list[Case] = []
        for name, pallet in pallets.items():
            if pallet[kind]:
                own = f"{name}.{kind}"
                VARIANTS[own] = [
                    (case, said, []) if kind == "errors" else (case, said["index"], [tuple(f) for f in said["fields"]])
                    for case, said in pallet[kind].items()
                ]
                outer.append((name, pallet["index"], [(None, own)]))
        VARIANTS[{"calls": "RuntimeCall", "events": "RuntimeEvent", "errors": "RuntimeError"}[kind]] = outer
    types = Registry()
    body = [listed([_pallet(types, name, pallet) for name, pallet in pallets.items()])]
    extensions = FACTS["extrinsic"]["extensions"]
    extra = "(" + ",".join(kind for _, kind, _ in extensions) + ")"
    numbers = [types.number(kind) for kind in ("MultiAddress", "RuntimeCall", "MultiSignature", extra)]
    told = [text(name) + types.number(kind) + types.number(more) for name, kind, more in extensions]
    body += [b"\4" + b"".join(numbers) + listed(told), types.number(EMPTY)]
    inputs = listed([text("uxt") + types.number("Vec<u8>"), text("len") + types.number("u32")])
    query = text("query_info") + inputs + types.number("RuntimeDispatchInfo") + listed([])
    body.append(listed([text("TransactionPaymentApi") + listed([query]) + listed([])]))
    body += [types.number(kind) for kind in ("RuntimeCall", "RuntimeEvent", "RuntimeError")]
    body.append(listed([]))
    return b"meta" + b"\x0f" + types.encoded() + b"".join(body)


def _pallet(types: Registry, name: str, pallet: dict[str, Any]) -> bytes:
    storage = [_entry(types, item, said) for item, said in pallet["storage"].items()]
    constants = [
        text(item) + types.number(kind) + _raw(value) + listed([])
        for item, (kind, value) in pallet["constants"].items()
    ]
    enums = [optional(types.number(f"{name}.{kind}") if pallet[kind] else None) for kind in ("calls", "events")]
    errors = optional(types.number(f"{name}.errors") if pallet["errors"] else None)
    return (
        text(name) + optional(text(name) + listed(storage) if storage else None) + b"".join(enums) + listed(constants)
        + errors + bytes([pallet["index"]]) + listed([])
    )  # fmt: skip


def _entry(types: Registry, name: str, said: dict[str, Any]) -> bytes:
    hashers = [bytes([HASHERS.index(hasher)]) for hasher in said["hashers"]]
    value = types.number(said["value"])
    kind = b"\1" + listed(hashers) + types.number(said["key"]) + value if hashers else b"\0" + value
    return text(name) + bytes([not said["optional"]]) + kind + _raw(said["default"]) + listed([])


def _raw(value: str) -> bytes:
    data = bytes.fromhex(value[2:])
    return compact(len(data)) + data
