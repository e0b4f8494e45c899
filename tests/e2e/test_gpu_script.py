"""benchmarks/gpu.sh runs from end to end where there is no GPU, with small shapes: every part of it still works."""

import json
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_every_part_measures_something(tmp_path):
    out = tmp_path / "gpu.json"
    done = subprocess.run(["bash", "benchmarks/gpu.sh", str(out)], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-3_000:]
    found = json.loads(out.read_text())
    assert found["bandwidth_gb_s"] > 0 and found["noise_shipped"]["tokens"] > 100
    for shape in [value for value in found.values() if isinstance(value, dict) and "sampler" in value]:
        assert shape["decoding"]["tok_s"] > 0 and shape["learner"]["ratio"] > 0
        assert shape["replay"]["tok_s_replay"] > 0 and shape["sampler"]["tok_s_seeded"] > 0
        assert 0 <= shape["noise"]["float32"]["share_of_other_tokens"] < 0.2
