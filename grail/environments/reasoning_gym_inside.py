"""Runs in the sandbox: reasoning-gym's own graders, each answer in a process of its own. Knows nothing of Grail.

A line of JSON in ({"task", "parameters", "seed", "answer"}), a line of JSON out ({"score", "seconds"}; score null where
the grader failed or was stopped). Graders may evaluate the answer as code: whatever it does, it does in a child that
ends with its answer, and to this process it can at most put an end, which whoever reads the lines notices.
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

SECONDS, CPU_SECONDS = 4.0, 2
PR_SET_DUMPABLE = 4
SCORE = struct.Struct("<d")


def main() -> None:
    """Serve until standard input ends. Arguments: folders to import from."""
    sys.path[:0] = sys.argv[1:]
    ctypes.CDLL(None).prctl(PR_SET_DUMPABLE, 0)  # children of the same user cannot read or trace this process
    import reasoning_gym

    _say({"ready": True})
    for line in sys.stdin:
        asked = json.loads(line)
        dataset = reasoning_gym.create_dataset(asked["task"], seed=asked["seed"], size=1, **dict(asked["parameters"]))
        began = time.monotonic()
        score = _score_in_child(dataset, dataset[0], asked["answer"], began)
        _say({"score": score, "seconds": time.monotonic() - began})


def _say(line: dict[str, object]) -> None:
    sys.stdout.write(json.dumps(line) + "\n")
    sys.stdout.flush()


def _score_in_child(dataset: object, entry: object, answer: str, began: float) -> float | None:
    read, write = os.pipe()
    child = os.fork()
    if child == 0:
        _child(dataset, entry, answer, write)
    os.close(write)
    ready, _, _ = select.select([read], [], [], max(0.0, SECONDS - (time.monotonic() - began)))
    told = os.read(read, SCORE.size) if ready else b""
    os.close(read)
    _end_all()
    return SCORE.unpack(told)[0] if len(told) == SCORE.size else None


def _child(dataset: object, entry: object, answer: str, write: int) -> None:
    """Never returns. The grader's own exceptions are the answer's fault: no score."""
    status = 1
    try:
        os.dup2(write, 3)
        os.closerange(4, 64)
        quiet = os.open(os.devnull, os.O_RDWR)
        for standard in (0, 1, 2):
            os.dup2(quiet, standard)
        resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
        os.write(3, SCORE.pack(float(dataset.score_answer(answer, entry))))  # type: ignore[attr-defined]
        status = 0
    finally:
        os._exit(status)


def _end_all() -> None:
    """End the child and whatever it started: this process and the sandbox's first are all that may be left."""
    with contextlib.suppress(ProcessLookupError):
        os.kill(-1, signal.SIGKILL)
    while True:
        try:
            os.waitpid(-1, 0)
        except ChildProcessError:
            return


if __name__ == "__main__":
    main()
