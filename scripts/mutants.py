"""Seed one bug at a time into the contracts and see whether the suite notices. Prints what survives.

    python scripts/mutants.py                   the known bugs, and 120 drawn by lot
    python scripts/mutants.py --seed 7 --json   another draw; one JSON object as the last line
    python scripts/mutants.py --shard 2/4       every fourth of them, from the second on: for four machines
    python scripts/mutants.py --resume FILE     write each result there, and do not repeat those that it holds
    python scripts/mutants.py --all             every place there is (hours)
    python scripts/mutants.py WORDS ...         only those with one of these words in their names

A bug is killed when `forge test`, as `make test` runs it, fails. What does not compile is no bug, and another is drawn.
Needs `make contracts`. Works on copies; the sources stay as they are. Exit code 1 when a bug survives.
"""

import argparse
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from queue import Queue

from mutation import Mutant, known_bugs, mutants_of

from neurons.devnet.layout import npm_tool

CONTRACTS = Path(__file__).resolve().parent.parent / "contracts"
FORGE = str(npm_tool("forge").relative_to(CONTRACTS))
DRAWN = 120
QUICK = ("--no-match-path", "test/{gas,invariants}/*", "--fail-fast")
SLOW = ("--match-path", "test/invariants/*")
PATIENCE = 600
"""Seconds after which a run that does not end counts as failed."""

KILLED, SURVIVED, STILLBORN = "killed", "SURVIVED", "stillborn"


def outcome(mutant: Mutant, work: Path) -> str:
    """Build and test a copy with the bug in it: first what is quick, then the invariants."""
    target = work / "src" / mutant.file
    original = target.read_text()
    target.write_text(mutant.apply(original))
    try:
        for chosen in (QUICK, SLOW):
            found = _run(chosen, work)
            if found != SURVIVED:
                return found
        return SURVIVED
    finally:
        target.write_text(original)


def _run(chosen: Sequence[str], work: Path) -> str:
    node = shutil.which("node")
    environment = {**os.environ, "PATH": f"{Path(node).parent}:/usr/bin:/bin"} if node else dict(os.environ)
    command = [str(work / FORGE), "test", "--dynamic-test-linking", *chosen]
    try:
        run = subprocess.run(command, cwd=work, env=environment, capture_output=True, text=True, timeout=PATIENCE)
    except subprocess.TimeoutExpired:
        return KILLED
    if "Suite result" not in run.stdout:
        return STILLBORN
    return SURVIVED if run.returncode == 0 else KILLED


def copies(folder: Path, count: int) -> Queue[Path]:
    """As many working copies as run at a time, with what is compiled already."""
    free: Queue[Path] = Queue()
    (folder / "tests").symlink_to(CONTRACTS.parent / "tests")
    for number in range(count):
        work = folder / str(number)
        shutil.copytree(CONTRACTS, work / "contracts", ignore=shutil.ignore_patterns("node_modules"))
        (work / "contracts/node_modules").symlink_to(CONTRACTS / "node_modules")
        (work / "tests").symlink_to(CONTRACTS.parent / "tests")
        free.put(work / "contracts")
    return free


def drawn(options: argparse.Namespace) -> Iterator[Mutant]:
    """Every place in the order of the lot, or as it stands with --all."""
    places = mutants_of(CONTRACTS / "src")
    if not options.all:
        random.Random(options.seed).shuffle(places)
    return iter(places)


def play(options: argparse.Namespace, results: dict[str, str]) -> Iterator[tuple[Mutant, str]]:
    """Each mutant with what became of it; those in `results` are not run again."""
    mine, shards = (int(part) for part in options.shard.split("/"))
    known = known_bugs()
    lot = list(drawn(options))
    wanted = len(lot) if options.all else options.count
    if options.words:
        chosen = [m for m in [*known, *lot] if any(word in m.name for word in options.words)]
        known, lot, wanted = chosen, [], 0
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.jobs) as pool:
        free = copies(Path(folder), options.jobs)

        def one(mutant: Mutant) -> str:
            if mutant.name in results:
                return results[mutant.name]
            work = free.get()
            try:
                return outcome(mutant, work)
            finally:
                free.put(work)

        mine_known = known[mine - 1 :: shards]
        yield from zip(mine_known, pool.map(one, mine_known), strict=True)
        rest, left = iter(lot[mine - 1 :: shards]), len(range(mine - 1, wanted, shards))
        while left and (batch := [m for m, _ in zip(rest, range(left), strict=False)]):
            for mutant, found in zip(batch, pool.map(one, batch), strict=True):
                left -= found != STILLBORN
                yield mutant, found


def main() -> int:
    """Run the chosen mutants."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("words", nargs="*", help="words in the names of mutants to run")
    parser.add_argument("--seed", type=int, default=0, help="of the draw")
    parser.add_argument("--count", type=int, default=DRAWN, help="mutants to draw, besides the known ones")
    parser.add_argument("--all", action="store_true", help="every place instead of a draw")
    parser.add_argument("--shard", default="1/1", help="I/N: the I-th of N parts")
    parser.add_argument("--resume", type=Path, help="file of results, one JSON object a line")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, help="mutants at a time")
    parser.add_argument("--json", action="store_true", help="print one JSON object as the last line")
    options = parser.parse_args()
    results: dict[str, str] = {}
    if options.resume and options.resume.exists():
        results = {row["name"]: row["found"] for row in map(json.loads, options.resume.read_text().splitlines())}
    counted: dict[str, str] = {}
    for mutant, found in play(options, results):
        if options.resume and mutant.name not in results:
            with options.resume.open("a") as file:
                file.write(json.dumps({"name": mutant.name, "found": found}) + "\n")
        if found == STILLBORN:
            continue
        counted[mutant.name] = found
        print(f"{len(counted):4}  {found:8}  {mutant.name}", flush=True)
        if found == SURVIVED and mutant.line:
            print(f"          {mutant.old.strip()}\n          {mutant.new.strip()}", flush=True)
    survivors = [name for name, found in counted.items() if found == SURVIVED]
    print(f"{len(counted)} mutants, {len(counted) - len(survivors)} killed, {len(survivors)} survived")
    if options.json:
        found = {"mutants": len(counted), "killed": len(counted) - len(survivors), "survivors": survivors}
        print(json.dumps(found))
    return 1 if survivors else 0


if __name__ == "__main__":
    sys.exit(main())
