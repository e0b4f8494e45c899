"""What environments of turns share: numbers in their ids, hidden secrets in settings, the grade of a lone action."""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from grail.environments.base import RIGHT, WRONG, Conversation, Grade, Problem, Step
from grail.errors import SettingsError
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest

HELD_OUT_PART = 8
"""One setting of so many, at least one, is kept for evaluation and never mandated."""
FOUND = b"found"
"""The state of a game that is won."""
_VALUE = re.compile(r"[1-9][0-9]{0,5}")


class Bounds(NamedTuple):
    """A number of an id: its default, the least and the most that it may be."""

    default: int
    low: int
    high: int


def numbers_of(environment_id: str, name: str, known: Mapping[str, Bounds]) -> dict[str, int]:
    """The numbers of an id such as `bisect/1?highest=64&turns=6`; those that it leaves out have their defaults.

    Raises SettingsError for another name, a number out of bounds or written in two ways.
    """
    family, mark, query = environment_id.partition("?")
    found = {key: bounds.default for key, bounds in known.items()}
    parts = [part.partition("=") for part in query.split("&")] if mark else []
    named = [key for key, _, _ in parts]
    if family != name or not set(named) <= set(known) or named != sorted(set(named)):
        expected = "&".join(f"{key}=…" for key in sorted(known))
        raise SettingsError(f"expected {name} or {name}?{expected} in this order, got {environment_id!r}")
    for key, _, value in parts:
        low, high = known[key].low, known[key].high
        if not _VALUE.fullmatch(value) or not low <= int(value) <= high:
            raise SettingsError(f"expected {key} in [{low}, {high}] in {environment_id!r}, got {value!r}")
        found[key] = int(value)
    return found


class Guessing:
    """A secret to be found, in one of several settings that the prompt tells; what is held out are settings.

    Not secrets: of few secrets a model soon knows which are never asked for, and is then worse at those than at others.
    """

    settings: int
    secrets: int
    turns: int
    id: str
    most_characters: int

    def prompt(self, setting: int) -> str:
        """What the model reads in a setting, 0 to `settings` - 1."""
        raise NotImplementedError

    def secret(self, setting: int, number: int) -> str:
        """Number, 0 to `secrets` - 1, → secret, as `Problem.answer` has it."""
        raise NotImplementedError

    def problem(self, key: Digest) -> Problem:
        """One in a setting that is not held out."""
        return self._drawn(key, held_out=False)

    def held_out(self, key: Digest) -> Problem:
        """One in a setting that `problem` never has."""
        return self._drawn(key, held_out=True)

    def step(self, problem: Problem, state: bytes, action: str) -> Step:
        """One guess; FOUND is the state behind the right one."""
        raise NotImplementedError

    def begin(self, problem: Problem) -> bytes:
        """Nothing has happened yet."""
        return b""

    def end(self, problem: Problem, state: bytes, actions: Sequence[str]) -> Grade:
        """One for the secret, found in time."""
        if state == FOUND:
            return Grade(RIGHT, f"found in {len(actions)}")
        return Grade(WRONG, f"expected {problem.answer}")

    def grade(self, problem: Problem, completion: str) -> Grade:
        """Of a lone guess."""
        return grade_alone(self, problem, completion)

    def _drawn(self, key: Digest, *, held_out: bool) -> Problem:
        """The first settings of an order by hash are kept for evaluation."""
        draws, order = Draws(key), _by_hash(self.settings)
        kept = max(1, self.settings // HELD_OUT_PART)
        setting = order[draws.below(kept) if held_out else kept + draws.below(self.settings - kept)]
        secret = self.secret(setting, draws.below(self.secrets))
        return Problem(prompt=self.prompt(setting), answer=secret, level=f"one of {self.secrets}")


@lru_cache(maxsize=8)
def _by_hash(count: int) -> list[int]:
    """Numbers below `count` in an order that nobody chose."""
    return sorted(range(count), key=lambda number: keccak256(number.to_bytes(4, "big")))


def grade_alone(environment: Conversation, problem: Problem, completion: str) -> Grade:
    """What a completion earns as the only action of an episode."""
    state = environment.step(problem, environment.begin(problem), completion).state
    return environment.end(problem, state, [completion])
