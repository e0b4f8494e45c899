"""A miner's text is never run: graders of libraries that evaluate answers as Python are out of reach."""

import inspect

import pytest

pytest.importorskip("reasoning_gym", reason="NOTICE: no reasoning-gym: its tests are SKIPPED")

from grail.environments.reasoning_gym import ONE_ANSWER, ReasoningGym
from grail.protocol.hashing import keccak256

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


def test_the_librarys_own_graders_are_never_called():
    assert "score_answer" not in inspect.getsource(inspect.getmodule(ReasoningGym))
