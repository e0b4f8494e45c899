"""Seed one bug at a time into the contracts and see whether the invariants notice. Prints the table.

    python scripts/mutants.py            every bug (about half a minute each)
    python scripts/mutants.py --json     and one JSON object as the last line
    python scripts/mutants.py NAME ...   only these

Needs `make contracts`. Works on a copy; the sources stay as they are. Exit code 1 when a bug survives.
"""

import argparse
import json
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
FORGE = CONTRACTS / "node_modules/@foundry-rs/forge-linux-amd64/bin/forge"
RUNS, DEPTH = 256, 100


@dataclass(frozen=True, slots=True)
class Mutant:
    """`old` is replaced by `new` in `file`; `check` is the invariant that must notice."""

    name: str
    check: str
    file: str
    old: str
    new: str


MUTANTS = (
    Mutant(
        "slashed stake stays owed",
        "solvency",
        "StakeVault.sol",
        "        totalOwed -= slashed;\n",
        "",
    ),
    Mutant(
        "a slash spares what is leaving",
        "stake adds up",
        "StakeVault.sol",
        "exiting.slash(fromExit, pauseSwitch.clock());",
        "fromExit;",
    ),
    Mutant(
        "jail leaves the stake in the vote",
        "active stake",
        "StakeVault.sol",
        "        _pool(neuron).counted = counted;\n        _setStanding(neuron);\n",
        "        _pool(neuron).counted = counted;\n",
    ),
    Mutant(
        "the burn share is kept",
        "supply",
        "RewardPool.sol",
        "        token.mint(address(this), total + burnt);\n        token.burn(burnt);\n",
        "        token.mint(address(this), total);\n",
    ),
    Mutant(
        "claims are not remembered",
        "no double claim",
        "RewardPool.sol",
        "        paid[window].set(index);\n",
        "",
    ),
    Mutant(
        "a void proposal keeps its reserve",
        "reserve",
        "ScoreBoard.sol",
        "        if (--r.standing == 0) pool.unreserve(r.emission);\n",
        "        --r.standing;\n",
    ),
    Mutant(
        "convictions are not remembered",
        "no double slash",
        "FaultCourt.sol",
        "        convictedAt[window][miner] = block.number;\n",
        "",
    ),
    Mutant(
        "a conviction takes everything",
        "slashes within the fraction",
        "FaultCourt.sol",
        'vault.slashableStake(miner) * policy.valueAt("slash_bps", start) / BPS',
        "vault.slashableStake(miner)",
    ),
    Mutant(
        "anybody sets the policy",
        "only the timelock",
        "RewardPolicy.sol",
        "    function set(string calldata name, uint208 value) external onlyOwner {",
        "    function set(string calldata name, uint208 value) external {",
    ),
    Mutant(
        "claims go on while paused",
        "paused means paused",
        "RewardPool.sol",
        "        pauseSwitch.requireRunning();\n",
        "",
    ),
    Mutant(
        "votes forget slashes",
        "votes conserved",
        "StakeVault.sol",
        "votes += shares[list[i]][staker].upperLookupRecent(then_) * stakes[list[i]].upperLookupRecent(then_) / all;",
        "votes += shares[list[i]][staker].upperLookupRecent(then_);",
    ),
    Mutant(
        "unbonding takes no time",
        "nobody leaves early",
        "StakeVault.sol",
        'pauseSwitch.clock() + policy.get("unbonding_blocks")',
        "pauseSwitch.clock()",
    ),
    Mutant(
        "a refuted accuser keeps its bond",
        "griefing costs",
        "Jury.sol",
        "if (verdict == Verdict.Innocent) _forfeit(k.accused, k.bond);\n        else _give(k.accuser, k.bond);\n",
        "_give(k.accuser, k.bond);\n",
    ),
    Mutant(
        "lost bonds are not burnt",
        "bonds match",
        "Bonds.sol",
        "        token.burn(amount - half);\n",
        "",
    ),
    Mutant(
        "governance may take what is owed",
        "owed is out of reach",
        "StakeVault.sol",
        "        return address(asset) == address(token) ? totalOwed : 0;\n",
        "        return 0;\n",
    ),
)


def survives(mutant: Mutant, work: Path) -> bool:
    """Build and fuzz a copy with the bug in it."""
    target = work / "src" / mutant.file
    original = target.read_text()
    if original.count(mutant.old) != 1:
        raise SystemExit(
            f"expected the text of mutant {mutant.name!r} once in {mutant.file}: update scripts/mutants.py"
        )
    target.write_text(original.replace(mutant.old, mutant.new))
    command = [FORGE, "test", "--match-path", "test/invariants/*"]
    environment = {"FOUNDRY_INVARIANT_RUNS": str(RUNS), "FOUNDRY_INVARIANT_DEPTH": str(DEPTH), "PATH": "/usr/bin:/bin"}
    try:
        run = subprocess.run(command, cwd=work, env=_path(environment), capture_output=True, text=True)
    finally:
        target.write_text(original)
    if "Compiler run failed" in run.stdout or "Suite result" not in run.stdout:
        raise SystemExit(f"mutant {mutant.name!r} did not build or run:\n{run.stdout[-2000:]}{run.stderr[-2000:]}")
    return run.returncode == 0


def _path(environment: dict[str, str]) -> dict[str, str]:
    node = shutil.which("node")
    return environment | ({"PATH": f"{Path(node).parent}:/usr/bin:/bin"} if node else {})


def main() -> int:
    """Run the chosen mutants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="mutants to run; all without")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    chosen = [m for m in MUTANTS if not options.names or m.name in options.names]
    alive = []
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder) / "contracts"
        shutil.copytree(CONTRACTS, work, ignore=shutil.ignore_patterns("node_modules", "out", "cache"))
        (work / "node_modules").symlink_to(CONTRACTS / "node_modules")
        (Path(folder) / "tests").symlink_to(CONTRACTS.parent / "tests")
        print("| seeded bug | in | must break | caught |\n| --- | --- | --- | --- |")
        for mutant in chosen:
            lives = survives(mutant, work)
            alive += [mutant.name] if lives else []
            print(f"| {mutant.name} | {mutant.file} | {mutant.check} | {'NO' if lives else 'yes'} |", flush=True)
    if options.json:
        print(json.dumps({"mutants": len(chosen), "killed": len(chosen) - len(alive), "survivors": alive}))
    return 1 if alive else 0


if __name__ == "__main__":
    sys.exit(main())
