"""How small and how fast a delta between two versions is: real GRPO steps, real checkpoint files."""

import itertools
import tempfile
import time
from pathlib import Path

import numpy as np

from benchmarks.engines import PLAN, Bench
from grail.checkpoints.delta import apply, encode
from grail.checkpoints.files import WEIGHTS
from grail.config import TrainingSettings
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.training.learner import Learner

SIZE = 8
"""Rollouts of a group."""
BYTES = {"bf16": 2, "fp32": 4}


def delta(bench: Bench, rate: float, updates: int) -> dict[str, object]:
    """`updates` published versions, one optimizer step each, and the deltas between them.

    Half of each group's rewards are drawn to be right: how much of a bf16 weight a step moves follows from AdamW and
    the learning rate, not from what is rewarded.
    """
    settings = TrainingSettings(learning_rate=rate, warmup_steps=1, minibatches=1)
    learner = Learner(bench.checkpoint, settings)
    with tempfile.TemporaryDirectory() as place:
        files = [_published(learner, Path(place) / "0")]
        deltas: list[bytes] = []
        encoding, applying = [], []
        held: bytes | bytearray = files[0]
        for update in range(1, updates + 1):
            learner.update(_groups(bench, update), 1)
            files.append(_published(learner, Path(place) / str(update)))
            began = time.perf_counter()
            made = encode(files[-2], files[-1])
            encoding.append(time.perf_counter() - began)
            if made is None:
                return {"params": bench.parameters, "changed_fraction": _changed(bench, files), "ratio": 1.0}
            deltas.append(made)
            began = time.perf_counter()
            held = apply(held, made)
            applying.append(time.perf_counter() - began)
    size = float(np.mean([len(made) for made in deltas]))
    return {
        "params": bench.parameters,
        "learning_rate": rate,
        "updates": updates,
        "changed_fraction": _changed(bench, files),
        "full_bytes": len(files[0]),
        "delta_bytes": round(size),
        "ratio": len(files[0]) / size,
        "encode_s": min(encoding),
        "apply_s": min(applying),
        "chain_identical": bytes(held) == files[-1],
    }


def _published(learner: Learner, folder: Path) -> bytes:
    learner.save(folder)
    return (folder / WEIGHTS).read_bytes()


def _changed(bench: Bench, files: list[bytes]) -> float:
    """Mean share of words that differ between neighbours."""
    words = [
        np.frombuffer(data, dtype=f"<u{BYTES[bench.checkpoint.rules.precision]}", count=bench.parameters)
        for data in (data[-bench.parameters * BYTES[bench.checkpoint.rules.precision] :] for data in files)
    ]
    return float(np.mean([(one != other).mean() for one, other in itertools.pairwise(words)]))


def _groups(bench: Bench, update: int) -> list[TrainingGroup]:
    """Problems of its own for every update."""
    purpose = b"grail/bench/delta" + update.to_bytes(4, "big")
    count = max(SIZE, bench.batch // SIZE * SIZE)
    requests = own_requests(TextCodec(bench.checkpoint), bench.environment, purpose, count, SIZE)
    made = bench.transformers.generate(requests, PLAN)
    rollouts = [
        TrainingRollout(prompt=r.prompt, tokens=g.tokens, logprobs=g.logprobs.astype(np.float32), reward=float(i % 2))
        for i, (r, g) in enumerate(zip(requests, made, strict=True))
    ]
    return [
        TrainingGroup(miner=bytes(20), checkpoint_version=1, rollouts=tuple(rollouts[first : first + SIZE]))
        for first in range(0, len(rollouts), SIZE)
    ]
