"""reasoning-gym's tasks as environments: `reasoning_gym:TASK?parameter=value&…`.

`shots=N` is ours: N solved problems stand before the one that is asked, for models that were never taught to follow
instructions, and the answer is the completion's first line.

Problems are the library's own. Where a problem has a single answer in a single notation the grade is equality with it;
for all other tasks it is the library's. Several of its graders run the model's text as Python, others parse numbers of
any size, and that text comes from a miner: they run in the sandbox. Partial credit counts as none. They see ASCII
alone: which other characters are digits, letters or spaces is another answer in every version of Python.
"""

from dataclasses import replace
from functools import cache, lru_cache
from typing import Any
from urllib.parse import parse_qsl

from grail.environments.base import RIGHT, WRONG, Grade, Problem
from grail.environments.numbers import is_number, same_number
from grail.environments.pinned import ENVS, require_version
from grail.environments.sandboxed import SandboxedLibrary, grade_of
from grail.environments.thoughts import said
from grail.errors import SettingsError
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest

FAMILY = "reasoning_gym"
VERSION = "0.1.25"
"""Its problems are part of the protocol, so the library is the same everywhere."""
HELD_OUT_SHARE = 32
"""Of 256: one prompt in eight is kept for evaluation and never mandated."""
MAX_ATTEMPTS = 4_096
MAX_ANSWER = 1 << 16
"""Characters that a grader of the library sees."""
SEEDS = 1 << 32
SHOTS = "shots"
REPLY, MATH = "reply", "math"
REPLIES = (1, 2, MATH)
"""Ours, too: 1 takes the completion as it is; 2 leaves out thoughts, for models that write them (`thoughts.py`); math
does, too, and takes the last number, however it is written (`numbers.py`)."""
MOST_SHOTS = 32
# fmt: off
ONE_ANSWER = frozenset({
    "acre", "aiw", "arc_1d", "base_conversion", "basic_arithmetic", "bf", "binary_alternation", "caesar_cipher",
    "calendar_arithmetic", "chain_sum", "count_bits", "count_primes", "course_schedule", "decimal_chain_sum", "gcd",
    "gsm_symbolic", "largest_island", "lcm", "leg_counting", "letter_counting",
    "mahjong_puzzle", "maze", "modulo_grid", "number_filtering", "number_sequence", "products",
    "rotate_matrix", "rotten_oranges", "simple_equations", "simple_geometry", "string_manipulation",
    "string_splitting", "string_synthesis", "syllogism", "word_sequence_reversal",
})
# fmt: on
"""Tasks whose problems have a single right answer in a single notation."""
_BY_HASH = "its problems depend on how the interpreter hashes strings"
UNFIT = {
    "codeio": "its problems are not a function of the seed",
    "coin_flip": "its grader takes 0 for nearly every problem",
    "complex_arithmetic": "its grader takes nan for every problem",
    "composite": "a mix of others: mandate those",
    "game_of_life_halting": "its grader takes any text for one of the two answers",
    "isomorphic_strings": _BY_HASH,
    "knight_swap": _BY_HASH,
    "list_functions": _BY_HASH,
    "polynomial_multiplication": _BY_HASH,
    "puzzle24": "its grader takes any expression that is 24, whatever numbers it was to use",
    "ransom_note": _BY_HASH,
    "word_ladder": _BY_HASH,
}
"""Tasks that are refused, and why."""


class ReasoningGym:
    """One task of reasoning-gym with its parameters."""

    def __init__(self, environment_id: str) -> None:
        """Raises SettingsError for a task or parameter that there is not, Unavailable without the library."""
        self.id = environment_id
        self._task, _, query = environment_id.removeprefix(f"{FAMILY}:").partition("?")
        if self._task in UNFIT:
            raise SettingsError(f"reasoning_gym's task {self._task} cannot be mandated: {UNFIT[self._task]}")
        if self._task not in _tasks():
            raise SettingsError(f"expected a task of reasoning_gym, got {self._task!r}: {', '.join(sorted(_tasks()))}")
        try:
            told = [(name, _value(text)) for name, text in parse_qsl(query, strict_parsing=bool(query))]
            shots = dict(told).get(SHOTS, 0)
            if type(shots) is not int or not 0 <= shots <= MOST_SHOTS:
                raise ValueError(f"expected 0 to {MOST_SHOTS} {SHOTS}, got {shots!r}")
            self._reply = dict(told).get(REPLY, REPLIES[0])
            if self._reply not in REPLIES or isinstance(self._reply, bool | float):
                raise ValueError(f"expected {REPLY} 1, 2 or {MATH}, got {self._reply!r}")
            self._parameters = tuple((name, value) for name, value in told if name not in (SHOTS, REPLY))
            answer = _entry(self._task, self._parameters, 0)["answer"]
            if self._reply == MATH and not is_number(answer or ""):
                raise ValueError(f"{REPLY}={MATH} is for tasks whose answers are numbers, not such as {answer!r}")
        except (TypeError, AssertionError, ValueError) as error:
            raise SettingsError(f"reasoning_gym refuses the parameters of {environment_id}: {error}") from error
        self._examples = "".join(_example(self._solved(number)) for number in range(shots))

    def problem(self, key: Digest) -> Problem:
        """A problem that the key draws, never a held-out one."""
        return self._asked(self._first(Draws(key), held_out=False))

    def held_out(self, key: Digest) -> Problem:
        """A problem that `problem` never gives."""
        return self._asked(self._first(Draws(key), held_out=True))

    def grade(self, problem: Problem, completion: str) -> Grade:
        """One for the answer, bare or in the last <answer> tags, else nothing. Raises Unavailable without a sandbox
        where the library's grader is needed.
        """
        if self._reply == MATH:
            return same_number(problem.answer, said(completion))
        if self._reply == 2:
            completion = said(completion)
        answer = _answer(completion.strip().partition("\n")[0] if self._examples else completion)
        if problem.answer and answer == problem.answer.strip():
            return Grade(RIGHT, "right")
        if self._task in ONE_ANSWER:
            return Grade(WRONG, f"expected {problem.answer}")
        if not answer.isascii():
            return Grade(WRONG, "expected the library's answer, or one in ASCII")
        return self._graded(int(problem.level.rpartition(" ")[2]), answer[:MAX_ANSWER])

    def _graded(self, seed: int, answer: str) -> Grade:
        return grade_of(*_scored(self._task, self._parameters, seed, answer), by=FAMILY)

    def _asked(self, problem: Problem) -> Problem:
        """Behind the solved ones, where there are any."""
        return replace(problem, prompt=f"{self._examples}{problem.prompt}\n") if self._examples else problem

    def _solved(self, number: int) -> Problem:
        """One of the problems that are shown solved: never a held-out one."""
        return self._first(Draws(keccak256(f"grail/shots/1/{number}".encode())), held_out=False)

    def _first(self, draws: Draws, *, held_out: bool) -> Problem:
        for _ in range(MAX_ATTEMPTS):
            seed = draws.below(SEEDS)
            entry = _entry(self._task, self._parameters, seed)
            prompt = entry["question"]
            if (keccak256(prompt.encode())[0] < HELD_OUT_SHARE) == held_out:
                return Problem(prompt=prompt, answer=entry["answer"] or "", level=f"{self._task} {seed}")
        raise SettingsError(
            f"{self.id} has too few different problems to keep some for evaluation: widen its parameters"
        )


def _example(problem: Problem) -> str:
    return f"{problem.prompt}\n{problem.answer}\n\n"


def _answer(completion: str) -> str:
    """What stands in the last <answer> tags, else everything; in linear time, because the text is a stranger's."""
    _, opened, rest = completion.rpartition("<answer>")
    inner, closed, _ = rest.partition("</answer>")
    return (inner if opened and closed else completion).strip()


@lru_cache(maxsize=4_096)
def _entry(task: str, parameters: tuple[tuple[str, Any], ...], seed: int) -> dict[str, Any]:
    """The one problem of a seed: question and answer."""
    return _library().create_dataset(task, seed=seed, size=1, **dict(parameters))[0]


@lru_cache(maxsize=4_096)
def _scored(task: str, parameters: tuple[tuple[str, Any], ...], seed: int, answer: str) -> tuple[float, float]:
    return _graders().score(task=task, parameters=parameters, seed=seed, answer=answer)


@cache
def _graders() -> SandboxedLibrary:
    return SandboxedLibrary("gym_scores", ["reasoning-gym"])


def _tasks() -> frozenset[str]:
    _library()
    from reasoning_gym.factory import DATASETS

    return frozenset(DATASETS) - UNFIT.keys()


@cache
def _library() -> Any:
    require_version("reasoning-gym", VERSION, ENVS)
    import reasoning_gym

    return reasoning_gym


def _value(text: str) -> Any:
    """A parameter's value: an integer, a float, true or false, or text."""
    if text in ("true", "false"):
        return text == "true"
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text
