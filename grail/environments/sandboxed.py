"""Libraries' graders in the sandbox: one process for all answers of a script, restarted when an answer ends it."""

import atexit
import contextlib
import json
import select
import subprocess
import time
from collections.abc import Sequence
from importlib.metadata import distribution
from pathlib import Path
from threading import Lock
from typing import Any

from grail.environments.base import RIGHT, WRONG, Grade
from grail.environments.inside import serving
from grail.errors import BadInput, Unavailable
from grail.foreign.parsing import parse_json
from grail.sandbox import Limits, start
from grail.sandbox.base import MIB

LIMITS = Limits(cpu_seconds=1 << 20, memory_bytes=4096 * MIB)
START_SECONDS = 60.0
LONGEST_LINE = 1 << 20
FULL = 0.99
"""Scores from here on are right."""
QUICK = 1.0
"""Seconds. What takes longer here might be stopped elsewhere: such a grade is not certain."""


def grade_of(score: float, seconds: float, by: str) -> Grade:
    """The grade that a library's score stands for: all or nothing."""
    return Grade(RIGHT if score >= FULL else WRONG, f"scored {score:.2f} by {by}", certain=seconds <= QUICK)


class SandboxedLibrary:
    """A script of `grail.environments.inside` and the process that runs it."""

    def __init__(self, script: str, distributions: Sequence[str], arguments: Sequence[str] = ()) -> None:
        """`distributions`: installed packages, in whose folders the script may import."""
        self._script = Path(serving.__file__).parent / f"{script}.py"
        self._distributions = distributions
        self._arguments = arguments
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end)

    def ask(self, **asked: Any) -> dict[str, Any] | None:
        """The script's answer; None where a stranger's text put an end to it.

        Raises Unavailable without a sandbox, or where the library does not start in it.
        """
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # then there is no answer either
                process.stdin.write(json.dumps(asked).encode() + b"\n")
            told = self._line(2 * serving.SECONDS)
            if told is None:
                self._end()
            return told

    def score(self, **asked: Any) -> tuple[float, float]:
        """A score and the seconds it took; (0, infinity) where the answer stopped its grader."""
        told = self.ask(**asked)
        if told is None:
            return 0.0, float("inf")
        return (0.0 if told["score"] is None else float(told["score"])), float(told["seconds"])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        folders = {Path(str(distribution(name).locate_file(""))).resolve() for name in self._distributions}
        self._process = start(self._script, LIMITS, [*sorted(folders), self._script.parent], self._arguments)
        told = self._line(START_SECONDS) or {"failed": "it ended: is there memory for it (1 GiB)?"}
        if "failed" in told:
            self._end()
            raise Unavailable(f"{', '.join(self._distributions)} does not start in the sandbox: {told['failed']}")
        return self._process

    def _line(self, seconds: float) -> dict[str, Any] | None:
        """The next line of the process; None where it does not come in time, or where it is none."""
        assert self._process is not None and self._process.stdout is not None
        deadline, line = time.monotonic() + seconds, b""
        while not line.endswith(b"\n"):
            ready, _, _ = select.select([self._process.stdout], [], [], max(0.0, deadline - time.monotonic()))
            part = self._process.stdout.read(LONGEST_LINE) if ready else b""
            line += part or b""
            if not part or len(line) > LONGEST_LINE:
                return None
        try:
            found = parse_json(line, "an answer of the sandbox", most=LONGEST_LINE, strict=False)
        except BadInput:
            return None
        return found if isinstance(found, dict) else None

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
