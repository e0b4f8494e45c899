"""Who takes part: roles, hotkeys, endpoints, jail, places of the active set, rests."""

from collections.abc import Callable, Mapping
from typing import Any

from explorer.index.writer import Writer, block_of, clock_at, commission_of
from grail.storage.chain_tables import ALPHAS, NEURONS, PLACES, RESTS

NOBODY, NO_DIGEST = "0x" + "00" * 20, "0x" + "00" * 32
NEW = {
    "role": 0, "endpoint": "", "hotkey": NOBODY, "ss58": NO_DIGEST, "jailed": False, "approved": False,
    "commission": 0, "next_commission": 0, "commission_from": 0,
}  # fmt: skip


def _hold(w: Writer, place: int, neuron: str, **values: Any) -> None:
    known = NEW if w.now(NEURONS, neuron) is None else {}
    w.hold(place, NEURONS, (neuron,), **{**known, **values})


def _set(neuron: str, **of: Callable[[Mapping[str, Any]], Any]) -> Any:
    """A projection that sets columns of the neuron which a field names."""

    def project(w: Writer, place: int, f: Mapping[str, Any]) -> None:
        _hold(w, place, f[neuron], **{name: read(f) for name, read in of.items()})

    return project


def _commission(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    before = w.now(NEURONS, f["neuron"])
    now = commission_of(before, clock_at(w, block_of(place))) if before else 0
    _hold(w, place, f["neuron"], commission=now, next_commission=int(f["bps"]), commission_from=int(f["from"]))


def _seated(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, PLACES, (f["validator"],), stake=int(f["stake"]), seated=True)


def _unseated(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, PLACES, (f["validator"],), stake=0, seated=False)


def _bound(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, ALPHAS, (f["validator"],), hotkey=f["hotkey"], alpha=0, counted=0, read_at=0)


def _alpha(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    """Of the hotkey that it is bound to: both are kept by name, so the others stay."""
    read = {"alpha": int(f["alpha"]), "counted": int(f["counted"]), "read_at": block_of(place)}
    w.hold(place, ALPHAS, (f["validator"],), **read)


def _rest(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, RESTS, (f["validator"],), window=int(f["window"]), announced=True)


def _rested(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    w.hold(place, RESTS, (f["validator"],), window=0, announced=False)


def _nothing(w: Writer, place: int, f: Mapping[str, Any]) -> None:
    """A proposed hotkey is not one yet; the list of events has it."""


PROJECTIONS = {
    ("NeuronRegistry", "Registered"): _set("neuron", role=lambda f: int(f["role"]), endpoint=lambda f: f["endpoint"]),
    ("NeuronRegistry", "HotkeyProposed"): _nothing,
    ("NeuronRegistry", "HotkeySet"): _set("neuron", hotkey=lambda f: f["hotkey"]),
    ("NeuronRegistry", "EndpointSet"): _set("neuron", endpoint=lambda f: f["endpoint"]),
    ("NeuronRegistry", "Ss58Set"): _set("neuron", ss58=lambda f: f["publicKey"]),
    ("NeuronRegistry", "JailChanged"): _set("neuron", jailed=lambda f: bool(f["jailed"])),
    ("CheckpointRegistry", "TrainerApproval"): _set("trainer", approved=lambda f: bool(f["approved"])),
    ("StakeVault", "CommissionAnnounced"): _commission,
    ("ValidatorSet", "Seated"): _seated,
    ("ValidatorSet", "Unseated"): _unseated,
    ("ValidatorSet", "HotkeyBound"): _bound,
    ("ValidatorSet", "AlphaRead"): _alpha,
    ("ValidatorSet", "RestAnnounced"): _rest,
    ("ValidatorSet", "RestEnded"): _rested,
}
