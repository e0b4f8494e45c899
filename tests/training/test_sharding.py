"""Two processes (gloo) train as one: the same losses, the same weights, and each resumes what the other saved."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from grail.checkpoints.files import ADAPTER

PROGRAM = """
import json, sys
from pathlib import Path
import numpy as np
import torch
from grail.checkpoints.files import open_checkpoint
from grail.config import TrainingSettings
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.training.together import LeadingLearner, follow, join, leave

torch.set_num_threads(1)
tiny, out, state = map(Path, sys.argv[1:4])

def group(seed):
    chance = np.random.default_rng(seed)
    prompt = chance.integers(1, 17, 5).astype(np.int32)
    rollouts = []
    for i in range(4):
        length = int(chance.integers(1, 5))
        rollouts.append(TrainingRollout(
            prompt=prompt, tokens=chance.integers(1, 17, length).astype(np.int32),
            logprobs=(-chance.exponential(1.5, length)).astype(np.float32), reward=float(i % 2)))
    return TrainingGroup(miner=b"m", checkpoint_version=1, rollouts=tuple(rollouts))

import grail.training.learner as module
module.MICRO_TOKENS = {"cpu": 60}
if not join("cpu"):
    follow()
    sys.exit()
settings = TrainingSettings(lora_rank=int(sys.argv[4]))
learner = LeadingLearner(open_checkpoint(tiny), settings, state if state.exists() else None)
reports = [learner.update([group(10 * u + g) for g in range(7)], 1) for u in range(2)]
learner.save(out)
learner.save_state(out / "optimizer")
print(json.dumps([[r.loss, r.gradient_norm, r.kl, r.tokens] for r in reports]))
leave()
"""


def train(processes: int, tiny: Path, out: Path, state: Path, lora_rank: int = 0) -> list[list[float]]:
    out.mkdir()
    program = out / "train.py"
    program.write_text(PROGRAM)
    launch = [sys.executable]
    if processes > 1:
        launch += ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    done = subprocess.run(
        [*launch, str(program), str(tiny), str(out), str(state), str(lora_rank)],
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3_000:]
    return json.loads(done.stdout.strip().splitlines()[-1])


def test_two_processes_are_one(tiny, tmp_path):
    alone = train(1, tiny.folder, tmp_path / "alone", tmp_path / "none")
    together = train(2, tiny.folder, tmp_path / "together", tmp_path / "none")
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-5)
    first, second = (load_file(tmp_path / name / "model.safetensors") for name in ("alone", "together"))
    assert first.keys() == second.keys()
    assert max(float((first[name] - second[name]).abs().max()) for name in first) < 1e-5
    resumed = train(2, tiny.folder, tmp_path / "resumed", tmp_path / "alone" / "optimizer")
    again = train(1, tiny.folder, tmp_path / "again", tmp_path / "alone" / "optimizer")
    for one, other in zip(resumed, again, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-5)
    last = load_file(tmp_path / "again" / "model.safetensors")
    assert any(not torch.equal(first[name], last[name]) for name in first), "it went on"


def test_two_processes_train_one_adapter(tiny, tmp_path):
    pytest.importorskip("peft", reason="NOTICE: peft is missing: adapters are not tested")
    alone = train(1, tiny.folder, tmp_path / "alone", tmp_path / "none", lora_rank=4)
    together = train(2, tiny.folder, tmp_path / "together", tmp_path / "none", lora_rank=4)
    for one, other in zip(alone, together, strict=True):
        assert one == pytest.approx(other, rel=1e-5, abs=1e-5)
    first, second = (load_file(tmp_path / name / ADAPTER) for name in ("alone", "together"))
    assert first.keys() == second.keys()
    assert max(float((first[name] - second[name]).abs().max()) for name in first) < 1e-5
    assert any(bool(values.any()) for name, values in first.items() if "lora_B" in name), "it learnt something"
