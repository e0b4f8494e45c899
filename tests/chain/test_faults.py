"""Honest commitments through a node that fails in every way: all mined, none twice (benchmarks/chain_faults.py)."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(
    ("windows", "seed", "each"),
    [(30, 1, 1), pytest.param(1_000, 2, 100, marks=[pytest.mark.slow, pytest.mark.timeout(1_800)])],
)
def test_a_fifth_of_all_calls_fails_and_no_commitment_is_lost_or_sent_twice(windows, seed, each):
    command = [sys.executable, "benchmarks/chain_faults.py", "--windows", str(windows), "--seed", str(seed), "--json"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3_000:]
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["double_sends"] == found["lost_commits"] == found["crashes"] == found["wrong_lists"] == 0
    assert found["payments"] == windows and found["late_reported"] == found["hopeless"] == windows // 20
    assert min(found["faults"].values()) >= each, found["faults"]
