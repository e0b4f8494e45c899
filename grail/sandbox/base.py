"""What a program in the sandbox may use, and what became of it."""

from dataclasses import dataclass
from enum import Enum

MIB = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """Bounds of one program. Nothing else is in its reach: no network, no files of the host, no other processes.

    `cpu_seconds` and `memory_bytes` hold for each process; `disk_bytes` for all that it writes, which is
    kept in memory.
    """

    wall_seconds: float = 10.0
    cpu_seconds: int = 4
    memory_bytes: int = 512 * MIB
    disk_bytes: int = 16 * MIB
    output_bytes: int = MIB // 16
    processes: int = 8


class Ended(Enum):
    """How a program ended: by itself, by a signal (its own limits included), or stopped from outside."""

    EXITED = "exited"
    KILLED = "killed"
    TIMEOUT = "timeout"
    OUTPUT = "too much output"


@dataclass(frozen=True, slots=True)
class SandboxRun:
    """`code`: exit status, 128 + signal where one killed it. `seconds`: by the clock, start-up included."""

    ended: Ended
    code: int
    output: bytes
    seconds: float
