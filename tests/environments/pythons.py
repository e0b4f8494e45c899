"""Other Pythons of this machine, and what each makes of the same texts: `python pythons.py WHAT COUNT`."""

import hashlib
import json
import random
import shutil
import subprocess
import sys
from pathlib import Path

VERSIONS = ("3.11", "3.12", "3.13")
ROOT = Path(__file__).resolve().parents[2]
PIECES = (
    "```", "~~~", "````", "python", "Python", "PY3", "js", "<think>", "</think>", "<answer>", "</answer>", "\n", "\r\n",
    " ", "\t", "\x0b", "\x1c", "\x1f", "\x85", "\xa0", "\u2028", "\u3000", "\u200b", "\ufeff", "print(1)", "42", "-7",
    "\uff14\uff12", "\u0664\u0662", "\u00b2", "\u212a", "\u0130", "\u1e9e", "1_000", "1e3", "nan", "x" * 9,
)  # fmt: skip
LIBRARY_TASKS = ("countdown", "n_queens", "polynomial_equations", "power_function", "time_intervals", "spell_backward")


def others() -> list[Path]:
    """Interpreters of the supported versions, but for this one, that start."""
    here = "{}.{}".format(*sys.version_info[:2])
    found = []
    for version in VERSIONS:
        if version == here:
            continue
        places = [shutil.which(f"python{version}"), *(Path.home() / ".pyenv/versions").glob(f"{version}.*/bin/python")]
        for place in filter(None, places):
            told = subprocess.run(
                [place, "-c", "import sys; print(sys.version_info[:2])"], capture_output=True, text=True
            )
            if told.stdout.strip() == str(tuple(map(int, version.split(".")))):
                found.append(Path(place))
                break
    return found


def texts(count: int) -> list[str]:
    """The same ones everywhere: pieces that graders look for, between code points of all planes."""
    dice = random.Random(7)
    made = []
    for _ in range(count):
        parts = []
        for _ in range(1 + int(dice.random() * 12)):
            if dice.random() < 0.7:
                parts.append(PIECES[int(dice.random() * len(PIECES))])
            else:
                code = int(dice.random() ** 3 * 0x10FFFF)
                parts.append("?" if 0xD800 <= code < 0xE000 else chr(code))
        made.append("".join(parts))
    return made


def extracted(count: int) -> object:
    """What is taken for a program and for a reply. Needs nothing but Python."""
    from grail.environments.fences import program_of
    from grail.environments.thoughts import said

    return [(program_of(text), said(text)) for text in texts(count)]


def graded(count: int) -> object:
    """The same, `python/1`'s rule, answers and grades of reasoning_gym's, and problems of all its tasks."""
    from grail.environments import python_programs, reasoning_gym
    from grail.environments.arithmetic import Arithmetic

    made, some = texts(count), [text for text in texts(count // 100) if text.isascii()]
    problems = {}
    for task in sorted(reasoning_gym._tasks()):
        problems[task] = [
            (entry["question"], entry["answer"])
            for entry in (reasoning_gym._entry(task, (), seed) for seed in (1, 2**31, 2**32 - 1))
        ]
    library = reasoning_gym._library()
    scores = {}
    for task in LIBRARY_TASKS:
        dataset = library.create_dataset(task, seed=3, size=1)
        scores[task] = [_score(dataset, text) for text in some]
    arithmetic = Arithmetic()
    asked = arithmetic.problem(bytes(32))
    return [
        extracted(count),
        [(python_programs._last_block(text), reasoning_gym._answer(text)) for text in made],
        [arithmetic.grade(asked, text).reward_micro for text in made],
        problems,
        scores,
    ]


def _score(dataset, text):  # type: ignore[no-untyped-def]
    try:
        return dataset.score_answer(text, dataset[0])
    except Exception as error:  # noqa: BLE001 — a grader that raises gives nothing: which error is no grade
        return type(error).__name__


def digest(python: Path, what: str, count: int) -> str:
    """Hash of what another Python makes of them."""
    done = subprocess.run(
        [python, Path(__file__), what, str(count)], env={"PYTHONPATH": str(ROOT), "PYTHONHASHSEED": "0"},
        capture_output=True, text=True, timeout=1_800,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


if __name__ == "__main__":
    found = {"extracted": extracted, "graded": graded}[sys.argv[1]](int(sys.argv[2]))
    sys.stdout.write(hashlib.sha256(json.dumps(found).encode()).hexdigest())
