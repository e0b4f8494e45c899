"""Bisect: find a hidden number in a few guesses; each is answered with higher or lower.

In the characters of arithmetic, so that the smallest models can play: "+" says higher, "-" lower, "*" that the guess
was no number of the range. Without reading the answers, guesses find it no more often than turns ÷ size.
"""

from grail.environments.base import Problem, Step
from grail.environments.turns import FOUND, Bounds, Guessing, numbers_of

NAME = "bisect/1"
NUMBERS = {"size": Bounds(64, 4, 9_000), "turns": Bounds(6, 2, 32)}
LOWEST = 16
"""Ranges begin at 1 to so many: which one, the prompt tells."""
HIGHER, LOWER, NONSENSE = "+", "-", "*"


class Bisect(Guessing):
    """`bisect/1`, or with other numbers `bisect/1?size=99&turns=7`."""

    most_characters = 1

    def __init__(self, environment_id: str = NAME) -> None:
        """Raises SettingsError for an id that is none of this family."""
        self.id = environment_id
        chosen = numbers_of(environment_id, NAME, NUMBERS)
        self.secrets, self.turns, self.settings = chosen["size"], chosen["turns"], LOWEST

    def prompt(self, setting: int) -> str:
        """The range."""
        return f"({1 + setting}-{setting + self.secrets}) "

    def secret(self, setting: int, number: int) -> str:
        """A number of it."""
        return str(1 + setting + number)

    def step(self, problem: Problem, state: bytes, action: str) -> Step:
        """One guess."""
        guess, hidden = _number(action), int(problem.answer)
        low, high = range_of(problem.prompt)
        if not low <= guess <= high:
            return Step(state, NONSENSE)
        if guess == hidden:
            return Step(FOUND, None)
        return Step(state, HIGHER if guess < hidden else LOWER)


def range_of(prompt: str) -> tuple[int, int]:
    """Least and largest number of a prompt's range."""
    low, _, high = prompt.strip("() ").partition("-")
    return int(low), int(high)


def _number(action: str) -> int:
    """Digits and nothing else but spaces around them; 0 for anything else."""
    text = action.strip(" ")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 4 else 0
