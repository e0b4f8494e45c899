"""A problem's dialogue: environment and codec folded over sampled ids. What miners play and everybody else plays again.

A rollout of one turn is a dialogue, too: one action and no answer. All that is known of a rollout besides what a model
computes - turns, finish code, what the world said, the reward - follows from its ids by `Dialogue.play`.
"""

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grail.environments.base import Conversation, Environment, Grade, Problem
from grail.errors import BadCheckpoint, BadSubmission
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH, FINISH_ROOM, FINISH_TURNS
from grail.protocol.submission import Rollout
from grail.protocol.turns import Bridge, observations_hash, observed_tokens
from grail.protocol.units import Digest


@dataclass(frozen=True, slots=True)
class Lengths:
    """What a checkpoint's rules allow, in tokens: of a rollout, of one of its turns (None: it answers once), of
    prompt and rollout together; ids that end a turn.
    """

    rollout: int
    turn: int | None
    context: int
    eos_ids: tuple[int, ...]


class Codec(Protocol):
    """Text ↔ ids with a checkpoint's tokenizer and rules."""

    @property
    def lengths(self) -> Lengths:
        """Of the checkpoint."""
        ...

    def encode(self, prompt: str) -> NDArray[np.int32]:
        """Prompt ids, int32 (p,)."""
        ...

    def decode(self, tokens: NDArray[np.int32]) -> str:
        """Text of a completion, its closing EOS left out."""
        ...

    def action(self, turn: NDArray[np.int32]) -> str:
        """Text of one turn of a dialogue; none where it holds control tokens."""
        ...

    def bridge(self, observation: str, *, closed: bool) -> NDArray[np.int32] | None:
        """What stands behind a turn; None where this tokenizer cannot say it."""
        ...


class BrokenDialogue(BadSubmission):
    """Ids that are no whole rollout: they end within a turn, or go on behind the end."""


@dataclass(frozen=True, slots=True)
class Played:
    """What follows from a rollout's ids."""

    finish: int
    bridges: tuple[Bridge, ...]
    grade: Grade
    actions: tuple[str, ...]
    observations: tuple[str, ...]

    def differs_from(self, claimed: Rollout) -> str:
        """What a rollout claims of its dialogue that does not follow from its ids; empty where all does."""
        own = (self.turns, self.finish, self.observed, self.digest)
        told = (claimed.turns, claimed.finish, claimed.observed, claimed.observations_hash)
        names = ("turns", "finish", "observed tokens", "observations")
        wrong = (name for name, mine, theirs in zip(names, own, told, strict=True) if mine != theirs)
        return next((f"its {name} do not follow from its ids" for name in wrong), "")

    @property
    def turns(self) -> int:
        """How many it took."""
        return len(self.actions)

    @property
    def observed(self) -> int:
        """Ids that the world said, with what stands around them."""
        return observed_tokens(self.bridges)

    @property
    def digest(self) -> Digest:
        """Commits to them."""
        return observations_hash(self.bridges)


@dataclass(frozen=True)
class Dialogue:
    """What rollouts of one problem have in common. `prompt`: int32 (p,). `most_observed`: ids that the world may say in
    one rollout, as the window's policy has it.

    Raises BadCheckpoint where an environment of turns meets a model that answers once.
    """

    environment: Environment
    problem: Problem
    codec: Codec
    prompt: NDArray[np.int32]
    most_observed: int

    def __post_init__(self) -> None:
        if isinstance(self.environment, Conversation) and self.codec.lengths.turn is None:
            raise BadCheckpoint(
                f"{self.environment.id} has turns, and this model has no rules for them: make a variant with "
                "`grail models vary --turns`"
            )

    @property
    def world(self) -> "Dialogue | None":
        """What an engine talks with; None where the model answers once."""
        return self if isinstance(self.environment, Conversation) else None

    def begin(self) -> "Talk":
        """From the first turn on."""
        return Talk(self)

    def play(self, tokens: NDArray[np.int32]) -> Played:
        """Fold the dialogue over sampled ids, int32 (n,). Raises BrokenDialogue where they are none."""
        talk, bridges, at = self.begin(), list[Bridge](), 0
        while True:
            end = self._turn_end(tokens, at, talk.limit)
            bridge = talk.answer(tokens[at:end])
            at = end
            if bridge is None:
                break
            bridges.append(Bridge(at, bridge))
        if at != len(tokens):
            raise BrokenDialogue(f"expected the rollout to end behind its token {at}, but {len(tokens) - at} follow")
        return Played(talk.finish, tuple(bridges), talk.grade(), tuple(talk.actions), tuple(talk.observations))

    def stops_within_a_turn(self, tokens: NDArray[np.int32]) -> bool:
        """Do ids end where, whatever the world says, no turn does?"""
        lengths = self.codec.lengths
        last = np.isin(tokens, lengths.eos_ids).nonzero()[0]
        open_ = len(tokens) - (int(last[-1]) + 1 if len(last) else 0)
        return len(tokens) < lengths.rollout and open_ % (lengths.turn or lengths.rollout) != 0

    def _turn_end(self, tokens: NDArray[np.int32], at: int, limit: int) -> int:
        ends = np.isin(tokens[at : at + limit], self.codec.lengths.eos_ids).nonzero()[0]
        end = at + (int(ends[0]) + 1 if len(ends) else limit)
        if end > len(tokens):
            raise BrokenDialogue(f"expected a turn to end in EOS or at its limit, but ids end at {len(tokens)}")
        return end


class Talk:
    """One rollout's dialogue as far as it has gone: what the engine calls its partner."""

    def __init__(self, dialogue: Dialogue) -> None:
        self._dialogue = dialogue
        self._codec = dialogue.codec
        self._lengths, environment = dialogue.codec.lengths, dialogue.environment
        self._conversation = environment if isinstance(environment, Conversation) else None
        self._turn = (self._conversation and self._lengths.turn) or self._lengths.rollout
        self._state = self._conversation.begin(dialogue.problem) if self._conversation else b""
        self._sampled = self._observed = 0
        self.actions: list[str] = []
        self.observations: list[str] = []
        self.finish = -1

    @property
    def limit(self) -> int:
        """Most tokens of the next turn."""
        return min(self._turn, self._lengths.rollout - self._sampled)

    def answer(self, turn: NDArray[np.int32]) -> NDArray[np.int32] | None:
        """What stands behind a turn; None where it was the last one, whose reason is then in `finish`."""
        self._sampled += len(turn)
        closed = int(turn[-1]) in self._lengths.eos_ids
        if self._conversation is None:
            self.actions.append(self._codec.decode(turn))
            self.finish = FINISH_EOS if closed else FINISH_LENGTH
            return None
        self.actions.append(self._codec.action(turn))
        step = self._conversation.step(self._dialogue.problem, self._state, self.actions[-1])
        self._state = step.state
        bridge, self.finish = self._behind(step.observation, closed)
        if bridge is not None:
            self._observed += len(bridge)
            self.observations.append(step.observation or "")
        return bridge

    def _behind(self, observation: str | None, closed: bool) -> tuple[NDArray[np.int32] | None, int]:
        """The bridge, or why there is none."""
        assert self._conversation is not None
        if observation is None:
            return None, FINISH_EOS
        if len(self.actions) == self._conversation.turns:
            return None, FINISH_TURNS
        if self._sampled == self._lengths.rollout:
            return None, FINISH_LENGTH
        bridge = self._codec.bridge(observation, closed=closed)
        if bridge is None:
            return None, FINISH_ROOM
        observed = self._observed + len(bridge)
        whole = len(self._dialogue.prompt) + self._sampled + observed + self._turn
        if observed > self._dialogue.most_observed or whole > self._lengths.context:
            return None, FINISH_ROOM
        return bridge, -1

    def grade(self) -> Grade:
        """Of the whole episode."""
        problem, environment = self._dialogue.problem, self._dialogue.environment
        if self._conversation is None:
            return environment.grade(problem, self.actions[0])
        return self._conversation.end(problem, self._state, self.actions)
