"""Arithmetic: two-digit sums, differences, and mixed three-term expressions; the level comes from the key."""

from grail.environments.base import RIGHT, WRONG, Grade, Problem
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest

LEVELS = ("sum",) * 6 + ("difference",) * 2 + ("mixed",) * 2
"""Ten tickets: of ten problems, six are sums, two differences, two mixed expressions."""
SMALLEST, LARGEST = 10, 99
LARGEST_MIXED = 20
HELD_OUT_SHARE = 32
"""Of 256: one prompt in eight is kept for evaluation and never mandated."""


class Arithmetic:
    """Prompts such as "37+48 = ", answers such as "85"; a mixed result may be negative."""

    id = "arithmetic/1"

    def problem(self, key: Digest) -> Problem:
        """A problem of the level that the key draws, never a held-out one."""
        return _first(Draws(key), held_out=False)

    def held_out(self, key: Digest) -> Problem:
        """A problem that `problem` never gives."""
        return _first(Draws(key), held_out=True)

    def grade(self, problem: Problem, completion: str) -> Grade:
        """One for exactly the number, else nothing."""
        if completion == problem.answer:
            return Grade(RIGHT, "right")
        return Grade(WRONG, f"expected {problem.answer}")


def _first(draws: Draws, *, held_out: bool) -> Problem:
    """The first problem of a key's stream that lies on the wanted side of the split."""
    while True:
        problem = _draw(draws)
        if (keccak256(problem.prompt.encode())[0] < HELD_OUT_SHARE) == held_out:
            return problem


def _draw(draws: Draws) -> Problem:
    level = draws.choice(LEVELS)
    if level == "mixed":
        terms = [draws.between(1, LARGEST_MIXED) for _ in range(3)]
        signs = [draws.choice("+-") for _ in range(2)]
    else:
        terms = [draws.between(SMALLEST, LARGEST) for _ in range(2)]
        signs = ["+"]
        if level == "difference":
            terms.sort(reverse=True)
            signs = ["-"]
    expression, value = str(terms[0]), terms[0]
    for sign, term in zip(signs, terms[1:], strict=True):
        expression += f"{sign}{term}"
        value += term if sign == "+" else -term
    return Problem(prompt=f"{expression} = ", answer=str(value), level=level)
