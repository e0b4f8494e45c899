"""What a proof of audit costs, and after how many tokens a false one is told from an honest one.

    python benchmarks/audit_proof.py [--model tiny] [--env arithmetic/1] [--rollouts 64] [--json]

Cost: replays with and without the auditor's own projection, by turns, in one run. Power: honest rollouts of the model;
what each auditor shows of them is read by another's replay until an honest one would show the same with probability
10⁻¹⁰, as whoever accuses needs it, in ten orders of the rollouts. None: not with these rollouts.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from benchmarks.engines import Bench
from grail.checkpoints.files import open_checkpoint
from grail.config import load_settings
from grail.environments.registry import Environments
from grail.governance.policy import Policy
from grail.inference.approximations import quantized
from grail.inference.base import Engine, ReplayRequest, ReplayTrace
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.models.library import Library
from grail.proofs.sketch import SketchPlan
from grail.protocol.audit_proof import ProofName, encode_proof
from grail.protocol.hashing import keccak256
from grail.protocol.units import WindowId
from grail.telemetry.timing import best_rounds
from grail.verification.calibration import as_rollout, group_places, profile_of
from grail.verification.evidence import Evidence
from grail.verification.replay import Reader, proof_errors, shown_by
from simulation.adversaries.base import twin

POLICY = Policy.defaults()
OWN, OTHERS = (keccak256(name) for name in (b"audit proof study", b"another's"))
PLAN = SketchPlan(keccak256(b"window"), POLICY.sketch_dim, POLICY.sketch_stride, second=OWN)
ENOUGH = POLICY.evidence_fault_exp + 1
ORDERS, ROUNDS = 10, 5
Shown = list[NDArray[np.float16]]


class Study:
    """A model and its honest rollouts, in groups of the policy's size."""

    def __init__(self, bench: Bench, rollouts: int) -> None:
        self.bench = bench
        codec = TextCodec(bench.checkpoint)
        self.asked = own_requests(codec, bench.environment, b"audit proof study", rollouts, POLICY.group_size)
        self.made = bench.transformers.generate(self.asked, replace(PLAN, second=None))
        self.shown = [
            ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(self.asked, self.made, strict=True)
        ]

    @property
    def tokens(self) -> int:
        """Of all rollouts."""
        return sum(len(generation.tokens) for generation in self.made)

    def cost(self) -> tuple[float, float]:
        """(time of a replay with the second projection over one without, bytes a token)."""
        engine, bare = self.bench.transformers, replace(PLAN, second=None)
        runs = {"bare": lambda: engine.replay(self.shown, bare), "shown": lambda: engine.replay(self.shown, PLAN)}
        seconds = best_rounds(runs, ROUNDS)
        proof = encode_proof(ProofName(WindowId(0), bytes(20), bytes(20)), proof_of(engine.replay(self.shown, PLAN)))
        return seconds["shown"] / seconds["bare"], len(proof) / self.tokens

    def auditors(self) -> Iterator[tuple[str, Shown]]:
        """What each shows: honest ones first."""
        engine = self.bench.transformers
        four = twin(engine)
        four.use_model(quantized(four.model, 4, 32))
        engines: dict[str, Engine] = {"honest, in other batches": engine}
        if self.bench.checkpoint.rules.precision == "bf16":
            engines["honest, in float32"] = engine.in_float32()
        engines |= {"int8": engine.approximated("int8"), "fp8": engine.approximated("fp8"), "int4": four}
        for name, other in engines.items():
            yield name, proof_of([other.replay([request], PLAN)[0] for request in self.shown])
        true = proof_of(engine.replay(self.shown, PLAN))
        yield "another's projection", proof_of(engine.replay(self.shown, replace(PLAN, second=OTHERS)))
        chance = np.random.default_rng(0)
        size = float(np.sqrt(np.mean([np.mean(np.square(sketch.astype(np.float64))) for sketch in true])))
        invented = [(size * chance.standard_normal(sketch.shape)).astype(np.float16) for sketch in true]
        yield "invented", invented
        pairs = enumerate(zip(true, invented, strict=True))
        yield "two thirds invented", [lie if place % 3 else own for place, (own, lie) in pairs]

    def read(self, shown: Shown) -> tuple[float, list[int | None]]:
        """(highest log10 of the evidence, tokens until it was enough, order by order)."""
        null = profile_of(self.bench.checkpoint).evidence_nulls()["sketch"]
        traces, chance = self.bench.transformers.replay(self.shown, PLAN), np.random.default_rng(1)
        group_of = {place: number for number, places in enumerate(group_places(self.asked)) for place in places}
        most, needed = 0.0, []
        for _ in range(ORDERS):
            reader, evidence, tokens, enough = Reader(PLAN), Evidence({"sketch": null}), 0, None
            for place in chance.permutation(len(self.asked)).tolist():
                rollout = as_rollout(self.made[place])
                errors = proof_errors(reader, PLAN, group_of[place], rollout, traces[place], shown[place])
                evidence.add({"sketch": errors})
                tokens += len(rollout.tokens)
                if enough is None and evidence.log10 >= ENOUGH:
                    enough = tokens
            most = max(most, evidence.log10)
            needed.append(enough)
        return most, needed


def proof_of(traces: list[ReplayTrace]) -> Shown:
    """What an auditor shows of them."""
    return [shown_by(trace, PLAN) for trace in traces]


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--env", default="arithmetic/1")
    parser.add_argument("--rollouts", type=int, default=64)
    parser.add_argument("--json", action="store_true", dest="as_json")
    asked = parser.parse_args()
    checkpoint = open_checkpoint(Library(load_settings().work.models).find(asked.model))
    study = Study(Bench(checkpoint, Environments.installed().by_id(asked.env), asked.rollouts), asked.rollouts)
    ratio, size = study.cost()
    print(f"{asked.model}, {checkpoint.rules.precision}: {study.tokens} tokens in {asked.rollouts} rollouts")
    print(
        f"a replay that is shown takes {ratio:.4f} of one that is not; a proof has {size:.2f} bytes a token", flush=True
    )
    rows = {}
    for name, shown in study.auditors():
        most, needed = study.read(shown)
        known = sorted(tokens for tokens in needed if tokens is not None)
        median = known[len(known) // 2] if len(known) == ORDERS else None
        rows[name] = {"log10": round(most, 1), "median_tokens": median, "found": len(known)}
        print(
            f"{name}: evidence 10^{most:.1f}, found in {len(known)} of {ORDERS} orders, median {median} tokens",
            flush=True,
        )
    if asked.as_json:
        print(json.dumps({"model": asked.model, "replay_ratio": ratio, "bytes_a_token": size, "auditors": rows}))


if __name__ == "__main__":
    main()
