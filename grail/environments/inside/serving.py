"""One line of JSON in, one out; what may evaluate a stranger's text runs in a child that ends with its answer.

Whatever that text does, to this process it can at most put an end, which whoever reads the lines notices: the children
cannot read or trace it, and all that they start ends with their answer. Standard library only.
"""

import contextlib
import ctypes
import json
import os
import resource
import select
import signal
import struct
import sys
import time
from collections.abc import Callable

SECONDS, CPU_SECONDS = 4.0, 2
PR_SET_DUMPABLE = 4
SCORE = struct.Struct("<d")


def serve(load: Callable[[], Callable[[dict], dict]]) -> None:
    """Load, say so, and answer until standard input ends; what a library raises at that is said before this ends."""
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)
    sys.excepthook = lambda kind, error, _: _say({"failed": f"{kind.__name__}: {error}"[:2_000]})
    answer = load()
    _say({"ready": True})
    for line in sys.stdin:
        _say(answer(json.loads(line)))


def score_in_child(score: Callable[[], float]) -> dict[str, object]:
    """{"score", "seconds"}; score null where it failed or was stopped."""
    began = time.monotonic()
    read, write = os.pipe()
    if os.fork() == 0:
        _child(score, write)
    os.close(write)
    ready, _, _ = select.select([read], [], [], SECONDS)
    told = os.read(read, SCORE.size) if ready else b""
    os.close(read)
    _end_children()
    found = SCORE.unpack(told)[0] if len(told) == SCORE.size else None
    return {"score": found, "seconds": time.monotonic() - began}


def _say(line: dict) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _child(score: Callable[[], float], write: int) -> None:
    """Never returns. A grader's exceptions are the answer's fault: no score."""
    status = 1
    try:
        os.dup2(write, 3)
        os.closerange(4, 64)
        quiet = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(quiet, standard)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        os.write(3, SCORE.pack(float(score())))
        status = 0
    finally:
        os._exit(status)


def _end_children() -> None:
    """This process and the sandbox's first are all that may be left."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return
