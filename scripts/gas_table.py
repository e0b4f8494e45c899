"""Print contracts/gas.json as a table, beside the bars. Exit code 1 when a call costs more than its bar.

make gas
"""

import json
import sys
from pathlib import Path

GAS = Path(__file__).resolve().parent.parent / "contracts" / "gas.json"
BARS = {
    "commit": 90_000,
    "revealScores": 80_000,
    "claim": 90_000,
    "refute a payout, 16 validators": 900_000,
}


def main() -> int:
    """Table, then verdict."""
    table: dict[str, dict[str, int]] = json.loads(GAS.read_text())
    sizes = list(next(iter(table.values())))
    print(f"| call | {' | '.join(f'{int(size):,} miners' for size in sizes)} | bar |")
    print("| --- |" + " ---: |" * (len(sizes) + 1))
    for call, row in table.items():
        bar = f"{BARS[call]:,}" if call in BARS else ""
        print(f"| {call} | {' | '.join(f'{row[size]:,}' for size in sizes)} | {bar} |")
    over = [call for call, bar in BARS.items() if max(table[call].values()) > bar]
    if over:
        print(f"over its bar: {', '.join(over)}", file=sys.stderr)
    return 1 if over else 0


if __name__ == "__main__":
    sys.exit(main())
