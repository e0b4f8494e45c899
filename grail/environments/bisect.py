"""Bisect: find a hidden number in a few guesses; each is answered with higher or lower.

In the characters of arithmetic, so that the smallest models can play: "+" says higher, "-" lower, "*" that the guess
was no number of the range. Without reading the answers, guesses find it no more often than turns ÷ highest.
"""

from collections.abc import Sequence

from grail.environments.base import RIGHT, WRONG, Grade, Problem, Step
from grail.environments.turns import Bounds, Guessing, grade_alone, numbers_of

NAME = "bisect/1"
NUMBERS = {"highest": Bounds(64, 4, 9_999), "turns": Bounds(6, 2, 32)}
HIGHER, LOWER, NONSENSE = "+", "-", "*"
_FOUND = b"found"


class Bisect(Guessing):
    """`bisect/1`, or with other numbers `bisect/1?highest=99&turns=7`."""

    most_characters = 1

    def __init__(self, environment_id: str = NAME) -> None:
        """Raises SettingsError for an id that is none of this family."""
        self.id = environment_id
        chosen = numbers_of(environment_id, NAME, NUMBERS)
        self.secrets, self.turns = chosen["highest"], chosen["turns"]
        self.prompt, self.level = f"(1-{self.secrets}) ", f"1 to {self.secrets}"

    def secret(self, number: int) -> str:
        """1 to highest."""
        return str(number + 1)

    def begin(self, problem: Problem) -> bytes:
        """Nothing has happened yet."""
        return b""

    def step(self, problem: Problem, state: bytes, action: str) -> Step:
        """One guess."""
        guess, hidden = _number(action), int(problem.answer)
        if not 1 <= guess <= self.secrets:
            return Step(state, NONSENSE)
        if guess == hidden:
            return Step(_FOUND, None)
        return Step(state, HIGHER if guess < hidden else LOWER)

    def end(self, problem: Problem, state: bytes, actions: Sequence[str]) -> Grade:
        """One for the number, found in time."""
        if state == _FOUND:
            return Grade(RIGHT, f"found in {len(actions)}")
        return Grade(WRONG, f"expected {problem.answer}")

    def grade(self, problem: Problem, completion: str) -> Grade:
        """Of a lone guess."""
        return grade_alone(self, problem, completion)


def _number(action: str) -> int:
    """Digits and nothing else but spaces around them; 0 for anything else."""
    text = action.strip(" ")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
