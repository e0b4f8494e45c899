"""Fuzz the invariants of the contracts at full length, and tell which part of each action's calls did anything.

    python scripts/invariants.py             512 runs of 100 calls
    python scripts/invariants.py --json      and one JSON object as the last line

Fails when an invariant breaks, or when an action hardly ever finds something to do: it would then guard nothing.
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

from neurons.devnet.layout import npm_tool

LEAST = 0.02
"""Part of an action's calls that must do something."""
CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
FORGE = npm_tool("forge")


def main() -> int:
    """Run the campaign."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=512)
    parser.add_argument("--depth", type=int, default=100)
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    checks = len(re.findall(r"world\.\w+\(\);", (CONTRACTS / "test/invariants/Invariants.t.sol").read_text()))
    limits = ["FOUNDRY_INVARIANT_RUNS=" + str(options.runs), "FOUNDRY_INVARIANT_DEPTH=" + str(options.depth)]
    command = ["env", *limits, str(FORGE), "test", "--match-path", "test/invariants/*"]
    run = subprocess.run(command, cwd=CONTRACTS, capture_output=True, text=True)
    effective = shares(run.stdout)
    for action, share in sorted(effective.items(), key=lambda pair: pair[1]):
        print(f"{share:7.1%}  {action}")
    print(run.stdout[run.stdout.find("Suite result") :][:3000])
    vacuous = [action for action, share in effective.items() if share < LEAST]
    if vacuous or not effective:
        print(f"less than {LEAST:.0%} of the calls did anything: {', '.join(vacuous) or 'no table of calls was found'}")
    if options.json:
        found = {
            "invariants": checks,
            "runs": options.runs,
            "depth": options.depth,
            "failures": int(run.returncode != 0),
            "effective": effective,
        }
        print(json.dumps(found))
    return run.returncode or int(bool(vacuous) or not effective)


def shares(report: str) -> dict[str, float]:
    """Part of each action's calls that did something, from forge's table of calls, reverts and discards."""
    rows = re.findall(r"^\| Watched\s*\| (\w+)\s*\| (\d+)\s*\| (\d+)\s*\| (\d+)\s*\|$", report, re.MULTILINE)
    return {name: 1 - (int(lost) + int(idle)) / int(calls) for name, calls, lost, idle in rows if int(calls)}


if __name__ == "__main__":
    sys.exit(main())
