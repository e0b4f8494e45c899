"""A short run of the fuzzer; `python benchmarks/fuzz.py` does a million cases."""

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_foreign_bytes_give_our_errors_or_one_canonical_value():
    command = [sys.executable, "benchmarks/fuzz.py", "--cases", "30000", "--seed", "1", "--json"]
    answer = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=600)
    assert answer.returncode == 0, answer.stderr
    found = json.loads(answer.stdout.splitlines()[-1])
    assert found["cases"] >= 30_000 and found["peak_rss_mib"] < 512
    for row in found["rows"].values():
        assert row["read"] and len(row) > 1, "mutations must be both read and refused, or the fuzzer tests nothing"
