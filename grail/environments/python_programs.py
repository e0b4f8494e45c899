"""Small Python programs: from standard input to standard output, judged by running them in the sandbox on fresh inputs.

What a program should print never enters the sandbox, so a program cannot grade itself. Time is the one thing that
differs between machines: a run near a limit is graded as failed, and as not certain, so that nobody is accused for it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from grail.environments.base import RIGHT, WRONG, Grade, Problem
from grail.environments.fences import program_of
from grail.environments.sandboxed import QUICK
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest
from grail.sandbox import Ended, Limits, run

TESTS = 3
LIMITS = Limits()
MAX_PROGRAM = 1 << 14
HELD_OUT_SHARE = 32
"""Of 256: one prompt in eight is kept for evaluation and never mandated."""
FENCE = "```"


@dataclass(frozen=True)
class Task:
    """One kind of program. `solve` is the truth, `program` an answer that is right; `scale` fills {n} of the text."""

    text: str
    program: str
    solve: Callable[[list[int], int], int]
    scale: tuple[int, int]


TASKS: Mapping[str, Task] = {
    "multiples": Task(
        "the sum of those that are divisible by {n}",
        "print(sum(x for x in map(int, input().split()) if x % {n} == 0))",
        lambda numbers, n: sum(x for x in numbers if x % n == 0),
        (2, 9),
    ),
    "larger": Task(
        "how many of them are larger than {n}",
        "print(sum(x > {n} for x in map(int, input().split())))",
        lambda numbers, n: sum(x > n for x in numbers),
        (10, 90),
    ),
    "scaled": Task(
        "their sum times {n}",
        "print(sum(map(int, input().split())) * {n})",
        lambda numbers, n: sum(numbers) * n,
        (2, 99),
    ),
    "remainder": Task(
        "the remainder of their sum divided by {n}",
        "print(sum(map(int, input().split())) % {n})",
        lambda numbers, n: sum(numbers) % n,
        (3, 99),
    ),
    "raised": Task(
        "the largest of them plus {n}",
        "print(max(map(int, input().split())) + {n})",
        lambda numbers, n: max(numbers) + n,
        (1, 99),
    ),
    "spread": Task(
        "the difference between the largest and the smallest of them, times {n}",
        "x = list(map(int, input().split()))\nprint((max(x) - min(x)) * {n})",
        lambda numbers, n: (max(numbers) - min(numbers)) * n,
        (2, 99),
    ),
}
PROMPT = "Write a Python program that reads integers, separated by spaces, from one line of input and prints {what}."


class PythonPrograms:
    """Prompts in words, answers as programs, bare or fenced (`fences`)."""

    id = "python/2"

    def problem(self, key: Digest) -> Problem:
        """A task and a number that the key draws, never held-out ones."""
        return _first(Draws(key), held_out=False)

    def held_out(self, key: Digest) -> Problem:
        """A problem that `problem` never gives."""
        return _first(Draws(key), held_out=True)

    def grade(self, problem: Problem, completion: str) -> Grade:
        """One where every test prints what it should, else nothing. Raises Unavailable without a sandbox."""
        program = self.program(completion)
        if len(program) > MAX_PROGRAM:
            return Grade(WRONG, f"expected at most {MAX_PROGRAM} characters")
        slow = False
        for given, expected in _tests(problem):
            ran = run(program, given.encode(), LIMITS)
            slow = slow or ran.seconds > QUICK or ran.ended is not Ended.EXITED
            if ran.ended is not Ended.EXITED or ran.code != 0:
                return Grade(WRONG, f"{ran.ended.value}, exit status {ran.code}", certain=not slow)
            if ran.output.decode(errors="replace").strip() != expected:
                return Grade(WRONG, f"expected {expected} for {given}", certain=not slow)
        return Grade(WRONG, "too slow", certain=False) if slow else Grade(RIGHT, "all tests pass")

    def program(self, completion: str) -> str:
        """What is run."""
        return _program(completion)


class PythonPrograms1(PythonPrograms):
    """As it was at first: programs are taken out of the last fence, and only where it names python, py or nothing."""

    id = "python/1"

    def program(self, completion: str) -> str:
        """What is run."""
        return _last_block(completion)


def _first(draws: Draws, *, held_out: bool) -> Problem:
    while True:
        name = draws.choice(sorted(TASKS))
        task = TASKS[name]
        n = draws.between(*task.scale)
        prompt = PROMPT.format(what=task.text.format(n=n))
        if (keccak256(prompt.encode())[0] < HELD_OUT_SHARE) == held_out:
            return Problem(prompt=prompt, answer=task.program.format(n=n), level=f"{name} {n}")


def _tests(problem: Problem) -> list[tuple[str, str]]:
    """Inputs and outputs, drawn from the prompt."""
    name, _, n = problem.level.partition(" ")
    draws = Draws(keccak256(problem.prompt.encode()))
    found = []
    for _ in range(TESTS):
        numbers = [draws.between(1, 99) for _ in range(draws.between(4, 12))]
        found.append((" ".join(map(str, numbers)), str(TASKS[name].solve(numbers, int(n)))))
    return found


_program = program_of


def _last_block(completion: str) -> str:
    """The last fenced block, without its language, else everything."""
    before, opened, rest = completion.rpartition(FENCE)
    if not opened:
        return completion
    block = before.rpartition(FENCE)[2] if not rest.strip() or before.count(FENCE) % 2 else rest
    first, _, body = block.partition("\n")
    return body if first.strip() in ("python", "py", "") else block
