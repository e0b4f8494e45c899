"""Are all lazy validators slashed, and nobody honest? Whole networks, one lazy validator in each, seed by seed.

    python benchmarks/lazy.py [--seeds 50] [--kind copy] [--windows 6] [--json]

Three honest validators, two honest miners and cheats of many kinds, among them such as some honest seats rightly miss.
A run ends when the lazy validator is slashed. `offended`: it accepted what it had not read, or, for the one that is
handed true states, work that its friends had falsified. The 200 runs take some 40 minutes on one core.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from grail.protocol.records import Role
from grail.telemetry import log
from grail.verification.base import Outcome
from simulation.lazy import LAZY, CollusionWithMiner
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions

MISSED_BY_SOME = ("edited-answer-1-in-64", "int4-weights", "temperature-0.9", "near-tie-fork-1-in-8", "best-of-n")
BLATANT = ("edited-answer", "greedy")


@dataclass(slots=True)
class Found:
    """What a kind of laziness came to over all seeds. `checks`: of honest audits, by honest validators."""

    kind: str
    runs: int = 0
    offended: int = 0
    slashed: int = 0
    in_first_window: int = 0
    latest: int = 0
    honest_slashed: int = 0
    checks: int = 0
    seconds: float = 0.0


def options_of(kind: str, seed: int, windows: int) -> LocalnetOptions:
    """The cast of one run."""
    attacks = BLATANT if kind == CollusionWithMiner.kind else (MISSED_BY_SOME[seed % len(MISSED_BY_SOME)],)
    values = {"windows": windows, "miners": 2, "cheats": len(attacks), "attacks": attacks, "validators": 3}
    return LocalnetOptions(**values, groups=8, threads=1, lazy=(kind,), seed=seed, evaluate_every=windows)


def play(found: Found, seed: int, windows: int, folder: Path) -> None:
    """One run, to the window in which its lazy validator is slashed."""
    began = time.perf_counter()
    network = LocalNetwork(options_of(found.kind, seed, windows), folder)
    lazy = next(part for part in network.parts if part.cheat in LAZY)
    slashed = None
    while slashed is None and network.next_window < windows:
        if not network.advance().right:
            raise SystemExit(f"{found.kind}, seed {seed}: the money does not reconcile")
        slashed = network.next_window - 1 if network.subnet.neuron(lazy.signer.address).jailed else None
    found.runs += 1
    found.offended += _offended(network, found.kind)
    if slashed is not None:
        found.slashed += 1
        found.in_first_window += slashed == 0
        found.latest = max(found.latest, slashed)
    jailed = [part for part in network.parts if not part.cheat and network.subnet.neuron(part.signer.address).jailed]
    found.honest_slashed += len(jailed)
    found.checks += _checks(network, "0x" + lazy.signer.address.hex())
    found.seconds += time.perf_counter() - began


def _offended(network: LocalNetwork, kind: str) -> bool:
    own = next(part.signer.name for part in network.parts if part.cheat == kind), Outcome.ACCEPT.value
    cheats = {"0x" + part.signer.address.hex() for part in network.parts if part.cheat and part.role is Role.MINER}
    accepted = {row.miner for row in network.journal.verdicts() if (row.validator, row.outcome) == own}
    return bool(accepted & cheats if kind == CollusionWithMiner.kind else accepted)


def _checks(network: LocalNetwork, lazy: str) -> int:
    """Honest audits that honest validators have checked."""
    honest = {part.name for part in network.parts if part.role is Role.VALIDATOR and not part.cheat}
    notes = [network.journal.note(name, "check-audits", w) for name in honest for w in range(network.next_window)]
    found = [(auditor, outcomes) for note in notes if note for auditor, outcomes in note["checked"].items()]
    return sum(len(outcomes) for auditor, outcomes in found if auditor != lazy)


def study(kinds: Sequence[str], seeds: int, windows: int) -> list[Found]:
    """All runs, kind by kind, with a line for each."""
    rows = [Found(kind) for kind in kinds]
    for found in rows:
        for seed in range(seeds):
            with tempfile.TemporaryDirectory() as folder:
                play(found, seed, windows, Path(folder) / "run")
        print(_line(found), flush=True)
    return rows


def _line(found: Found) -> str:
    return (
        f"{found.kind}: offended in {found.offended} of {found.runs} runs, slashed in {found.slashed}, "
        f"{found.in_first_window} of them in the first window, the last in window {found.latest}; "
        f"honest slashed: {found.honest_slashed} ({found.checks} honest audits checked); {found.seconds:.0f} s"
    )


def main() -> None:
    """Parse, play, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=50)
    parser.add_argument("--kind", action="append", choices=sorted(LAZY))
    parser.add_argument("--windows", type=int, default=6)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    log.configure(quiet=True)
    rows = study(asked.kind or list(LAZY), asked.seeds, asked.windows)
    if asked.as_json:
        print(json.dumps({"rows": [asdict(row) for row in rows]}))


if __name__ == "__main__":
    main()
