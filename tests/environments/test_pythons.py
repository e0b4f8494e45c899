"""A grade is the same on every supported Python, whose tables of Unicode differ: else honest work would be a fault."""

import subprocess
import sys
from pathlib import Path

import pytest

from grail.environments.base import WRONG, Problem
from grail.environments.reasoning_gym import ReasoningGym
from tests.environments.pythons import ROOT, digest, others

OTHERS = others()
NEEDS_OTHERS = pytest.mark.skipif(not OTHERS, reason="NOTICE: no other Python (3.11 to 3.13) is here: SKIPPED")


@NEEDS_OTHERS
def test_programs_and_replies_are_the_same_on_other_pythons():
    """Cheap sibling of the next one: what needs no packages."""
    here = digest(Path(sys.executable), "extracted", 20_000)
    assert {digest(python, "extracted", 20_000) for python in OTHERS} == {here}


@NEEDS_OTHERS
@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_problems_and_grades_are_the_same_on_three_pythons(tmp_path):
    """100,000 texts, and the problems of the whole catalogue. Installs what graders need for each Python."""
    pytest.importorskip("reasoning_gym")
    wanted = [line for line in (ROOT / "constraints.txt").read_text().splitlines() if line and line[0] not in "#-"]
    pinned = [line for line in wanted if line.partition("==")[0] in ("numpy", "safe-pysha3", "reasoning-gym")]
    found = {digest(Path(sys.executable), "graded", 100_000)}
    for python in OTHERS:
        folder = tmp_path / python.parent.parent.name
        subprocess.run([python, "-m", "venv", folder], check=True)
        subprocess.run([folder / "bin/pip", "install", "-q", *pinned], check=True)
        found.add(digest(folder / "bin/python", "graded", 100_000))
    assert len(found) == 1, found


@pytest.mark.parametrize("answer", ["\uff11\uff12", "\u0661\u0662", "12\u00a0", "\u00b9"])
def test_a_library_grader_sees_ascii_alone(answer, monkeypatch):
    pytest.importorskip("reasoning_gym")
    environment = ReasoningGym("reasoning_gym:countdown")
    monkeypatch.setattr(ReasoningGym, "_graded", lambda *_: pytest.fail("the library was asked"))
    found = environment.grade(Problem(prompt="", answer="", level="countdown 3"), f"<answer>{answer}x</answer>")
    assert found.reward_micro == WRONG
