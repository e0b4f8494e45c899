"""The learner's step: its time against a bare one on the same tokens, its memory, its resuming, its sharding.

Runs as a program of its own for what needs a fresh process: `python -m benchmarks.learner MODEL memory|losses`.
"""

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import torch
from transformers import AutoModelForCausalLM

from grail.checkpoints.files import Checkpoint, open_checkpoint
from grail.config import TrainingSettings
from grail.telemetry.memory import peak_rss_mib
from grail.telemetry.timing import best_rounds
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.training.learner import Learner
from grail.training.together import LeadingLearner, follow, join, leave

GROUPS, SIZE, PROMPT, COMPLETION = 4, 8, 64, 192
"""32 rollouts of 256 tokens, for time and memory; what is only compared needs one group."""
ROUNDS = 2
SETTINGS = TrainingSettings(learning_rate=1e-6, warmup_steps=1, minibatches=1, objective="dapo")


def groups(vocabulary: int, seed: int = 0, count: int = GROUPS) -> list[TrainingGroup]:
    """Random tokens, half of them rewarded."""
    draws = np.random.default_rng(seed)
    found = []
    for _ in range(count):
        prompt = draws.integers(3, vocabulary, PROMPT).astype(np.int32)
        rollouts = tuple(
            TrainingRollout(
                prompt=prompt,
                tokens=draws.integers(3, vocabulary, COMPLETION).astype(np.int32),
                logprobs=np.full(COMPLETION, -np.log(vocabulary), dtype=np.float32),
                reward=float(place % 2),
            )
            for place in range(SIZE)
        )
        found.append(TrainingGroup(miner=b"m", checkpoint_version=1, rollouts=rollouts))
    return found


def learner(checkpoint: Checkpoint) -> dict[str, object]:
    """All of it: ratios side by side in one run, the rest in processes of their own."""
    work = groups(checkpoint.vocab_size)
    ours = Learner(checkpoint, SETTINGS)
    model = AutoModelForCausalLM.from_pretrained(checkpoint.folder, dtype=torch.float32, local_files_only=True).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-6)
    rows = [np.concatenate([r.prompt, r.tokens]) for group in work for r in group.rollouts]
    ids = torch.from_numpy(np.stack(rows).astype(np.int64))

    def bare() -> None:
        for part in ids.chunk(4):
            logits = model(input_ids=part).logits[:, PROMPT - 1 : -1].float()
            picked = logits.log_softmax(-1).gather(2, part[:, PROMPT:, None])
            (-picked.mean() / 4).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    seconds = best_rounds({"step": lambda: ours.update(work, 1), "bare": bare}, ROUNDS)
    alone, together = _child(checkpoint, "losses", 1), _child(checkpoint, "losses", 2)
    return {
        "tokens": ids.numel(),
        "peak_rss_gib": _child(checkpoint, "memory", 1),
        "step_s": seconds["step"],
        "bare_step_s": seconds["bare"],
        "ratio": seconds["step"] / seconds["bare"],
        "resume_identical": _resumes(checkpoint, groups(checkpoint.vocab_size, count=1)),
        "fsdp2_max_loss_diff": max(abs(one - other) for one, other in zip(alone, together, strict=True)),
    }


def _resumes(checkpoint: Checkpoint, work: list[TrainingGroup]) -> bool:
    straight = Learner(checkpoint, SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        straight.update(work, 1)
        straight.save_state(Path(folder))
        straight.update(work, 1)
        resumed = Learner(checkpoint, SETTINGS, Path(folder))
    resumed.update(work, 1)
    pairs = zip(straight.model.parameters(), resumed.model.parameters(), strict=True)
    return all(torch.equal(one, other) for one, other in pairs)


def _child(checkpoint: Checkpoint, what: str, processes: int) -> Any:
    launch = [sys.executable, "-m"]
    if processes > 1:
        launch += ["torch.distributed.run", "--standalone", f"--nproc-per-node={processes}", "-m"]
    told = subprocess.run(
        [*launch, "benchmarks.learner", str(checkpoint.folder), what], capture_output=True, text=True, check=True
    )
    return json.loads(told.stdout.strip().splitlines()[-1])


def main() -> None:
    """In a process of its own: prints the losses of small steps, or the most memory that a large one took."""
    if not join("cpu"):
        follow()
        return
    checkpoint = open_checkpoint(Path(sys.argv[1]))
    ours = LeadingLearner(checkpoint, SETTINGS)
    count, steps = (1, 2) if sys.argv[2] == "losses" else (GROUPS, 1)
    losses = [ours.update(groups(checkpoint.vocab_size, seed, count), 1).loss for seed in range(steps)]
    leave()
    peak = peak_rss_mib() / 1024
    sys.stdout.write(json.dumps(losses if sys.argv[2] == "losses" else peak) + "\n")


if __name__ == "__main__":
    main()
