"""What turns teach and what they cost.

    python benchmarks/turns.py learn [--model tiny-turns] [--env bisect/1] [--updates 200] [--seed 0] [--blank] [--json]
    grail bench turns --model tiny-turns --env bisect/1

`learn`: GRPO on an environment of turns, without a chain: groups generated, folded, replayed and learnt from as a
network does it. With --blank the world says the same whatever happens, which shows how much of it is learnt from what
the world says. `--warm N`: first N games of the scripted solver. `--out FOLDER` keeps the state: called again, it goes
on.
"""

import argparse
import json
import random
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.engines import Bench
from grail.checkpoints.files import Checkpoint, open_checkpoint
from grail.config import TrainingSettings
from grail.environments.base import Conversation, Environment
from grail.environments.dialogue import Dialogue
from grail.environments.registry import Environments
from grail.errors import BadInput
from grail.inference.base import Generation, ReplayRequest, RolloutRequest
from grail.inference.requests import MOST_OBSERVED, own_dialogues, request_of
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.protocol.units import MICRO
from grail.telemetry.timing import best_rounds
from grail.testing.solvers import Blanked, played, solver_of
from grail.training.batch import Sample, TrainingGroup, TrainingRollout, collate
from grail.training.evaluation import evaluate
from grail.training.learner import Learner
from simulation.models import model_folder

PLAN = SketchPlan(keccak256(b"benchmarks/turns.py"), 8, 8)
SIZE, HELD, EVERY, ROUNDS = 8, 400, 20, 3
WARM_RATE, WARM_BATCH = 1e-5, 16


@dataclass
class Lesson:
    """One run. `folder`: where its state is kept."""

    checkpoint: Checkpoint
    environment: Environment
    settings: TrainingSettings
    groups: int
    folder: Path

    def __post_init__(self) -> None:
        self.log = self.folder / "log.jsonl"
        self.found = [json.loads(line) for line in self.log.read_text().splitlines()] if self.log.exists() else []
        self.codec = TextCodec(self.checkpoint)
        self.engine = TransformersEngine(self.checkpoint)
        self.learner = Learner(self.checkpoint, self.settings, self.folder / "state")

    def _catch_up(self) -> None:
        """The engine has the learner's weights."""
        self.engine.model.load_state_dict(self.learner.model.state_dict())
        self.engine.use_model(self.engine.model)

    def run(self, updates: int, warm: int) -> list[dict[str, Any]]:
        """Up to so many updates; evaluated every EVERY."""
        began = time.monotonic()
        if not self.found and warm:
            self._warm(warm)
        for update in range(self.found[-1]["updates"] if self.found else 0, updates + 1):
            if update % EVERY == 0 and (not self.found or self.found[-1]["updates"] < update):
                self._note(update, time.monotonic() - began)
            if update < updates:
                self.learner.update(self._window(update), update + 1)
        return self.found

    def _note(self, update: int, seconds: float) -> None:
        self._catch_up()
        shares = {
            name: evaluate(self.engine, self.environment, self.codec, count=HELD, greedy=greedy, seed=update).share
            for name, greedy in (("sampled", False), ("greedy", True))
        }
        line = {"updates": update, **shares, "seconds": round(seconds, 1)}
        self.learner.save_state(self.folder / "state")
        with self.log.open("a") as file:
            file.write(json.dumps(line) + "\n")
        self.found.append(line)
        print(json.dumps(line), flush=True)

    def _window(self, update: int) -> list[TrainingGroup]:
        """Groups of fresh problems, generated, folded and replayed."""
        self._catch_up()
        name = b"lesson" + self.settings.seed.to_bytes(4, "big") + update.to_bytes(4, "big")
        keys = [keccak256(name + place.to_bytes(4, "big")) for place in range(self.groups * SIZE)]
        asked = own_dialogues(self.codec, self.environment, [self.environment.problem(key) for key in keys[::SIZE]])
        made = self.engine.generate([request_of(asked[i // SIZE], key) for i, key in enumerate(keys)], PLAN)
        shown = [
            ReplayRequest(asked[i // SIZE].prompt, key, g.tokens, g.bridges)
            for i, (key, g) in enumerate(zip(keys, made, strict=True))
        ]
        traces = self.engine.replay(shown, PLAN)
        rollouts = [
            TrainingRollout(
                prompt=asked[i // SIZE].prompt, tokens=g.tokens, logprobs=trace.logprobs, bridges=g.bridges,
                reward=asked[i // SIZE].play(g.tokens).grade.reward_micro / MICRO,
            )
            for i, (g, trace) in enumerate(zip(made, traces, strict=True))
        ]  # fmt: skip
        return [
            TrainingGroup(miner=bytes(20), checkpoint_version=update + 1, rollouts=tuple(rollouts[at : at + SIZE]))
            for at in range(0, len(rollouts), SIZE)
        ]

    def _warm(self, games: int) -> None:
        """Next-token training on a scripted player's games, sampled ids alone."""
        dice = random.Random(self.settings.seed)
        optimizer = torch.optim.AdamW(self.learner.policy.parameters(), lr=WARM_RATE, weight_decay=0.0)
        rollouts = [self._game(dice) for _ in range(games)]
        for at in range(0, games, WARM_BATCH):
            rows = [[Sample(rollout=rollout, advantage=1.0, weight=1.0)] for rollout in rollouts[at : at + WARM_BATCH]]
            loss = -self.learner.policy(collate(rows))[0].mean()
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            print(f"warm-up {at + WARM_BATCH:5d} games, {loss.item():.3f} nats a token", flush=True)

    def _game(self, dice: random.Random) -> TrainingRollout:
        assert isinstance(self.environment, Conversation)
        problem = self.environment.problem(keccak256(dice.randbytes(32)))
        actions, _, _ = played(self.environment, problem, solver_of(self.environment, dice))
        tokens = np.concatenate([self.codec.encode_completion(action) for action in actions])
        dialogue = Dialogue(self.environment, problem, self.codec, self.codec.encode(problem.prompt), MOST_OBSERVED)
        zeros, bridges = np.zeros(len(tokens), np.float32), dialogue.play(tokens).bridges
        return TrainingRollout(prompt=dialogue.prompt, tokens=tokens, logprobs=zeros, reward=1.0, bridges=bridges)


def learn(told: argparse.Namespace) -> dict[str, Any]:
    """The lesson, and what it came to."""
    environment = Environments.installed().by_id(told.env)
    if told.blank:
        if not isinstance(environment, Conversation):
            raise BadInput(f"{told.env} has one turn: there is nothing to blank")
        environment = Blanked(environment)
    settings = TrainingSettings(learning_rate=told.rate, seed=told.seed, minibatches=told.minibatches)
    with tempfile.TemporaryDirectory() as own:
        folder = Path(told.out or own)
        folder.mkdir(parents=True, exist_ok=True)
        lesson = Lesson(open_checkpoint(model_folder(told.model)), environment, settings, told.groups, folder)
        found = lesson.run(told.updates, told.warm)
    return {"env": told.env, "model": told.model, "blank": told.blank, "seed": told.seed, "curve": found}


def turns(bench: Bench) -> list[dict[str, Any]]:
    """By engine: dialogues beside rollouts of one turn, as ratios of one run. `overhead`: the time of replaying
    dialogues, what the world said included, by that of as many sampled tokens in one turn; `check_s`: of folding them.

    Raises BadInput for an environment of one turn.
    """
    if not isinstance(bench.environment, Conversation):
        raise BadInput(f"{bench.environment.id} has one turn: name one that answers, such as bisect/1")
    asked = bench.requests
    plain = [RolloutRequest(request.prompt, request.key) for request in asked]
    rows = []
    for name, engine in bench.engines.items():
        made: Sequence[Generation] = engine.generate(asked, PLAN)
        told = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(asked, made, strict=True)]
        flat = [ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(asked, made, strict=True)]
        alone = engine.generate(plain, PLAN)
        work: dict[str, Callable[[], object]] = {
            "told": partial(engine.replay, told, PLAN), "flat": partial(engine.replay, flat, PLAN),
            "turns": partial(engine.generate, asked, PLAN), "one": partial(engine.generate, plain, PLAN),
            "check": partial(_folded, asked, made),
        }  # fmt: skip
        seconds = best_rounds(work, ROUNDS)
        engine.generate(asked, PLAN)
        sampled, single = (sum(len(g.tokens) for g in part) for part in (made, alone))
        turn_counts = [1 + len(g.bridges) for g in made]
        rows.append({
            "engine": name, "rollouts": len(made), "turns": round(float(np.mean(turn_counts)), 2),
            "tok_s_one_turn": round(single / seconds["one"], 1), "tok_s_turns": round(sampled / seconds["turns"], 1),
            "overhead": round(seconds["told"] / seconds["flat"], 3), "check_s": round(seconds["check"], 4),
            "tokens_one_turn": single, "tokens_turns": sampled, "prefix_hits": getattr(engine, "prefix_hits", None),
        })  # fmt: skip
    return rows


def _folded(asked: Sequence[RolloutRequest], made: Sequence[Generation]) -> None:
    for request, generation in zip(asked, made, strict=True):
        assert isinstance(request.world, Dialogue)
        request.world.play(generation.tokens)


def main() -> None:
    """Run, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["learn"])
    parser.add_argument("--model", default="tiny-turns")
    parser.add_argument("--env", default="bisect/1")
    parser.add_argument("--updates", type=int, default=200)
    parser.add_argument("--groups", type=int, default=32)
    parser.add_argument("--rate", type=float, default=2e-4)
    parser.add_argument("--minibatches", type=int, default=3)
    parser.add_argument("--warm", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--blank", action="store_true")
    parser.add_argument("--out", default="")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    found = learn(told)
    print(json.dumps(found) if told.json else json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
