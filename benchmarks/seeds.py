"""Does the main job hold in many seeds? Every cheat slashed, nobody honest hurt, every wei accounted for.

    python benchmarks/seeds.py [--seeds 10] [--windows 4] [--groups 64] [--json]

Short runs: the cheats' fate is decided in their first windows, and each window audits every honest miner anew.
"""

import argparse
import json
import tempfile
from pathlib import Path

from grail.telemetry import log
from simulation.options import LocalnetOptions
from simulation.runner import run


def main() -> None:
    """Run each seed and print a row."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--windows", type=int, default=4)
    parser.add_argument("--groups", type=int, default=64)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    log.configure(quiet=True)
    rows = []
    for seed in range(options.seeds):
        with tempfile.TemporaryDirectory() as folder:
            plan = LocalnetOptions(
                windows=options.windows, groups=options.groups, seed=seed, evaluation_problems=20, final_problems=200
            )
            result, machine = run(plan, Path(folder) / "run", quiet=True)
        late = [c.name for c in result.cheats if c.slashed_window is None or c.slashed_window > 3]
        rows.append(
            {
                "seed": seed,
                "cheats_slashed": len(result.cheats) - len(late),
                "cheats_free": late,
                "honest_slashed": result.honest_slashed,
                "honest_rejected": result.honest_rejected,
                "reconciled": result.reconciled,
                "seconds": machine["seconds"],
            }
        )
        print(rows[-1], flush=True)
    clean = [
        r for r in rows if not (r["cheats_free"] or r["honest_slashed"] or r["honest_rejected"]) and r["reconciled"]
    ]
    print(f"{len(clean)} of {len(rows)} seeds clean")
    if options.json:
        print(json.dumps({"clean": len(clean), "seeds": rows}))


if __name__ == "__main__":
    main()
