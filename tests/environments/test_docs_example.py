"""The environment that docs/environments.md shows is one: it runs, and passes the conformance kit."""

import re
from pathlib import Path

from grail.testing.environment import check_environment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "environments.md"


def test_the_worked_example_conforms():
    code = re.search(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    assert code is not None and code[1].count("\n") <= 40
    namespace: dict = {}
    exec(code[1], namespace)
    environment = namespace["ReverseWord"]()
    check_environment(environment)
    problem = environment.problem(bytes(32))
    assert problem.prompt == f"reverse {problem.answer[::-1]}: "


def test_the_worked_example_of_turns_conforms():
    shown = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    code = next(found for found in shown if "def step" in found)
    assert code.count("\n") <= 60
    namespace: dict = {}
    exec(code, namespace)
    environment = namespace["OrderLetters"]()
    check_environment(environment)
    problem = environment.problem(bytes(32))
    assert environment.step(problem, b"", problem.answer).observation is None
    assert environment.step(problem, b"", "nonsense").observation == "?????"
    guess = sorted(problem.answer)
    shown = environment.step(problem, b"", "".join(guess)).observation
    assert [a == b for a, b in zip(guess, problem.answer, strict=True)] == [mark != "-" for mark in shown]
