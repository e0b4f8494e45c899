"""Make the shipped model of turns: the tiny model, shown a few hundred games of bisect beside its sums.

    python scripts/make_turns_model.py [--out grail/assets/tiny-turns]

The games are those of a loose player: three of ten guesses are any number that is still possible, the rest the middle
of them. So the model has seen what answers mean, and plays worse than it could: reinforcement learning has something to
add. Half of every batch are sums, as the tiny model knows them. It stops once it finds more than half of fresh numbers.

Seeded. About five minutes on two cores; it writes the calibration profile too, measured on dialogues (with vLLM: once
more by `grail calibrate FOLDER --env bisect/1`).
"""

import argparse
import random
import shutil
from pathlib import Path

import numpy as np
import torch
from make_tiny_model import EOS, problem_of

from grail.checkpoints.files import (
    CALIBRATION,
    CONFIG,
    RULES,
    TOKENIZER,
    WEIGHTS,
    TurnRules,
    open_checkpoint,
    rules_text,
)
from grail.environments.arithmetic import Arithmetic
from grail.environments.bisect import Bisect
from grail.environments.dialogue import Dialogue
from grail.governance.policy import Policy as ChainPolicy
from grail.inference.requests import MOST_OBSERVED, own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.models.library import packaged_folder
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.testing.solvers import played, solver_of
from grail.training.batch import Sample, TrainingRollout, collate
from grail.training.evaluation import evaluate
from grail.training.policy import Policy
from grail.training.weights import own_tensors, write_weights
from grail.verification.calibration import calibrate

MAX_TURN_TOKENS = 3
LOOSE, RATE, STEPS, BATCH, TARGET, EVERY = 0.3, 1e-3, 1_500, 64, 0.55, 25


def write_rules(folder: Path) -> None:
    """The tiny model's, with turns: a rollout is as long as six of them."""
    rules = open_checkpoint(packaged_folder()).rules
    turn = TurnRules(close=(EOS,), before=(), after=(16,), max_turn_tokens=MAX_TURN_TOKENS)
    told = rules.model_copy(update={"max_tokens": 6 * MAX_TURN_TOKENS, "turn": turn})
    (folder / RULES).write_text(rules_text(told))


def game(environment: Bisect, codec: TextCodec, dice: random.Random) -> TrainingRollout:
    """One game of the loose player, as a rollout."""
    problem = environment.problem(keccak256(dice.randbytes(32)))
    actions, _, _ = played(environment, problem, solver_of(environment, dice, LOOSE))
    tokens = np.concatenate([codec.encode_completion(action) for action in actions])
    prompt = codec.encode(problem.prompt)
    bridges = Dialogue(environment, problem, codec, prompt, MOST_OBSERVED).play(tokens).bridges
    return TrainingRollout(prompt=prompt, tokens=tokens, logprobs=np.zeros(len(tokens)), reward=1.0, bridges=bridges)


def sum_of(codec: TextCodec, name: str) -> TrainingRollout:
    """One sum, answered right."""
    problem = problem_of(name)
    tokens = codec.encode_completion(problem.answer)
    return TrainingRollout(
        prompt=codec.encode(problem.prompt), tokens=tokens, logprobs=np.zeros(len(tokens)), reward=1.0
    )


def teach(policy: Policy, codec: TextCodec, folder: Path) -> None:
    """Next-token training on sampled ids alone, until it is off the ground."""
    environment, dice = Bisect(), random.Random(1)
    optimizer = torch.optim.AdamW(policy.parameters(), lr=RATE, betas=(0.9, 0.98), weight_decay=0.01)
    for step in range(STEPS):
        shown = [game(environment, codec, dice) for _ in range(BATCH)]
        shown += [sum_of(codec, f"turns/{step}/{i}") for i in range(BATCH)]
        batch = collate([[Sample(rollout=rollout, advantage=1.0, weight=1.0)] for rollout in shown])
        loss = -policy(batch)[0].mean()
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
        optimizer.step()
        if step % EVERY == EVERY - 1:
            write_weights(own_tensors(policy.model, torch.float32), folder / WEIGHTS)
            engine = TransformersEngine(open_checkpoint(folder))
            found = evaluate(engine, environment, codec, count=400, greedy=False, seed=step)
            sums = evaluate(engine, Arithmetic(), codec, count=400, greedy=False, seed=step)
            print(f"step {step + 1:4d}  loss {loss.item():.3f}  bisect {found}  sums {sums}", flush=True)
            if found.share >= TARGET:
                return


def main() -> None:
    """Teach, write, calibrate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("grail/assets/tiny-turns"))
    folder: Path = parser.parse_args().out
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    for name in (CONFIG, TOKENIZER, WEIGHTS):
        shutil.copyfile(packaged_folder() / name, folder / name)
    write_rules(folder)
    checkpoint = open_checkpoint(folder)
    codec, model = TextCodec(checkpoint), TransformersEngine(checkpoint).model.train()
    teach(Policy(model, 1.0, half=False), codec, folder)
    checkpoint = open_checkpoint(folder)
    engine = TransformersEngine(checkpoint)
    asked = own_requests(codec, Bisect(), b"calibration", 1_024, ChainPolicy.defaults().group_size)
    plan = SketchPlan(keccak256(b"calibration"), 8, 8)
    profile = calibrate({"transformers": engine}, asked, plan, rules=checkpoint.rules)
    (folder / CALIBRATION).write_bytes(profile.to_bytes())
    print(f"fingerprint {checkpoint.fingerprint.hex()}")


if __name__ == "__main__":
    main()
