"""The Environment protocol and its value types. Knows text and keys; knows no tokens, no models, no chain."""

from dataclasses import dataclass
from typing import Protocol

from grail.protocol.units import MICRO, Digest, MicroReward

RIGHT = MicroReward(MICRO)
WRONG = MicroReward(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One task instance. `prompt` is what the model reads, `answer` all that grading needs, `level` its difficulty."""

    prompt: str
    answer: str
    level: str


@dataclass(frozen=True, slots=True)
class Grade:
    """A completion's reward in micro-units, and in words why.

    `certain`: would every machine say the same? Not where a program came near a limit of time; then nobody is accused.
    """

    reward_micro: MicroReward
    reason: str
    certain: bool = True


class Environment(Protocol):
    """A deterministic, versioned family of tasks.

    `id` names family and version ("arithmetic/1"); any change of prompts or grades needs a new version, because the
    id's hash is in every leaf. All three methods must give the same result on every machine, for ever.
    """

    @property
    def id(self) -> str:
        """Family and version."""
        ...

    def problem(self, key: Digest) -> Problem:
        """The problem that a 32-byte key stands for. Draw from `grail.protocol.draws.Draws(key)` only."""
        ...

    def held_out(self, key: Digest) -> Problem:
        """A problem for evaluation: one that `problem` never gives, whatever the key."""
        ...

    def grade(self, problem: Problem, completion: str) -> Grade:
        """Judge the text a model wrote after the prompt. Never raises: nonsense earns the lowest reward."""
        ...
