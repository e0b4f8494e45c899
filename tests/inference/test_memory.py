"""A replay holds the logits of a piece, however much it reads: 64 rollouts of 1,024 tokens over 49,152 ids have 12 GiB.

In a program of its own, for the peak of this one is of all tests.
"""

import subprocess
import sys

import pytest

PROGRAM = """
import shutil, sys
from pathlib import Path
import numpy as np
from transformers import LlamaConfig, LlamaForCausalLM
from grail.checkpoints.files import CALIBRATION, RULES, GenerationRules, open_checkpoint
from grail.inference.base import ReplayRequest
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.telemetry.memory import peak_rss_mib

folder, tiny, rows, length = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), 1_024
shutil.copytree(tiny, folder)
(folder / CALIBRATION).unlink()
model = LlamaForCausalLM(LlamaConfig(
    vocab_size=49_152, hidden_size=64, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
    max_position_embeddings=2_048, tie_word_embeddings=True, bos_token_id=None, eos_token_id=18, pad_token_id=0,
))
model.save_pretrained(folder)
rules = GenerationRules(temperature_milli=1000, max_tokens=length, eos_ids=(18,), precision="fp32")
(folder / RULES).write_text(rules.model_dump_json())
engine = TransformersEngine(open_checkpoint(folder))
draws = np.random.default_rng(0)
prompt = np.arange(1, 9, dtype=np.int32)
asked = [
    ReplayRequest(prompt, bytes([row]) * 32, draws.integers(19, 49_152, length).astype(np.int32)) for row in range(rows)
]
engine.replay(asked[:1], SketchPlan(bytes(32), 8, 8))
before = peak_rss_mib()
traces = engine.replay(asked, SketchPlan(bytes(32), 8, 8))
assert all(len(trace.margins) == length for trace in traces)
print(peak_rss_mib() - before)
"""


def peak_of_replay(tmp_path, tiny_folder, rows):
    told = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(tmp_path / "model"), str(tiny_folder), str(rows)],
        capture_output=True,
        text=True,
        check=True,
    )
    return float(told.stdout.splitlines()[-1])


def test_a_replay_holds_no_more_logits_than_a_piece(tmp_path, tiny_folder):
    assert peak_of_replay(tmp_path, tiny_folder, 6) < 600, "MiB; the logits of all six would be 1,150"


@pytest.mark.slow
def test_nor_does_one_of_64_times_1024_tokens(tmp_path, tiny_folder):
    assert peak_of_replay(tmp_path, tiny_folder, 64) < 1_024, "MiB; the logits of all would be 12,288"
