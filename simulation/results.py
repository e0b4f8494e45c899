"""What a run showed, computed from its journal and log: the object that --json prints and the report explains."""

from dataclasses import asdict, dataclass
from typing import Any

from grail.protocol.records import Role
from grail.protocol.units import BlockNumber
from grail.storage.tables import EventRow
from grail.training.evaluation import Accuracy
from grail.verification.base import Outcome
from simulation.cast import Part
from simulation.liars import Liar
from simulation.network import LocalNetwork


@dataclass(frozen=True, slots=True, kw_only=True)
class CheatResult:
    """One cheat's story; `slashed_window` is None while it goes free."""

    name: str
    first_offence_window: int | None
    slashed_window: int | None
    slashed_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class LazyResult:
    """A lazy validator's story; `slashed_window` is None while it goes free."""

    name: str
    slashed_window: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class AttackerResult:
    """What a liar's transactions came to, counted over all its accounts: tokens, stakes, rewards, bonds."""

    name: str
    kind: str
    acts: tuple[str, ...]
    lost_wei: int
    profit_wei: int


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """All numbers of a run that follow from its seed."""

    windows: int
    accuracy_start: Accuracy
    accuracy_end: Accuracy
    accuracy_start_greedy: Accuracy
    accuracy_end_greedy: Accuracy
    cheats: tuple[CheatResult, ...]
    lazy_validators: tuple[LazyResult, ...]
    attackers: tuple[AttackerResult, ...]
    honest_slashed: tuple[str, ...]
    honest_rejected: tuple[str, ...]
    reconciled: bool
    supply_wei: int
    accounted_wei: int

    def as_json(self) -> dict[str, Any]:
        """Plain values: accuracies as shares, amounts in wei as integers."""
        plain = asdict(self)
        for name, value in plain.items():
            if name.startswith("accuracy"):
                plain[name] = round(value["right"] / value["count"], 4)
        return plain


def results(network: LocalNetwork) -> RunResult:
    """Read the run's story. Needs at least the base's evaluation in the log."""
    accuracies = network.run_log.of("accuracy")
    windows = network.run_log.of("window")
    first, last = accuracies[0], accuracies[-1]
    return RunResult(
        windows=network.next_window,
        accuracy_start=_accuracy(first, "sampled"),
        accuracy_end=_accuracy(last, "sampled"),
        accuracy_start_greedy=_accuracy(first, "greedy"),
        accuracy_end_greedy=_accuracy(last, "greedy"),
        cheats=tuple(_cheat(network, part.name, part.signer.name) for part in _cheats(network, Role.MINER)),
        lazy_validators=tuple(_lazy(network, part) for part in _cheats(network, Role.VALIDATOR)),
        attackers=tuple(_attacker(network, liar) for liar in network.liars),
        honest_slashed=_honest_slashed(network),
        honest_rejected=_honest_rejected(network),
        reconciled=all(entry["reconciled"] for entry in windows),
        supply_wei=int(windows[-1]["supply_wei"]) if windows else 0,
        accounted_wei=int(windows[-1]["accounted_wei"]) if windows else 0,
    )


def _accuracy(entry: dict[str, Any], kind: str) -> Accuracy:
    return Accuracy(entry[kind]["right"], entry[kind]["count"])


def _cheat(network: LocalNetwork, name: str, address: str) -> CheatResult:
    offences = [
        window
        for window in range(network.next_window)
        if (network.journal.note(name, "solve", window) or {}).get("committed")
    ]
    proofs = _proofs(network, address)
    return CheatResult(
        name=name,
        first_offence_window=offences[0] if offences else None,
        slashed_window=_window_of(network, proofs),
        slashed_wei=sum(int(event.fields["slashed"]) for event in proofs),
    )


def _lazy(network: LocalNetwork, part: Part) -> LazyResult:
    return LazyResult(name=part.name, slashed_window=_window_of(network, _proofs(network, part.signer.name)))


def _cheats(network: LocalNetwork, role: Role) -> list[Part]:
    return [part for part in network.parts if part.cheat and part.role is role]


def _proofs(network: LocalNetwork, address: str) -> list[EventRow]:
    return [event for event in network.journal.events("FaultProven") if event.fields["accused"] == address.lower()]


def _window_of(network: LocalNetwork, proofs: list[EventRow]) -> int | None:
    return network.subnet.schedule.window_of(BlockNumber(proofs[0].block)) if proofs else None


def _attacker(network: LocalNetwork, liar: Liar) -> AttackerResult:
    """`lost_wei`: slashes of its own stakes and bonds that went to others or the fire."""
    acts = tuple(entry["transaction"] for entry in network.run_log.of("lie") if entry["name"] == liar.name)
    profit = liar.wealth() - liar.funds
    own = {account.name.lower() for account in liar.accounts}
    claims = [event.fields for event in network.journal.events("Claimed")]
    gained = sum(int(fields["amount"]) for fields in claims if fields["account"].lower() in own)
    return AttackerResult(name=liar.name, kind=liar.kind, acts=acts, lost_wei=gained - profit, profit_wei=profit)


def _honest_slashed(network: LocalNetwork) -> tuple[str, ...]:
    slashed = {event.fields["neuron"] for event in network.journal.events("Slashed")}
    return tuple(p.name for p in network.parts if not p.cheat and p.signer.name.lower() in slashed)


def _honest_rejected(network: LocalNetwork) -> tuple[str, ...]:
    bad = (Outcome.REJECT.value, Outcome.FAULT.value)
    refused = {row.miner for row in network.journal.verdicts() if row.outcome in bad}
    honest = [p for p in network.parts if p.role is Role.MINER and not p.cheat]
    return tuple(p.name for p in honest if p.signer.name.lower() in refused)
