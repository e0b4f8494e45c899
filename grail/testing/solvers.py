"""Scripted players: they solve environments of turns by what the world says, and show what that is worth.

A solver sees what a model sees - its own actions and the answers - never the problem's answer.
"""

import random
from collections.abc import Callable, Sequence
from itertools import product
from typing import Protocol

from grail.environments.base import Conversation, Environment, Grade, Problem, Step
from grail.environments.bisect import HIGHER, LOWER, Bisect, range_of
from grail.environments.mastermind import Mastermind, digits_of
from grail.errors import BadInput

BLANK = "*"
"""What a world says whose answers are blanked."""


class Solver(Protocol):
    """One game."""

    def act(self, prompt: str, actions: Sequence[str], observations: Sequence[str]) -> str:
        """The next action, by what a model reads."""
        ...


class BisectSolver:
    """The middle of what is left; with chance `loose`, any number of it."""

    def __init__(self, dice: random.Random, loose: float = 0.0) -> None:
        self._dice, self._loose = dice, loose

    def act(self, prompt: str, actions: Sequence[str], observations: Sequence[str]) -> str:
        """As the class says."""
        low, high = range_of(prompt)
        for action, said in zip(actions, observations, strict=True):
            if said == HIGHER:
                low = max(low, int(action) + 1)
            elif said == LOWER:
                high = min(high, int(action) - 1)
        loose = self._dice.random() < self._loose
        return str(self._dice.randint(low, max(low, high)) if loose else (low + max(low, high)) // 2)


class MastermindSolver:
    """Any code that agrees with all that was said; with chance `loose`, any code."""

    def __init__(self, environment: Mastermind, dice: random.Random, loose: float = 0.0) -> None:
        self._environment, self._dice, self._loose = environment, dice, loose

    def act(self, prompt: str, actions: Sequence[str], observations: Sequence[str]) -> str:
        """As the class says."""
        codes = ["".join(code) for code in product(digits_of(prompt), repeat=self._environment.digits)]
        left = [code for code in codes if all(map(self._agrees(prompt, code), actions, observations))]
        return self._dice.choice(codes if self._dice.random() < self._loose or not left else left)

    def _agrees(self, prompt: str, code: str) -> Callable[[str, str], bool]:
        problem = Problem(prompt=prompt, answer=code, level="")
        return lambda action, said: self._environment.step(problem, b"", action).observation == said


def solver_of(environment: Environment, dice: random.Random, loose: float = 0.0) -> Solver:
    """Raises BadInput where there is none for it."""
    plain = environment.environment if isinstance(environment, Blanked) else environment
    if isinstance(plain, Bisect):
        return BisectSolver(dice, loose)
    if isinstance(plain, Mastermind):
        return MastermindSolver(plain, dice, loose)
    raise BadInput(f"{environment.id} has no scripted solver")


def played(environment: Conversation, problem: Problem, solver: Solver) -> tuple[list[str], list[str], Grade]:
    """One game: actions, what was said to each but the last, and the grade."""
    state, actions, observations = environment.begin(problem), list[str](), list[str]()
    while True:
        actions.append(solver.act(problem.prompt, actions, observations))
        step = environment.step(problem, state, actions[-1])
        state = step.state
        if step.observation is None or len(actions) == environment.turns:
            return actions, observations, environment.end(problem, state, actions)
        observations.append(step.observation)


class Blanked:
    """An environment whose world says the same whatever happens: what is learnt in it needs no answers."""

    def __init__(self, environment: Conversation) -> None:
        self.environment = environment
        self.id, self.turns, self.most_characters = environment.id, environment.turns, environment.most_characters
        self.problem, self.held_out, self.grade = environment.problem, environment.held_out, environment.grade
        self.begin, self.end = environment.begin, environment.end

    def step(self, problem: Problem, state: bytes, action: str) -> Step:
        """As the environment's, with nothing to be learnt from it."""
        step = self.environment.step(problem, state, action)
        return step if step.observation is None else Step(step.state, BLANK)
