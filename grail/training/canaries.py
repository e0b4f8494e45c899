"""Problems with known answers that nobody is ever asked: they tell when what is learnt from is poisoned, or leaks.

A canary is a held-out problem with its right answer and a wrong one, the right one of another. While a model learns
what it should, the right answers become likelier against the wrong ones; rewards that pay for something else turn that
round before accuracy shows it. And no batch may hold a canary's prompt: then held-out problems have leaked.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from grail.environments.base import RIGHT, Conversation, Environment
from grail.inference.text import TextCodec
from grail.protocol.hashing import keccak256
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.training.learner import Learner

PURPOSE = b"grail/canaries/1"
DRAWN = 4
"""Held-out problems drawn for each canary: some have no answer in words, or one that others have, too."""


@dataclass(frozen=True, slots=True)
class Canary:
    """The same prompt, answered rightly and wrongly."""

    right: TrainingRollout
    wrong: TrainingRollout


class Canaries:
    """A trainer's own: `secret` draws them, so that no miner knows which."""

    def __init__(self, environments: Sequence[Environment], codec: TextCodec, secret: bytes, count: int) -> None:
        """`count` of each environment, fewer where it has fewer."""
        self._all = [canary for environment in environments for canary in _drawn(environment, codec, secret, count)]
        self._prompts = {canary.right.prompt.tobytes() for canary in self._all}

    def __len__(self) -> int:
        return len(self._all)

    def margin(self, learner: Learner) -> float:
        """Nats by which right answers are likelier than wrong ones, on average; 0 without canaries."""
        if not self._all:
            return 0.0
        answers = [c.right for c in self._all] + [c.wrong for c in self._all]
        sums = [float(logprobs.sum()) for logprobs in learner.logprobs(answers)]
        half = len(self._all)
        return (sum(sums[:half]) - sum(sums[half:])) / half

    def leaked(self, group: TrainingGroup) -> bool:
        """Does somebody learn from a problem that nobody may be asked?"""
        return group.rollouts[0].prompt.tobytes() in self._prompts


def _drawn(environment: Environment, codec: TextCodec, secret: bytes, count: int) -> list[Canary]:
    if isinstance(environment, Conversation):
        return []  # the right first action of a game is luck
    keys = [keccak256(PURPOSE + secret + i.to_bytes(4, "big")) for i in range(DRAWN * count)]
    held = {problem.prompt: problem for problem in map(environment.held_out, keys)}.values()
    known = [problem for problem in held if environment.grade(problem, problem.answer).reward_micro == RIGHT]
    found: list[Canary] = []
    for problem, other in itertools.pairwise(known):
        if len(found) < count and environment.grade(problem, other.answer).reward_micro != RIGHT:
            prompt = codec.encode(problem.prompt)
            found.append(Canary(_answered(prompt, codec, problem.answer), _answered(prompt, codec, other.answer)))
    return found


def _answered(prompt: np.ndarray, codec: TextCodec, answer: str) -> TrainingRollout:
    tokens = codec.encode_completion(answer)
    return TrainingRollout(prompt=prompt, tokens=tokens, logprobs=np.zeros(len(tokens), dtype=np.float32), reward=0.0)
