"""What a network of a size costs: audits against generation, settlement, bytes and gas of a window.

Measured here: generation and replays of one seat (once, for all rows, since a seat is the same work in each), sortition
and settlement of every row, in a process of its own. Multiplied from them, and named so in `multiplied`: the shares of
audits in generation, and the gas of a window, from contracts/gas.json.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.engines import PLAN, Bench
from grail.governance.policy import Policy
from grail.inference.base import ReplayRequest
from grail.telemetry.timing import best_rounds

GAS = Path(__file__).resolve().parent.parent / "contracts" / "gas.json"
ALTERNATIVE = "int8"
"""What every opened rollout is replayed by, too."""


def scale(bench: Bench, miners: list[int], validators: list[int]) -> list[dict[str, Any]]:
    """A row for each number of miners and of validators."""
    policy = Policy.defaults()
    cost = _seat(bench, policy.audit_rollouts)
    gas = json.loads(GAS.read_text()) if GAS.exists() else {}
    return [_row(policy, cost, gas, m, v) for v in validators for m in miners]


def _seat(bench: Bench, rollouts: int) -> dict[str, float]:
    """Seconds a rollout: generated in one batch, and replayed by model and alternative in draws of a seat's size; the
    best of rounds that take turns."""
    engine = bench.transformers
    other = engine.approximated(ALTERNATIVE)
    made = engine.generate(bench.requests, PLAN)
    asked = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(bench.requests, made, strict=True)]
    draws = [asked[first : first + rollouts] for first in range(0, len(asked), rollouts)]

    def replay() -> None:
        for draw in draws:
            engine.replay(draw, PLAN)
            other.replay(draw, PLAN)

    seconds = best_rounds({"generate": lambda: engine.generate(bench.requests, PLAN), "replay": replay})
    return {
        "replays": len(asked),
        "replay_s": seconds["replay"] / len(asked),
        "generate_s": seconds["generate"] / len(made),
    }


def _row(policy: Policy, cost: dict[str, float], gas: dict[str, Any], miners: int, validators: int) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.settling", str(miners), str(validators)]
    run = subprocess.run(command, cwd=GAS.parent.parent, capture_output=True, text=True, check=True)
    settled = json.loads(run.stdout)
    generated = miners * policy.max_groups * policy.group_size * cost["generate_s"]
    seat = policy.audit_rollouts * cost["replay_s"]
    return {
        "engine": f"{miners} x {validators}",
        "miners": miners,
        "validators": validators,
        "seats": policy.audit_seats,
        "replays": cost["replays"],
        "replay_s": cost["replay_s"],
        "generate_s": cost["generate_s"],
        "audit_share_all": settled["seats_all"] * seat / generated,
        "audit_share_each": settled["seats_most"] * seat / generated,
        "settle_s": settled["settle_s"],
        "rss_mib": settled["rss_mib"],
        "bytes": settled["sheet_bytes"] + settled["commitment_bytes"],
        "sheet_bytes": settled["sheet_bytes"],
        "gas_window": _gas(gas, miners, validators).get("window", "not measured"),
        "gas": _gas(gas, miners, validators),
        "multiplied": ["audit_share_all", "audit_share_each", "gas_window"],
    }


def _gas(table: dict[str, Any], miners: int, validators: int) -> dict[str, int]:
    """Of each call of a settlement, as measured at this size, and of a window; empty where it was not measured."""
    size = str(miners)
    calls = {
        name: sizes[size]
        for name, sizes in table.items()
        if name.startswith(("commit", "reveal", "propose", "finalize", "claim", "seal")) and size in sizes
    }
    if not calls:
        return {}
    measured = 8 if validators <= 8 else 128
    reveal = calls[f"revealScores, {measured} validators"]
    window = calls["commit"] * miners + (calls["commitScores"] + reveal) * validators
    window += calls["seal"] + calls["propose"] + calls["finalize"] + calls["claim"] * (miners + validators)
    return calls | {"window": window}
