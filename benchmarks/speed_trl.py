"""How fast a learner and its miner go round together, and how fast TRL's GRPOTrainer does: sampled tokens a second.

    python benchmarks/speed_trl.py [--model smollm2-lines] [--env …] [--updates 3] [--groups 8] [--json]

Both draw as many groups on as many problems an update from the same model, grade them, and take one optimizer step on
them, in one process on one machine, ours first. Ours does what the network does: generates with proofs in the
checkpoint's precision, replays every rollout to verify it, learns, writes a checkpoint, reads it back.
"""

import argparse
import json
import tempfile
import time
from pathlib import Path

import numpy as np
from learning_trl import SIZE, Lesson

from benchmarks.engines import PLAN
from grail.checkpoints.files import Checkpoint, open_checkpoint
from grail.config import TrainingSettings
from grail.environments.base import RIGHT, Environment
from grail.inference.base import Generation, ReplayRequest, ReplayTrace, RolloutRequest
from grail.inference.cpu_instructions import avoid_broken_instructions
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.training.learner import Learner
from simulation.models import model_folder
from simulation.options import LocalnetOptions

SUMS = "reasoning_gym:chain_sum?min_terms=2&max_terms=3&min_digits=1&max_digits=1&shots=3"
SETTINGS = TrainingSettings(learning_rate=5e-6, warmup_steps=10, minibatches=1)


class Ours:
    """A miner, a learner that verifies, and the checkpoint between them."""

    def __init__(self, checkpoint: Checkpoint, environment: Environment, groups: int) -> None:
        self._environment, self._codec, self._groups = environment, TextCodec(checkpoint), groups
        self._engine, self._learner = TransformersEngine(checkpoint), Learner(checkpoint, SETTINGS)
        self.sampled = 0

    def update(self, number: int, folder: Path) -> None:
        """Once round."""
        purpose = b"grail/trl/speed" + bytes([number])
        asked = own_requests(self._codec, self._environment, purpose, self._groups * SIZE, SIZE)
        made = self._engine.generate(asked, PLAN)
        self.sampled += sum(len(generation.tokens) for generation in made)
        shown = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(asked, made, strict=True)]
        traces = self._engine.replay(shown, PLAN)
        self._learner.update(self._graded(asked, made, traces), 1)
        self._learner.save(folder)
        self._engine = TransformersEngine(open_checkpoint(folder))

    def _graded(
        self, asked: list[RolloutRequest], made: list[Generation], traces: list[ReplayTrace]
    ) -> list[TrainingGroup]:
        groups = []
        for first in range(0, len(asked), SIZE):
            problem = self._environment.problem(asked[first].key)
            rollouts = []
            for place in range(first, first + SIZE):
                grade = self._environment.grade(problem, self._codec.decode(made[place].tokens))
                rollouts.append(
                    TrainingRollout(
                        prompt=asked[place].prompt,
                        tokens=made[place].tokens,
                        logprobs=traces[place].logprobs.astype(np.float32),
                        reward=float(grade.reward_micro == RIGHT),
                    )
                )
            groups.append(TrainingGroup(miner=b"m" * 20, checkpoint_version=1, rollouts=tuple(rollouts)))
        return groups


def main() -> None:
    """Run both, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-lines")
    parser.add_argument("--env", default=SUMS)
    parser.add_argument("--updates", type=int, default=3)
    parser.add_argument("--groups", type=int, default=8)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    avoid_broken_instructions()
    setting = LocalnetOptions(model=options.model, environment=options.env, groups=options.groups, training=SETTINGS)
    with tempfile.TemporaryDirectory() as folder:
        lesson = Lesson(setting, options.updates, Path(folder))
        ours = Ours(open_checkpoint(model_folder(options.model)), lesson.environment, options.groups)
        ours.update(255, Path(folder) / "warm-up")
        ours.sampled, began = 0, time.perf_counter()
        for number in range(options.updates):
            ours.update(number, Path(folder) / str(number))
        seconds = time.perf_counter() - began
        _, theirs = lesson.train()
    told = {
        "updates": options.updates,
        "tokens": ours.sampled,
        "tok_s": ours.sampled / seconds,
        "trl_tokens": lesson.sampled,
        "trl_tok_s": lesson.sampled / theirs,
        "ratio": ours.sampled / seconds / (lesson.sampled / theirs),
    }
    print(", ".join(f"{name} {value:.4g}" for name, value in told.items()))
    if options.json:
        print(json.dumps(told))


if __name__ == "__main__":
    main()
