"""Compile the contracts with forge and package what Python needs: ABI and code, one JSON a contract.

    python scripts/build_contracts.py            write grail/assets/contracts/*.json
    python scripts/build_contracts.py --check    fail when the packaged artifacts are stale

Needs Node and `npm install --ignore-scripts` in contracts/ (make contracts does both).
"""

import json
import subprocess
import sys
from pathlib import Path

from grail.chain.address_book import NAMES
from neurons.devnet.layout import npm_tool

ROOT = Path(__file__).resolve().parent.parent
CONTRACTS = ROOT / "contracts"
TARGET = ROOT / "grail" / "assets" / "contracts"
FORGE = npm_tool("forge")


def packaged(name: str) -> str:
    """The artifact of one contract as canonical JSON."""
    built = json.loads((CONTRACTS / "out" / f"{name}.sol" / f"{name}.json").read_text())
    runtime = built["deployedBytecode"]
    # where the constructor writes immutables into the runtime code: everything else must match on chain
    holes = sorted((r["start"], r["length"]) for rs in runtime.get("immutableReferences", {}).values() for r in rs)
    artifact = {
        "name": name,
        "abi": built["abi"],
        "bytecode": built["bytecode"]["object"],
        "runtime": runtime["object"],
        "immutables": holes,
    }
    return json.dumps(artifact, separators=(",", ":"), sort_keys=True) + "\n"


def main() -> int:
    """Build, then write or compare."""
    if not FORGE.exists():
        print("expected forge in contracts/node_modules: run `make contracts`", file=sys.stderr)
        return 2
    subprocess.run([FORGE, "build", "--silent", "--skip", ".t.sol", "--skip", "test/base/*"], cwd=CONTRACTS, check=True)
    TARGET.mkdir(parents=True, exist_ok=True)
    stale = []
    for name in NAMES:
        path, text = TARGET / f"{name}.json", packaged(name)
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if stale and "--check" in sys.argv:
        print(f"stale artifacts: {', '.join(stale)}: run `make contracts` and commit", file=sys.stderr)
        return 1
    print(f"{len(NAMES)} contracts, {len(stale)} {'stale' if '--check' in sys.argv else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
