"""Environments of one answer and of many turns, and their value types. Know text and keys; no tokens, models, chain."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

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


@dataclass(frozen=True, slots=True)
class Step:
    """What the world makes of one action. `state`: opaque, canonical, at most MAX_STATE bytes, never shown to a model.
    `observation`: what it answers, at most `most_characters` of ASCII; None: it is over.
    """

    state: bytes
    observation: str | None


@runtime_checkable
class Conversation(Environment, Protocol):
    """An environment of several turns: the model acts, the world answers, until it is over or `turns` are used up.

    Pure: a state follows from problem and actions, so that every machine can fold a rollout's dialogue anew. What the
    world hides is drawn from the problem's key into `Problem.answer`: rollouts of a group live in one world. No clock,
    no chance; never raises: nonsense is an action like another.
    """

    @property
    def turns(self) -> int:
        """Most actions, 1 to MAX_TURNS; part of the id where it can be chosen."""
        ...

    @property
    def most_characters(self) -> int:
        """Longest observation, at most MAX_OBSERVATION."""
        ...

    def begin(self, problem: Problem) -> bytes:
        """The state before the first action; what the model reads is `problem.prompt`."""
        ...

    def step(self, problem: Problem, state: bytes, action: str) -> Step:
        """What follows from `action`, the text of one turn, in `state`."""
        ...

    def end(self, problem: Problem, state: bytes, actions: Sequence[str]) -> Grade:
        """Judge the whole episode by its last state."""
        ...
