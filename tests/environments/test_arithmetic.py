"""The arithmetic environment keeps the protocol's promises."""

from collections import Counter

from grail.environments.arithmetic import Arithmetic
from grail.environments.base import RIGHT, WRONG
from grail.protocol.hashing import keccak256
from grail.testing.environment import check_across_processes, check_environment


def test_conformance():
    check_environment(Arithmetic())


def test_same_problems_in_every_process():
    check_across_processes("grail.environments.arithmetic", "Arithmetic")


def test_answers_are_right_and_levels_come_as_stated():
    environment = Arithmetic()
    problems = [environment.problem(keccak256(i.to_bytes(4, "big"))) for i in range(2_000)]
    for problem in problems:
        assert int(problem.answer) == eval(problem.prompt.rstrip("= "))
    levels = Counter(problem.level for problem in problems)
    assert set(levels) == {"sum", "difference", "mixed"}
    assert 0.5 < levels["sum"] / 2_000 < 0.7


def test_grades_are_strict():
    environment = Arithmetic()
    problem = environment.problem(keccak256(b"x"))
    assert environment.grade(problem, problem.answer).reward_micro == RIGHT
    for text in (problem.answer + " ", "0" + problem.answer, problem.answer + "<eos>", ""):
        assert environment.grade(problem, text).reward_micro == WRONG
