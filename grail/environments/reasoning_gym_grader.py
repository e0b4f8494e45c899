"""reasoning-gym's own graders, kept in the sandbox: one process for all answers, restarted when an answer ends it."""

import atexit
import contextlib
import json
import select
import subprocess
import time
from importlib.metadata import distribution
from pathlib import Path
from threading import Lock
from typing import Any

from grail.environments import reasoning_gym_inside as inside
from grail.errors import Unavailable
from grail.sandbox import Limits, start
from grail.sandbox.base import MIB

LIMITS = Limits(cpu_seconds=1 << 20, memory_bytes=4096 * MIB)
START_SECONDS = 60.0
LONGEST_LINE = 4_096


class Grader:
    """Scores in [0, 1] of answers, as the library gives them."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self._end)

    def score(self, task: str, parameters: tuple[tuple[str, Any], ...], seed: int, answer: str) -> tuple[float, float]:
        """The score and the seconds it took; (0, infinity) where the answer stopped its grader.

        Raises Unavailable without a sandbox, or where the library does not start in it.
        """
        asked = {"task": task, "parameters": parameters, "seed": seed, "answer": answer}
        with self._lock:
            process = self._running()
            assert process.stdin is not None
            with contextlib.suppress(BrokenPipeError):  # then there is no answer either
                process.stdin.write(json.dumps(asked).encode() + b"\n")
            told = self._line(inside.SECONDS + inside.SECONDS)
            if told is None:
                self._end()
                return 0.0, float("inf")
        score = told["score"]
        return (0.0 if score is None else float(score)), float(told["seconds"])

    def _running(self) -> subprocess.Popen[bytes]:
        if self._process is not None and self._process.poll() is None:
            return self._process
        packages = Path(str(distribution("reasoning-gym").locate_file("")))
        self._process = start(Path(inside.__file__), LIMITS, [packages])
        if self._line(START_SECONDS) is None:
            self._end()
            raise Unavailable("reasoning-gym does not start in the sandbox: is there memory for it (1 GiB)?")
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
        found = json.loads(line)
        assert isinstance(found, dict)
        return found

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


GRADER = Grader()
"""Of this process."""
