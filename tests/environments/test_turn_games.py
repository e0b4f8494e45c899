"""The games of several turns: solvable, worth nothing without reading the answers, the same on every machine."""

import os
import random
import subprocess
import sys

import pytest

from grail.environments.base import RIGHT, WRONG
from grail.environments.registry import Environments
from grail.errors import SettingsError
from grail.protocol.hashing import keccak256
from grail.testing.environment import check_conversation, check_environment
from grail.testing.solvers import Blanked, played, solver_of

GAMES = ("bisect/1", "bisect/1?size=99&turns=7", "mastermind/1", "mastermind/1?colours=3&digits=2&turns=4")
INSTALLED = Environments.installed()


def won(environment, loose: float = 0.0, count: int = 200) -> float:
    dice = random.Random(3)
    problems = [environment.problem(keccak256(i.to_bytes(4, "big"))) for i in range(count)]
    grades = [played(environment, problem, solver_of(environment, dice, loose))[2] for problem in problems]
    return sum(grade.reward_micro == RIGHT for grade in grades) / count


@pytest.mark.parametrize("name", GAMES)
def test_games_keep_the_rules_of_environments(name):
    check_environment(INSTALLED.by_id(name))
    check_conversation(INSTALLED.by_id(name), seed=7, games=200)


@pytest.mark.parametrize(("name", "solved", "blind"), [(GAMES[0], 0.95, 0.12), (GAMES[2], 0.95, 0.03)])
def test_who_reads_the_answers_wins_and_who_does_not_loses(name, solved, blind):
    environment = INSTALLED.by_id(name)
    assert won(environment) >= solved
    assert max(won(Blanked(environment), loose) for loose in (0.0, 1.0)) <= blind


def test_two_right_digits_and_a_misplaced_one():
    environment = INSTALLED.by_id("mastermind/1")
    problem = environment.problem(bytes(32))
    code = problem.answer
    swapped = code[0] + code[1] + code[3] + code[2]
    if swapped != code:
        assert environment.step(problem, b"", f"I say {swapped}").observation == "2 right, 2 elsewhere."
    assert environment.step(problem, b"", f"first 111, then {code}").observation is None
    assert "No code" in (environment.step(problem, b"", "0000").observation or "")
    assert environment.grade(problem, code).reward_micro == RIGHT
    assert environment.grade(problem, "").reward_micro == WRONG


@pytest.mark.parametrize(
    "name",
    [
        "bisect/1?", "bisect/1?turns=7&size=99", "bisect/1?size=064", "bisect/1?size=3", "bisect/1?x=1",
        "bisect/2?size=9", "mastermind/1?digits=9", "bisect/1?size=64&size=65",
    ],
)  # fmt: skip
def test_an_id_is_written_in_one_way(name):
    with pytest.raises(SettingsError):
        INSTALLED.by_id(name)


DIGEST = """
import random
from grail.environments.registry import Environments
from grail.protocol.hashing import keccak256
from grail.testing.solvers import played, solver_of
said = []
for name in {names!r}:
    environment, dice = Environments.installed().by_id(name), random.Random(5)
    for number in range(60):
        problem = environment.problem(keccak256(number.to_bytes(4, "big")))
        said.append((problem, played(environment, problem, solver_of(environment, dice, 0.4))))
        state = environment.begin(problem)
        for _ in range(environment.turns):
            step = environment.step(problem, state, dice.randbytes(20).decode("latin-1"))
            state = step.state
            said.append(step)
print(keccak256(repr(said).encode()).hex())
"""


def test_dialogues_are_the_same_in_every_process():
    """Hash seeds, locales and time zones decide nothing."""
    programs = [
        subprocess.run(
            [sys.executable, "-c", DIGEST.format(names=GAMES)], check=True, capture_output=True, text=True,
            env={"PATH": os.environ["PATH"], "PYTHONHASHSEED": seed, "LC_ALL": locale, "TZ": zone},
        ).stdout
        for seed, locale, zone in (("1", "C", "UTC"), ("2", "C.UTF-8", "Asia/Tokyo"))
    ]  # fmt: skip
    assert programs[0] == programs[1] and len(programs[0]) == 65
