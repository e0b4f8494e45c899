"""What every Environment must do: deterministic, bounded, gradable, with a held-out split."""

import json
import random
import subprocess
import sys
from collections.abc import Sequence

from grail.environments.base import RIGHT, Conversation, Environment, Problem
from grail.protocol.constants import MAX_OBSERVATION, MAX_REWARD_MICRO, MAX_STATE, MAX_TURNS
from grail.protocol.hashing import keccak256

KEYS = 200
MAX_PROMPT_CHARACTERS = 100_000
NONSENSE = (
    "", " ", "\0", "nan", "9" * 10_000, "½", "0x10", "-", "\n", "٣٢", "１２", "\ud800", "1e9", "[" * 5_000, "<eos>",
    "a" * 100_000, "{\"a\":" * 3_000, "-0", "1_0",
)  # fmt: skip


BLIND = (
    "0", "1", "-1", "0.0", "nan", "inf", "1/1", "True", "False", "None", "yes", "no", "a", "A", "[]", "{}", "()",
    "[0]", "[[0]]", "(0, 0)", "0+0j", "...", "\\boxed{0}", "lambda: 0", "1e309", "print(0)",
)  # fmt: skip
"""What a policy could learn to say whatever it is asked."""
BLIND_PROBLEMS = 9
MOST_BLIND = 1 / 3
"""Of the problems: what earns on more of them without being their answer is worth more than solving them."""


def blind_bound(environment: Environment, problems: Sequence[Problem]) -> tuple[str, float]:
    """The text that earns most without reading the problem, and on which part of `problems`; where a text is the answer
    that the problem names, it is not counted. Tried are `BLIND`, the answers of other problems, and the question.
    """
    echoes = sum(_echo_earns(environment, problem) for problem in problems)
    best, most = "the question, repeated", echoes
    for text in dict.fromkeys([*BLIND, *(problem.answer for problem in problems)]):
        others = [problem for problem in problems if problem.answer.strip() != text.strip()]
        earned = sum(environment.grade(problem, text).reward_micro == RIGHT for problem in others)
        if earned > most:
            best, most = text, earned
    return best, most / len(problems)


def _echo_earns(environment: Environment, problem: Problem) -> bool:
    """Does the prompt, its last line, or that without what asks?"""
    last = problem.prompt.strip().splitlines()[-1]
    tried = (problem.prompt, last, last.partition(": ")[2].rstrip(" =?"), last.rstrip(" =?"))
    return any(environment.grade(problem, text).reward_micro == RIGHT for text in tried if text != problem.answer)


def check_environment(environment: Environment) -> None:
    """Raise AssertionError, saying which rule is broken."""
    keys = [keccak256(f"conformance/{i}".encode()) for i in range(KEYS)]
    problems = [environment.problem(key) for key in keys]
    versioned = "/" in environment.id or ":" in environment.id
    assert versioned, f"expected an id with a version such as 'name/1', or of a family, got {environment.id!r}"
    assert problems == [environment.problem(key) for key in keys], "problem(key) must not depend on earlier calls"
    assert all(0 < len(p.prompt) <= MAX_PROMPT_CHARACTERS for p in problems), "prompts must be bounded and not empty"
    if isinstance(environment, Conversation):
        check_conversation(environment)
    held_out = {environment.held_out(key).prompt for key in keys}
    assert not held_out & {p.prompt for p in problems}, "problem(key) must never give a held-out problem"
    for problem in problems:
        grade = environment.grade(problem, problem.answer)
        assert grade.reward_micro == RIGHT, f"the answer of {problem.prompt!r} must earn the full reward"
    text, share = blind_bound(environment, problems[:BLIND_PROBLEMS])
    assert share <= MOST_BLIND, f"{text!r} earns on {share:.0%} of the problems whose answer it is not: grade exactly"
    for text in NONSENSE:
        reward = environment.grade(problems[0], text).reward_micro
        assert abs(reward) <= MAX_REWARD_MICRO, "rewards must be bounded"
        assert reward == environment.grade(problems[0], text).reward_micro, "grades must not depend on earlier calls"


def check_conversation(environment: Conversation, seed: int = 0, games: int = 40) -> None:
    """Of several turns, besides: pure steps of bounded size, whatever is said. Raises AssertionError."""
    assert 1 <= environment.turns <= MAX_TURNS and 1 <= environment.most_characters <= MAX_OBSERVATION
    dice = random.Random(seed)
    for game in range(games):
        problem = environment.problem(keccak256(f"conversation/{seed}/{game}".encode()))
        state, actions, said = environment.begin(problem), list[str](), list[tuple[bytes, str | None]]()
        for turn in range(environment.turns):
            actions.append(
                dice.choice([*NONSENSE, problem.answer[: turn % 3], problem.prompt, str(dice.randrange(99))])
            )
            step = environment.step(problem, state, actions[-1])
            assert step == environment.step(problem, state, actions[-1]), "a step must not depend on earlier calls"
            assert len(step.state) <= MAX_STATE, "states must be bounded"
            told = step.observation
            assert told is None or (told.isascii() and len(told) <= environment.most_characters), "observations, too"
            state = step.state
            said.append((state, told))
            if told is None:
                break
        again = environment.begin(problem)
        for action, expected in zip(actions, said, strict=True):
            step = environment.step(problem, again, action)
            again = step.state
            assert (step.state, step.observation) == expected, "a state must follow from problem and actions"
        grade = environment.end(problem, state, actions)
        assert grade == environment.end(problem, again, actions) and abs(grade.reward_micro) <= MAX_REWARD_MICRO
        assert problem.answer not in "".join(told or "" for _, told in said) or len(problem.answer) < 3, "it tells"


def check_across_processes(module: str, name: str) -> None:
    """The same prompts in a fresh interpreter with another hash seed. `name` is the class in `module`."""
    program = (
        f"import json; from {module} import {name} as E; from grail.protocol.hashing import keccak256;"
        f"print(json.dumps([E().problem(keccak256(bytes([i]))).prompt for i in range(64)]))"
    )
    seen = [
        json.loads(
            subprocess.run(
                [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, check=True, capture_output=True
            ).stdout
        )
        for seed in ("1", "2")
    ]
    assert seen[0] == seen[1], "problems must be the same in every process"
