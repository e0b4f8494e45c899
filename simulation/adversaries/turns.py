"""Cheats of dialogues: in what the world said, in where they end, in what the model read between its turns.

They play in an environment of turns (`grail redteam --family turns`). What is claimed of a dialogue is checked in every
rollout on a CPU; what a model was shown instead is the replay's business.
"""

import contextlib
import dataclasses
from typing import Any, ClassVar

import numpy as np
from torch import Tensor

from grail.checkpoints.files import Checkpoint
from grail.environments.base import RIGHT, Step
from grail.environments.dialogue import BrokenDialogue, Dialogue
from grail.environments.mandates import BeaconMandates
from grail.inference.base import Engine, Generation, RolloutRequest
from grail.inference.sampling import Mandate, mandated
from grail.inference.text import TextCodec
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import FINISH_EOS, FINISH_ROOM
from grail.protocol.hashing import keccak256
from grail.protocol.philox import key_words
from grail.protocol.submission import Rollout, Submission
from grail.protocol.units import WindowId
from miner.duties.solve import requests_for
from simulation.adversaries.base import Attack, Draft, RetoldTokens, Tokens, laundered, twin, with_rollouts
from simulation.adversaries.selection import BestOfN

FAMILY = "turns"
MODEL, ENVIRONMENT = "tiny-turns", "bisect/1"
"""What the family is played with."""
LONG = 3
"""Turns from which on a dialogue is worth cutting."""


class Retold(Attack):
    """Honest rollouts, of which something else is claimed: in every `every`-th that `which` takes."""

    caught_by = frozenset({"dialogue"})
    every: ClassVar[int] = 1

    def claim(self, rollout: Rollout) -> Rollout:
        """What is said of it."""
        raise NotImplementedError

    def which(self, rollout: Rollout) -> bool:
        """Dialogues, as a rule."""
        return rollout.observed > 0

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """Honest work, retold."""
        seen = -1

        def told(_group: int, _index: int, rollout: Rollout) -> Rollout:
            nonlocal seen
            if not self.which(rollout):
                return rollout
            seen += 1
            return self.claim(rollout) if seen % self.every == 0 else rollout

        return with_rollouts(super().work(window, checkpoint, groups, version), told)


class InventedObservation(Retold):
    """Commits to observations that the world never made."""

    attack = "invented-observation"
    gain = "a world that is kinder than it is"

    def claim(self, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, observations_hash=keccak256(rollout.observations_hash))


class InventedInOne(InventedObservation):
    """The same in a single rollout of the submission."""

    attack = "invented-observation-once"
    gain = "one kinder dialogue"
    every = 1 << 30


class ShortenedObservation(Retold):
    """Claims that the world said less."""

    attack = "shortened-observation"
    gain = "room for more turns"

    def claim(self, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, observed=rollout.observed - 1)


class LengthenedObservation(Retold):
    """Claims that the world said more: where observed tokens are paid, they are worth something."""

    attack = "lengthened-observation"
    gain = "pay for what nobody said"

    def claim(self, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, observed=rollout.observed + 64)


class FewerTurns(Retold):
    """Claims fewer turns than it took."""

    attack = "fewer-turns"
    gain = "a shorter way to the answer"

    def claim(self, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, turns=rollout.turns - 1)


class NoRoom(Retold):
    """Claims that the world's next answer had no room, where the world was still talking or had finished."""

    attack = "claimed-no-room"
    gain = "an end where it likes"

    def claim(self, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, finish=FINISH_ROOM)


class ClaimedWin(Retold):
    """Claims the reward of games that it lost."""

    attack = "claimed-win"
    gain = "full reward everywhere"

    def which(self, rollout: Rollout) -> bool:
        return rollout.reward_micro != RIGHT

    def claim(self, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, reward_micro=RIGHT)


class StopsEarly(Retold):
    """Leaves the last turns of long dialogues out, and says that the world was done."""

    attack = "stops-after-a-turn"
    gain = "a fraction of the decoding"

    def which(self, rollout: Rollout) -> bool:
        return rollout.turns >= LONG

    def claim(self, rollout: Rollout) -> Rollout:
        eos = np.isin(rollout.tokens, self._eos).nonzero()[0]
        count = int(eos[0]) + 1 if len(eos) else len(rollout.tokens)
        rows = -(-count * len(rollout.sketch) // len(rollout.tokens))
        return dataclasses.replace(
            rollout, tokens=rollout.tokens[:count], logprobs=rollout.logprobs[:count], sketch=rollout.sketch[:rows],
            turns=1, observed=0, finish=FINISH_EOS,
        )  # fmt: skip

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """As every retold one's."""
        self._eos = checkpoint.rules.eos_ids
        return super().work(window, checkpoint, groups, version)


class PlaysOn(Retold):
    """Goes on after the world was done: pay is by the token."""

    attack = "plays-on"
    gain = "more tokens, so more pay"

    def which(self, rollout: Rollout) -> bool:
        return rollout.reward_micro == RIGHT and len(rollout.tokens) + 2 <= self._most

    def claim(self, rollout: Rollout) -> Rollout:
        tokens = np.concatenate([rollout.tokens, rollout.tokens[-2:]]).astype(np.int32)
        rows = self._sketch.rows(len(tokens)) - len(rollout.sketch)
        return dataclasses.replace(
            rollout, tokens=tokens, turns=rollout.turns + 1,
            logprobs=np.concatenate([rollout.logprobs, rollout.logprobs[-2:]]),
            sketch=np.concatenate([rollout.sketch, np.repeat(rollout.sketch[-1:], rows, axis=0)]),
        )  # fmt: skip

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """As every retold one's."""
        self._most, self._sketch = checkpoint.rules.max_tokens, self.node.sketch_plan(window)
        return super().work(window, checkpoint, groups, version)


class SwappedDialogues(Attack):
    """Shows each rollout with what the world said to its neighbour."""

    attack = "swapped-observations"
    gain = "the kindest of eight dialogues"
    caught_by = frozenset({"dialogue"})

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """Turns, observations and ends, moved by one within each group."""
        honest = super().work(window, checkpoint, groups, version)

        def moved(group: int, index: int, rollout: Rollout) -> Rollout:
            rollouts = honest.groups[group].rollouts
            other = rollouts[(index + 1) % len(rollouts)]
            return dataclasses.replace(
                rollout, turns=other.turns, observed=other.observed, observations_hash=other.observations_hash
            )

        return with_rollouts(honest, moved)


class _Hinting:
    """An environment whose world tells the answer."""

    def __init__(self, environment: Any) -> None:
        self._environment = environment

    def __getattr__(self, name: str) -> Any:
        return getattr(self._environment, name)

    def step(self, problem: Any, state: bytes, action: str) -> Step:
        """The answer, whatever was asked."""
        step = self._environment.step(problem, state, action)
        return step if step.observation is None else Step(step.state, problem.answer)


class Hint(RetoldTokens):
    """Shows the model the answer between its turns, and commits to what the world really says."""

    attack = "hint-between-turns"
    gain = "a model that only has to copy"
    every: ClassVar[int] = 1

    def retell(self, draft: Draft) -> list[Tokens]:
        hinted = [
            dataclasses.replace(r, world=dataclasses.replace(r.world, environment=_Hinting(r.world.environment)))
            for r in draft.requests
            if isinstance(r.world, Dialogue)
        ]
        told = draft.engine.generate(hinted, draft.plan)
        return [
            _playable(request, other.tokens if place % self.every == 0 else own.tokens, own.tokens)
            for place, (request, own, other) in enumerate(zip(draft.requests, draft.made, told, strict=True))
        ]


class HintInEight(Hint):
    """The same in one rollout of eight."""

    attack = "hint-in-eight"
    gain = "one right answer in each group"
    every = 8
    residual = "few of its rollouts are drawn; the trainer, who replays all, drops their groups"


class EditedLastTurn(RetoldTokens):
    """Plays, and writes the answer over its last turn."""

    attack = "edited-last-turn"
    gain = "full reward everywhere"

    def retell(self, draft: Draft) -> list[Tokens]:
        codec = TextCodec(draft.engine.checkpoint)
        told = []
        for request, own in zip(draft.requests, draft.made, strict=True):
            world = request.world
            assert isinstance(world, Dialogue)
            start = own.bridges[-1].after if own.bridges else 0
            edited = np.concatenate([own.tokens[:start], codec.encode_completion(world.problem.answer)])
            told.append(_playable(request, edited.astype(np.int32), own.tokens))
        return told


class Stalling(RetoldTokens):
    """Fills its turns up: pay is by the token."""

    attack = "stalling"
    gain = "as many tokens as there may be"

    def retell(self, draft: Draft) -> list[Tokens]:
        rules, told = draft.engine.checkpoint.rules, []
        for request, own in zip(draft.requests, draft.made, strict=True):
            filled = np.full(rules.max_tokens, own.tokens[0], np.int32)
            told.append(_playable(request, filled, own.tokens))
        return told


class ControlTokens(RetoldTokens):
    """Writes control tokens into its turns, to speak for the world."""

    attack = "speaks-for-the-world"
    gain = "a model that believes that it has won"

    def retell(self, draft: Draft) -> list[Tokens]:
        eos = draft.engine.checkpoint.rules.eos_ids[0]
        other = eos - 1 if eos else eos + 1
        told = []
        for request, own in zip(draft.requests, draft.made, strict=True):
            voided = own.tokens.copy()
            voided[(voided != eos).nonzero()[0][:1]] = other
            told.append(_playable(request, voided, own.tokens))
        return told


class NeighboursDialogue(RetoldTokens):
    """Plays one dialogue of each group, and shows it eight times."""

    attack = "one-dialogue-for-all"
    gain = "an eighth of the decoding"

    def retell(self, draft: Draft) -> list[Tokens]:
        return [draft.made[place - place % draft.size].tokens for place in range(len(draft.made))]


class BestDialogue(BestOfN):
    """Plays until the world is kind."""

    attack = "best-dialogue-of-n"


class NoiseOfEachTurn(Attack):
    """Counts noise from the beginning of each turn, not of the rollout."""

    attack = "noise-by-turn"
    gain = "turns that can be sampled beside each other"
    caught_by = RetoldTokens.caught_by

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """Dialogues of other noise from their second turn on."""
        own, requests, starts = twin(engine), requests_for(mandates, groups, size), dict[tuple[int, ...], int]()
        words = {tuple(key_words(request.key)): request for request in requests}

        def choose(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
            before = [starts.get(tuple(key), 0) for key in keys.tolist()]
            return mandated(logits, temperature_milli, keys, steps - steps.new_tensor(before))

        own.choose = choose
        watched = [
            RolloutRequest(request.prompt, request.key, _Watched(request.world, starts, key))
            for key, request in words.items()
            if isinstance(request.world, Dialogue)
        ]
        return laundered(engine, requests, [g.tokens for g in own.generate(watched, plan)], plan)


class _Watched:
    """A world that tells how far a rollout is."""

    def __init__(self, world: Dialogue, starts: dict[tuple[int, ...], int], key: tuple[int, ...]) -> None:
        self._world, self._starts, self._key = world, starts, key
        self.most_observed = world.most_observed

    def begin(self) -> "_Watched":
        """From the first turn."""
        self._talk = self._world.begin()
        self._starts[self._key] = 0
        return self

    @property
    def limit(self) -> int:
        """Of the next turn."""
        return self._talk.limit

    def answer(self, turn: np.ndarray) -> np.ndarray | None:
        """Notes where the next turn begins."""
        self._starts[self._key] += len(turn)
        return self._talk.answer(turn)


def _playable(request: RolloutRequest, wanted: Tokens, else_: Tokens) -> Tokens:
    """As much of `wanted` as is a whole rollout in the real world; what was honest where none of it is."""
    assert isinstance(request.world, Dialogue)
    for count in range(len(wanted), 0, -1):
        with contextlib.suppress(BrokenDialogue):
            request.world.play(wanted[:count])
            return wanted[:count]
    return else_


TURNS: tuple[type[Attack], ...] = (
    InventedObservation,
    InventedInOne,
    ShortenedObservation,
    LengthenedObservation,
    FewerTurns,
    NoRoom,
    ClaimedWin,
    StopsEarly,
    PlaysOn,
    SwappedDialogues,
    Hint,
    HintInEight,
    EditedLastTurn,
    Stalling,
    ControlTokens,
    NeighboursDialogue,
    BestDialogue,
    NoiseOfEachTurn,
)
"""In the order of the table."""
