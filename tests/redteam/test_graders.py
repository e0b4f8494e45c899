"""A miner's text is run nowhere but in the sandbox, whatever a library's grader does with it."""

import pytest

pytest.importorskip("reasoning_gym", reason="NOTICE: no reasoning-gym: its tests are SKIPPED")

from grail.environments.reasoning_gym import ONE_ANSWER, ReasoningGym
from grail.protocol.hashing import keccak256
from tests.sandbox_needed import NEEDS_SANDBOX

BOMBS = (
    "__import__('os').system('touch {mark}')",
    "().__class__.__base__.__subclasses__()",
    "1e999999999",
    "9**9**9**9",
    "<answer>__import__('os').system('touch {mark}')</answer>",
    "[" * 100_000,
    "<answer>" + " " * 200_000,
    "<answer>" * 50_000,
)


@pytest.mark.parametrize("task", sorted(ONE_ANSWER))
def test_bombs_earn_nothing_and_do_nothing(task, tmp_path):
    environment = ReasoningGym(f"reasoning_gym:{task}")
    problem = environment.problem(keccak256(b"bomb"))
    for bomb in BOMBS:
        mark = tmp_path / "mark"
        assert environment.grade(problem, bomb.format(mark=mark) if "{" in bomb else bomb).reward_micro == 0
        assert not mark.exists()


GRADER_ATTACKS = (
    "__import__('os').system('touch {mark}')",
    "__import__('os').kill(-1, 9)",
    "__import__('os').kill(__import__('os').getppid(), 9)",
    "__import__('os').write(1, b'1')",
    "[f.write(b'1') for f in [open('/proc/%d/fd/1' % __import__('os').getppid(), 'wb')]]",
    "9**9**9**9",
    "[" * 10_000,
)


@NEEDS_SANDBOX
def test_graders_that_evaluate_answers_do_it_where_nothing_can_be_harmed(tmp_path):
    environment = ReasoningGym("reasoning_gym:countdown")
    problem = environment.problem(keccak256(b"bomb"))
    mark = tmp_path / "mark"
    for attack in GRADER_ATTACKS:
        assert environment.grade(problem, attack.format(mark=mark) if "{" in attack else attack).reward_micro == 0
        assert not mark.exists()
    right = environment.grade(problem, f"({problem.answer})")
    assert right.reward_micro == 1_000_000 and right.certain, "the next answer must not suffer"


@NEEDS_SANDBOX
def test_an_answer_that_ends_its_grader_accuses_nobody():
    environment = ReasoningGym("reasoning_gym:countdown")
    found = environment.grade(environment.problem(keccak256(b"x")), "__import__('os').kill(-1, 9)")
    assert found.reward_micro == 0 and not found.certain
