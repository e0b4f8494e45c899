"""Mastermind: find a hidden code; each guess is answered with how many digits are right, and how many are misplaced.

Consistent play finds four digits of six in eight guesses nearly always; without reading the answers, eight guesses
find one code in 162. Which digits there are, the prompt tells.
"""

import re
from itertools import combinations

from grail.environments.base import Problem, Step
from grail.environments.turns import FOUND, Bounds, Guessing, numbers_of

NAME = "mastermind/1"
NUMBERS = {"colours": Bounds(6, 2, 8), "digits": Bounds(4, 2, 5), "turns": Bounds(8, 2, 32)}
LONGEST = 2_048
"""Characters of a turn that are read: its last ones."""
_DIGITS = re.compile(r"[0-9]+")


class Mastermind(Guessing):
    """`mastermind/1`, or with other numbers `mastermind/1?colours=3&digits=2&turns=4`."""

    most_characters = 64

    def __init__(self, environment_id: str = NAME) -> None:
        """Raises SettingsError for an id that is none of this family."""
        self.id = environment_id
        chosen = numbers_of(environment_id, NAME, NUMBERS)
        self.colours, self.digits, self.turns = chosen["colours"], chosen["digits"], chosen["turns"]
        self.secrets = self.colours**self.digits
        self._alphabets = ["".join(digits) for digits in combinations("123456789", self.colours)]
        self.settings = len(self._alphabets)

    def prompt(self, setting: int) -> str:
        """The rules, with the digits that codes are made of."""
        return (
            f"Find a hidden code of {self.digits} digits, each one of {' '.join(self._alphabets[setting])}. You have "
            f"{self.turns} guesses. After each I tell how many digits are right, and how many others are in the code, "
            f"but elsewhere. Answer with the {self.digits} digits of your guess."
        )

    def secret(self, setting: int, number: int) -> str:
        """The code that a number stands for, in base `colours`."""
        found = ""
        for _ in range(self.digits):
            number, digit = divmod(number, self.colours)
            found += self._alphabets[setting][digit]
        return found

    def step(self, problem: Problem, state: bytes, action: str) -> Step:
        """One guess: the last number of the turn."""
        written = _DIGITS.findall(action[-LONGEST:])
        guess = written[-1] if written else ""
        allowed = digits_of(problem.prompt)
        if len(guess) != self.digits or not set(guess) <= set(allowed):
            return Step(state, f"No code of {self.digits} digits out of {' '.join(allowed)}.")
        if guess == problem.answer:
            return Step(FOUND, None)
        right = sum(a == b for a, b in zip(guess, problem.answer, strict=True))
        shared = sum(min(guess.count(digit), problem.answer.count(digit)) for digit in set(guess))
        return Step(state, f"{right} right, {shared - right} elsewhere.")


def digits_of(prompt: str) -> str:
    """The digits that a prompt's codes are made of."""
    return prompt.partition(" one of ")[2].partition(".")[0].replace(" ", "")
