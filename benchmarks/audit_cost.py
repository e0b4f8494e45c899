"""What verification costs: replay and sketch against generation, side by side in one run.

    python benchmarks/audit_cost.py [--model tiny] [--rollouts 2048] [--json]

Ratios only; seconds depend on the machine, which is named.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable

import torch

from grail.checkpoints.files import open_checkpoint
from grail.environments.arithmetic import Arithmetic
from grail.governance.policy import Policy
from grail.inference.base import ReplayRequest, RolloutRequest
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from simulation.models import model_folder

ROUNDS = 3


def best_of(rounds: int, work: Callable[[], object]) -> float:
    """Seconds of the fastest of several runs, after one to warm up."""
    work()
    seconds = []
    for _ in range(rounds):
        began = time.perf_counter()
        work()
        seconds.append(time.perf_counter() - began)
    return min(seconds)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--rollouts", type=int, default=2_048)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    checkpoint = open_checkpoint(model_folder(options.model))
    engine, codec, environment = TransformersEngine(checkpoint), TextCodec(checkpoint), Arithmetic()
    keys = [keccak256(i.to_bytes(8, "big")) for i in range(options.rollouts)]
    requests = [RolloutRequest(codec.encode(environment.problem(key).prompt), key) for key in keys]
    plan, bare = SketchPlan(bytes(32), 8, 8), SketchPlan(bytes(32), 1, 1024)
    made = engine.generate(requests, plan)
    asked = [ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(requests, made, strict=True)]
    generate = best_of(ROUNDS, lambda: engine.generate(requests, plan))
    unsketched = best_of(ROUNDS, lambda: engine.generate(requests, bare))
    unseeded = best_of(ROUNDS, lambda: engine.generate(requests, plan, greedy=True))
    replay = best_of(ROUNDS, lambda: engine.replay(asked, plan))
    opened = Policy.defaults().audit_rollouts / (Policy.defaults().max_groups * Policy.defaults().group_size)
    found = {
        "machine": f"{platform.machine()}, {torch.get_num_threads()} threads",
        "rollouts": options.rollouts,
        "replay_over_generation": round(replay / generate, 3),
        "audit_share_of_generation": round(replay / generate * opened, 4),
        "seeded_over_greedy": round(generate / unseeded, 3),
        "sketched_over_unsketched": round(generate / unsketched, 3),
    }
    if options.json:
        print(json.dumps(found))
        return
    for name, value in found.items():
        print(f"{name:28s} {value}")


if __name__ == "__main__":
    main()
