"""Programs are judged by what they print for inputs that they have not seen, and cannot judge themselves."""

import pytest

from grail.environments import python_programs
from grail.environments.base import Problem
from grail.environments.python_programs import TASKS, PythonPrograms
from grail.protocol.hashing import keccak256
from grail.sandbox import Ended, SandboxRun
from tests.sandbox_needed import NEEDS_SANDBOX

ENVIRONMENT = PythonPrograms()


def problem_of(task: str) -> Problem:
    return next(
        p
        for p in (ENVIRONMENT.problem(keccak256(i.to_bytes(4, "big"))) for i in range(1_000))
        if p.level.startswith(task)
    )


@NEEDS_SANDBOX
@pytest.mark.parametrize("task", sorted(TASKS))
def test_every_task_has_an_answer_and_refuses_others(task):
    problem = problem_of(task)
    assert ENVIRONMENT.grade(problem, problem.answer).reward_micro == 1_000_000
    assert ENVIRONMENT.grade(problem, f"Sure:\n```python\n{problem.answer}\n```\n").reward_micro == 1_000_000
    for other in (
        "",
        "print(1)",
        "print(sum(map(int, input().split())))" * 2,
        "\0",
        "```",
        problem.answer + "\nprint()x",
    ):
        found = ENVIRONMENT.grade(problem, other)
        assert found.reward_micro == 0 and found.certain


def test_held_out_prompts_are_never_mandated():
    keys = [keccak256(i.to_bytes(4, "big")) for i in range(300)]
    assert not {ENVIRONMENT.held_out(k).prompt for k in keys} & {ENVIRONMENT.problem(k).prompt for k in keys}


@NEEDS_SANDBOX
@pytest.mark.parametrize(
    "trick",
    [
        "import sys; sys.exit(0)",
        "import os; os._exit(0)",
        "print('all tests pass'); print(1_000_000)",
        "import gc; print([o for o in gc.get_objects() if 'expected' in repr(o)][:1])",
        "print(open('/program.py').read())",
        "import os; [print(open(f'/proc/{p}/cmdline').read()) for p in os.listdir('/proc') if p.isdigit()]",
        "for i in range(100_000): print(i)",
    ],
)
def test_a_program_cannot_grade_itself(trick):
    assert ENVIRONMENT.grade(problem_of("scaled"), trick).reward_micro == 0


@pytest.mark.parametrize("ended, seconds", [(Ended.TIMEOUT, 10.0), (Ended.KILLED, 4.0), (Ended.EXITED, 1.5)])
def test_near_a_limit_of_time_nobody_is_sure(ended, seconds, monkeypatch):
    problem = problem_of("scaled")
    monkeypatch.setattr(python_programs, "run", lambda *_: SandboxRun(ended, 0, b"7\n", seconds))
    monkeypatch.setattr(python_programs, "_tests", lambda _problem: [("7", "7")])
    found = ENVIRONMENT.grade(problem, problem.answer)
    assert found.reward_micro == 0 and not found.certain
