"""The red team: every known attack against the real pipeline, and how surely and how soon it is caught.

A local network with one honest miner and one neuron for each attack. Each window everybody works and commits on chain,
the window is sealed, and every submission is audited along several validators' draws. Nobody is convicted, so that the
next window is another trial.
"""

import statistics
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pydantic

from grail.errors import Reverted
from grail.protocol.hashing import keccak256
from grail.protocol.records import Moment, Role
from grail.protocol.units import Address, BlockNumber, WindowId
from grail.runtime.node import Node
from grail.runtime.retention import EVIDENCE_WINDOWS
from grail.verification.base import Outcome
from grail.verification.evidence import Carried, add_up
from miner.duties.solve import Solve
from simulation.adversaries import ATTACKS, CATALOGUE
from simulation.adversaries.base import Attack
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from validator.duties.auditing import judge

HONEST = "honest"
LEDGER = "ledger"
ADDRESS_BYTES = 20


class RedTeamOptions(pydantic.BaseModel, extra="forbid", frozen=True):
    """The flags of `grail redteam`."""

    windows: int = pydantic.Field(4, ge=1, le=10_000)
    draws: int = pydantic.Field(3, ge=1, le=64, description="audits of each submission, by different draws")
    groups: int = pydantic.Field(64, ge=1, le=4096)
    model: str = "tiny"
    environment: str = "arithmetic/1"
    seed: int = pydantic.Field(0, ge=0, lt=1 << 63)
    attacks: tuple[str, ...] = tuple(attack.attack for attack in CATALOGUE)


@dataclass(frozen=True, slots=True)
class Trial:
    """One audit of one attack's submission; `check` is what spoke, `tokens` and `rollouts` what was read till then.

    `history`: tokens read since the first window when evidence that adds up over windows became enough for a fault in
    this one; 0 otherwise. Measured for attacks that one window may miss.
    """

    attack: str
    outcome: Outcome
    check: str
    tokens: int
    rollouts: int = 0
    history: int = 0


@dataclass(slots=True)
class Watch:
    """A validator's memory of one miner: evidence carried on and tokens read, till the fault is clear."""

    carried: Carried = field(default_factory=dict)
    tokens: int = 0
    over: bool = False


@dataclass(slots=True)
class Tally:
    """All trials of one attack."""

    attack: str
    trials: list[Trial] = field(default_factory=list)

    @property
    def missed(self) -> int:
        """Audits that accepted it (or could not tell)."""
        return sum(trial.outcome in (Outcome.ACCEPT, Outcome.ABSTAIN) for trial in self.trials)

    @property
    def unpaid(self) -> int:
        """Audits that rejected it without proof enough for a fault."""
        return sum(trial.outcome is Outcome.REJECT for trial in self.trials)

    @property
    def checks(self) -> list[str]:
        """What caught it, the most frequent first."""
        spoken = Counter(t.check for t in self.trials if t.outcome in (Outcome.REJECT, Outcome.FAULT))
        return [name for name, _ in spoken.most_common()]

    @property
    def tokens(self) -> list[int]:
        """Tokens read until the fault was clear, sorted; empty when it never was."""
        return sorted(trial.tokens for trial in self.trials if trial.outcome is Outcome.FAULT)

    @property
    def history(self) -> list[int]:
        """Tokens read over windows until the fault was clear, for each draw's validator that got there, sorted."""
        return sorted(trial.history for trial in self.trials if trial.history)

    def as_json(self) -> dict[str, object]:
        """For machines."""
        tokens = self.tokens
        return {
            "name": self.attack,
            "family": ATTACKS[self.attack].family(),
            "caught_by": self.checks,
            "trials": len(self.trials),
            "missed": self.missed,
            "caught": self.missed == 0 or bool(self.history),
            "horizon_windows": EVIDENCE_WINDOWS if ATTACKS[self.attack].residual else 1,
            "unpaid": self.unpaid,
            "rollouts_mean": statistics.mean(trial.rollouts for trial in self.trials) if self.trials else None,
            "tokens_median": statistics.median(tokens) if tokens else None,
            "tokens_p95": tokens[min(len(tokens) - 1, int(0.95 * len(tokens)))] if tokens else None,
            "history_tokens": self.history,
        }


def play(options: RedTeamOptions, folder: Path, notify: Callable[[str], None] = lambda _: None) -> Iterator[Trial]:
    """Every trial, window by window. Raises SettingsError for an unknown attack."""
    network = LocalNetwork(
        LocalnetOptions(
            windows=options.windows,
            miners=1,
            cheats=len(options.attacks),
            attacks=options.attacks,
            validators=1,
            groups=options.groups,
            model=options.model,
            environment=options.environment,
            seed=options.seed,
        ),
        folder,
        notify,
    )
    validator = next(network.node_of(part) for part in network.parts if part.role is Role.VALIDATOR)
    solvers = {
        part.name: (ATTACKS[part.cheat] if part.cheat else Solve)(network.node_of(part), options.groups)
        for part in network.parts
        if part.role is Role.MINER
    }
    schedule = network.subnet.schedule
    watches: dict[tuple[str, int], Watch] = {}
    for number in range(options.windows):
        window = WindowId(number)
        network.mine_to(BlockNumber(schedule.start(window) + 1))
        refused = {name for name, solver in solvers.items() if not _committed(solver, window, name, notify)}
        network.mine_to(schedule.challenge_block(window))
        validator.subnet.draw_randomness(validator.signer, window, Moment.SEAL)
        for name, solver in solvers.items():
            if isinstance(solver, Attack) and not solver.offends(window):
                continue
            notify(f"window {number + 1}: auditing {name}")
            label = solver.attack if isinstance(solver, Attack) else HONEST
            if name in refused:
                yield Trial(label, Outcome.REJECT, LEDGER, 0)
            else:
                for draw in range(options.draws):
                    watch = watches.setdefault((name, draw), Watch())
                    yield _audit(validator, window, solver, label, draw, watch)


def _committed(solver: Solve, window: WindowId, name: str, notify: Callable[[str], None]) -> bool:
    """Let a miner work; False when the contract refused what it sent."""
    notify(f"window {window + 1}: {name} at work")
    try:
        solver.run(window)
    except Reverted:
        return False
    return True


def _audit(validator: Node, window: WindowId, solver: Solve, label: str, draw: int, watch: Watch) -> Trial:
    """One audit along one draw; a second one with memory where one window may be too little."""
    commitment = validator.subnet.commitment(window, solver.node.address)
    challenge = validator.subnet.challenge(window)
    assert commitment is not None and challenge is not None
    drawer = Address(keccak256(b"drawer" + bytes([draw]))[-ADDRESS_BYTES:])
    verdict = judge(validator, commitment, challenge, drawer)
    history = 0
    if isinstance(solver, Attack) and solver.residual and not watch.over:
        lasting = judge(validator, commitment, challenge, drawer, watch.carried)
        watch.carried, watch.tokens = add_up([watch.carried, lasting.added]), watch.tokens + lasting.tokens
        watch.over = lasting.outcome is Outcome.FAULT
        history = watch.tokens if watch.over else 0
    return Trial(label, verdict.outcome, verdict.finding.check, verdict.tokens, verdict.rollouts, history)


def tallies(trials: Sequence[Trial], attacks: Sequence[str]) -> tuple[list[Tally], list[Trial]]:
    """(a tally for each attack, the honest miner's trials)."""
    by_name = {name: Tally(name) for name in attacks}
    for trial in trials:
        if trial.attack in by_name:
            by_name[trial.attack].trials.append(trial)
    return list(by_name.values()), [trial for trial in trials if trial.attack == HONEST]


def residuals(found: Sequence[Tally]) -> list[dict[str, str]]:
    """Attacks that some audit missed, and why."""
    return [
        {
            "name": tally.attack,
            "why": f"{tally.missed} of {len(tally.trials)} audits missed it: "
            + (ATTACKS[tally.attack].residual or "too few of its tokens differ for one audit")
            + f"; over windows: tokens {_over_windows(tally)}",
        }
        for tally in found
        if tally.missed
    ]


def _over_windows(tally: Tally) -> str:
    if not ATTACKS[tally.attack].residual:
        return ""
    return ", ".join(f"{tokens:,}" for tokens in tally.history) or "not yet"


def markdown(found: Sequence[Tally]) -> str:
    """The table of docs/security.md."""
    columns = (
        "attack",
        "gain",
        "caught by",
        "rollouts",
        "tokens to 1e-9: median",
        "95 %",
        "unpaid",
        "missed",
        "over windows",
    )
    lines = ["| " + " | ".join(columns) + " |", "| --- " * len(columns) + "|"]
    for tally in found:
        row = tally.as_json()
        median, p95 = row["tokens_median"], row["tokens_p95"]
        lines.append(
            f"| {tally.attack} | {ATTACKS[tally.attack].gain} | {', '.join(tally.checks) or '–'} "
            f"| {0 if row['rollouts_mean'] is None else row['rollouts_mean']:.0f} "
            f"| {'–' if median is None else f'{median:,.0f}'} | {'–' if p95 is None else f'{p95:,}'} "
            f"| {tally.unpaid} of {len(tally.trials)} | {tally.missed} of {len(tally.trials)} "
            f"| {_over_windows(tally)} |"
        )
    return "\n".join(lines) + "\n"
