"""The same lesson by TRL's GRPOTrainer: problems, rollouts, rate and evaluation as a run of `grail localnet` had them.

    grail localnet --model smollm2-lines --env … --miners 1 --cheats 0 --validators 1 --groups 8 --windows 60 --out RUN
    python benchmarks/learning_trl.py RUN [--json]

TRL starts from the run's first checkpoint, asks as many groups of as many problems an update, makes as many updates,
and is evaluated by our engine on the run's held-out problems. Needs TRL:
pip install 'grail-network[reference]' -c constraints.txt
"""

import argparse
import json
import tempfile
import time
from pathlib import Path
from typing import Any

import torch
import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from grail.checkpoints.files import SIDE_FILES, TOKENIZER, WEIGHTS, Checkpoint, open_checkpoint
from grail.config import TrainingSettings
from grail.environments.base import RIGHT, Environment, Problem
from grail.environments.registry import Environments
from grail.errors import BadInput
from grail.governance.policy import Policy
from grail.inference.cpu_instructions import avoid_broken_instructions
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.protocol.constants import MILLI
from grail.protocol.hashing import keccak256
from grail.storage.database import Database
from grail.storage.journal import Journal
from grail.telemetry.run_log import RunLog
from grail.training.evaluation import Accuracy, evaluate
from grail.training.weights import own_tensors, write_weights
from simulation.models import model_folder
from simulation.options import LocalnetOptions, load_options

SIZE = Policy.defaults().group_size


def problems(environment: Environment, count: int) -> list[Problem]:
    """As many as the run mandated, drawn as it draws them."""
    return [environment.problem(keccak256(b"grail/trl/1" + i.to_bytes(8, "big"))) for i in range(count)]


class Lesson:
    """TRL on one run's terms."""

    def __init__(self, options: LocalnetOptions, updates: int, folder: Path) -> None:
        self.options, self.updates, self.folder = options, updates, folder
        self.checkpoint = open_checkpoint(model_folder(options.model))
        self.environment = Environments.installed().by_id(options.environment)
        self.sampled = 0

    def train(self) -> tuple[Any, float]:
        """The trained model and the seconds that it took."""
        asked = problems(self.environment, self.options.groups * self.updates)
        by_prompt = {problem.prompt: problem for problem in asked}
        tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(self.checkpoint.folder / TOKENIZER))
        tokenizer.eos_token = tokenizer.convert_ids_to_tokens(max(self.checkpoint.rules.eos_ids))
        tokenizer.pad_token = tokenizer.convert_ids_to_tokens(min(self.checkpoint.rules.eos_ids))
        model = AutoModelForCausalLM.from_pretrained(self.checkpoint.folder, dtype=torch.float32, local_files_only=True)

        def reward(
            prompts: list[str], completions: list[str], completion_ids: list[list[int]], **_: Any
        ) -> list[float]:
            self.sampled += sum(map(len, completion_ids))
            return [self._right(by_prompt[p], c) for p, c in zip(prompts, completions, strict=True)]

        trainer = trl.GRPOTrainer(
            model=model,
            reward_funcs=reward,
            args=self._settings(self.options.training),
            processing_class=tokenizer,
            train_dataset=Dataset.from_dict({"prompt": [problem.prompt for problem in asked]}),
        )
        began = time.perf_counter()
        trainer.train()
        return trainer.model, time.perf_counter() - began

    def _right(self, problem: Problem, completion: str) -> float:
        return float(self.environment.grade(problem, completion).reward_micro == RIGHT)

    def _settings(self, own: TrainingSettings) -> trl.GRPOConfig:
        return trl.GRPOConfig(
            output_dir=str(self.folder / "trl"), use_cpu=True, bf16=False, report_to=[], save_strategy="no",
            per_device_train_batch_size=self.options.groups * SIZE, num_generations=SIZE, steps_per_generation=1,
            max_completion_length=self.checkpoint.rules.max_tokens, shuffle_dataset=False,
            temperature=self.checkpoint.rules.temperature_milli / MILLI,
            loss_type="dapo", beta=0.0, epsilon=own.clip_low, epsilon_high=own.clip_high,
            learning_rate=own.learning_rate, lr_scheduler_type="inverse_sqrt", warmup_steps=own.warmup_steps,
            adam_beta2=0.99, weight_decay=own.weight_decay, max_grad_norm=own.gradient_norm,
            max_steps=self.updates, logging_steps=5, seed=own.seed,
        )  # fmt: skip

    def evaluate(self, model: Any, count: int) -> dict[str, Accuracy]:
        """Held-out, by our engine, from a checkpoint of the run's precision."""
        target = self.folder / "trained"
        target.mkdir()
        for name in SIDE_FILES:
            if (self.checkpoint.folder / name).exists():
                (target / name).write_bytes((self.checkpoint.folder / name).read_bytes())
        dtype = torch.bfloat16 if self.checkpoint.rules.precision == "bf16" else torch.float32
        write_weights(own_tensors(model, dtype), target / WEIGHTS)
        return accuracies(open_checkpoint(target), self.environment, count, self.options.seed)


def accuracies(checkpoint: Checkpoint, environment: Environment, count: int, seed: int) -> dict[str, Accuracy]:
    """At the checkpoint's temperature and greedy."""
    engine, codec = TransformersEngine(checkpoint), TextCodec(checkpoint)
    return {
        name: evaluate(engine, environment, codec, count=count, greedy=greedy, seed=seed)
        for name, greedy in (("sampled", False), ("greedy", True))
    }


def of_run(run: Path, options: LocalnetOptions, updates: int | None) -> dict[str, Any]:
    """What the run came to after so many updates, or at its end: accuracy, learning time. Raises BadInput."""
    found = {entry["version"] - 1: entry for entry in RunLog(run / "events.jsonl").of("accuracy")}
    updates = max(found) if updates is None else updates
    if updates not in found:
        raise BadInput(f"the run was evaluated after {sorted(found)} updates, not after {updates}")
    journal = Journal(Database.in_file(run / "grail.sqlite"))
    learned = [note for _, note in journal.notes("learn") if note.get("updated")][:updates]
    return {
        "updates": updates,
        **{kind: Accuracy(**found[updates][kind]) for kind in ("sampled", "greedy")},
        "rollouts": updates * options.groups * SIZE,
        "learning_seconds": sum(note["seconds"] for note in learned),
    }


def main() -> None:
    """Train, evaluate, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a finished grail localnet")
    parser.add_argument("--updates", type=int, help="after which the run was evaluated; default: at its end")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    avoid_broken_instructions()
    run = load_options(options.run / "options.json")
    ours = of_run(options.run, run, options.updates)
    with tempfile.TemporaryDirectory() as folder:
        lesson = Lesson(run, ours["updates"], Path(folder))
        model, seconds = lesson.train()
        theirs = lesson.evaluate(model, ours["greedy"].count)
    print(f"ours: T = 1 {ours['sampled']}, greedy {ours['greedy']}")
    print(f"TRL:  T = 1 {theirs['sampled']}, greedy {theirs['greedy']}; {lesson.sampled / seconds:.1f} tokens/s")
    if options.json:
        print(
            json.dumps({"ours": ours, "trl": theirs, "trl_seconds": seconds, "trl_tokens": lesson.sampled}, default=str)
        )


if __name__ == "__main__":
    main()
