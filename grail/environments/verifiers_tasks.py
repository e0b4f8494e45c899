"""Environment packages of the verifiers ecosystem, single-turn: `verifiers:TASKSET@VERSION?tasks=N`.

A taskset's tasks are problems, its reward functions the grade; both run in the sandbox, since the package is somebody's
and so is the text that it grades. What counts as right is a total reward of 1. The version is part of the id, because
tasks and rewards are part of the protocol; `tasks` bounds how many are used, in the taskset's own order.
"""

import re
from functools import cache, cached_property, lru_cache

from grail.environments.base import Grade, Problem
from grail.environments.pinned import require_version
from grail.environments.sandboxed import SandboxedLibrary, grade_of
from grail.errors import SettingsError, Unavailable
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest

FAMILY = "verifiers"
VERSION = "0.4.0"
ID = re.compile(
    r"verifiers:(?P<package>[A-Za-z0-9][A-Za-z0-9._-]{0,99})@(?P<version>[0-9A-Za-z.+]{1,40})"
    r"(\?tasks=(?P<tasks>[0-9]{1,6}))?"
)
TASKS = 10_000
"""Used of a taskset that does not say how many."""
HELD_OUT_SHARE = 32
"""Of 256: one prompt in eight is kept for evaluation and never mandated."""
MAX_ATTEMPTS = 4_096
MAX_REPLY = 1 << 16


class VerifiersTasks:
    """One taskset."""

    def __init__(self, environment_id: str) -> None:
        """Raises SettingsError for an id of another shape, Unavailable for what is not installed or does not start."""
        found = ID.fullmatch(environment_id)
        if found is None:
            raise SettingsError(f"expected verifiers:TASKSET@VERSION?tasks=N, got {environment_id!r}")
        self.id = environment_id
        for package, wanted in ((FAMILY, VERSION), (found["package"], found["version"])):
            _require(package, wanted)
        self._library = _library(found["package"], int(found["tasks"] or TASKS))

    def problem(self, key: Digest) -> Problem:
        """A task that the key draws, never a held-out one."""
        return self._first(Draws(key), held_out=False)

    def held_out(self, key: Digest) -> Problem:
        """A task that `problem` never gives."""
        return self._first(Draws(key), held_out=True)

    def grade(self, problem: Problem, completion: str) -> Grade:
        """One for a total reward of 1, else nothing."""
        index = int(problem.level.rpartition(" ")[2])
        return grade_of(*_scored(self._library, index, completion[:MAX_REPLY]), by=self.id)

    @cached_property
    def _count(self) -> int:
        return int(_told(self._library, -1)["count"])

    def _first(self, draws: Draws, *, held_out: bool) -> Problem:
        for _ in range(MAX_ATTEMPTS):
            index = draws.below(self._count)
            task = _told(self._library, index)
            if task["prompt"] and (keccak256(task["prompt"].encode())[0] < HELD_OUT_SHARE) == held_out:
                return Problem(prompt=task["prompt"], answer=task["answer"], level=f"task {index}")
        raise SettingsError(f"{self.id} has too few different prompts to keep some for evaluation")


def _require(package: str, wanted: str) -> None:
    own = "pip install 'grail-network[verifiers]'"
    require_version(package, wanted, own if package == FAMILY else f"install {package} {wanted}")


@cache
def _library(package: str, tasks: int) -> SandboxedLibrary:
    return SandboxedLibrary("verifiers_scores", [FAMILY, package], [package, str(tasks)])


@lru_cache(maxsize=4_096)
def _told(library: SandboxedLibrary, index: int) -> dict[str, str]:
    told = library.ask(index=index)
    if told is None:
        raise Unavailable("the taskset's process ended without an answer: run it again")
    return told


@lru_cache(maxsize=4_096)
def _scored(library: SandboxedLibrary, index: int, reply: str) -> tuple[float, float]:
    return library.score(index=index, reply=reply)
