"""Fuzz the invariants of the contracts at full length.

python scripts/invariants.py             512 runs of 100 calls
python scripts/invariants.py --json      and one JSON object as the last line
"""

import argparse
import json
import re
import subprocess
import sys
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
FORGE = CONTRACTS / "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"


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
    print(run.stdout[-6000:])
    if options.json:
        found = {
            "invariants": checks,
            "runs": options.runs,
            "depth": options.depth,
            "failures": int(run.returncode != 0),
        }
        print(json.dumps(found))
    return run.returncode


if __name__ == "__main__":
    sys.exit(main())
