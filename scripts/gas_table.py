"""Print contracts/gas.json as a table, beside the bars. Exit code 1 when a call's gas is not what was committed.

make gas
"""

import json
import subprocess
import sys
from pathlib import Path

GAS = Path(__file__).resolve().parent.parent / "contracts" / "gas.json"
MOVE = 5_000_000
"""What no move of a refutation may cost."""
BARS = {
    "commit": 105_000,
    "commit, first of the window": 130_000,
    "revealScores, 8 validators": 200_000,
    "propose": 250_000,
    "finalize": 250_000,
    "claim": 92_000,
    "claim, first of 256": 126_000,
}


def bar_of(call: str) -> int | None:
    """The most that a call may cost; None where there is no bar."""
    return BARS.get(call, MOVE if call.startswith("refute") else None)


def main() -> int:
    """Table, then verdict."""
    table: dict[str, dict[str, int]] = json.loads(GAS.read_text())
    sizes = list(next(iter(table.values())))
    print(f"| call | {' | '.join(f'{int(size):,} miners' for size in sizes)} | bar |")
    print("| --- |" + " ---: |" * (len(sizes) + 1))
    over = []
    for call, row in table.items():
        bar = bar_of(call)
        cells = [f"{row[size]:,}" if row[size] else "–" for size in sizes]
        print(f"| {call} | {' | '.join(cells)} | {f'{bar:,}' if bar else ''} |")
        over += [call] if bar and max(row.values()) > bar else []
    if over:
        print(f"over its bar: {', '.join(over)}")
    committed = subprocess.run(
        ["git", "show", "HEAD:contracts/gas.json"], cwd=GAS.parent, capture_output=True, text=True
    )
    if committed.returncode == 0 and json.loads(committed.stdout) != table:
        print("not what was committed: look at the difference, then commit contracts/gas.json", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
