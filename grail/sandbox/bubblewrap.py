"""Programs under bubblewrap: namespaces of their own, a read-only Python, a small /tmp in memory, resource limits.

Under root, the program runs as a user id that nothing else has, so that its count of processes is its own; else in a
user namespace, where it is. Either way it has no capabilities. When bubblewrap ends, all that it started ends.
"""

import os
import secrets
import select
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from grail.errors import Unavailable
from grail.sandbox import inside
from grail.sandbox.base import Ended, Limits, SandboxRun

PACKAGES, PROGRAM, START = "/packages", "/program.py", "/inside.py"
CURE = "apt-get install bubblewrap, and where it runs in a container, allow it to make namespaces"
FIRST_UID, UIDS = 0x4000_0000, 0x1000_0000
CHUNK = 1 << 16
OTHERS_READ = 0o005


def run(program: str, stdin: bytes, limits: Limits) -> SandboxRun:
    """Run a Python program (standard library only) with this input until it ends or passes a limit.

    Raises Unavailable where there is no sandbox: untrusted code is never run without one.
    """
    check_sandbox()
    return _run(program, stdin, limits)


def start(
    program: Path, limits: Limits, packages: Sequence[Path] = (), arguments: Sequence[str] = ()
) -> subprocess.Popen[bytes]:
    """Start a program that reads standard input and writes standard output. It imports from the
    folders `packages`, which it cannot change.

    Raises Unavailable where there is no sandbox.
    """
    check_sandbox()
    closed = [str(package) for package in packages if package.stat().st_mode & OTHERS_READ != OTHERS_READ]
    if os.getuid() == 0 and closed:
        raise Unavailable(f"the sandbox's user may not read {', '.join(closed)}: chmod o+rX")
    return subprocess.Popen(
        [*_command(program, limits, packages), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        bufsize=0,
    )


@cache
def check_sandbox() -> None:
    """Raises Unavailable, saying what to install or allow, unless a program runs in the sandbox of this machine."""
    if shutil.which("bwrap") is None:
        raise Unavailable(f"code rewards need bubblewrap, which is not installed: {CURE}")
    tried = _run("print('here')", b"", Limits())
    if tried.output != b"here\n":
        raise Unavailable(f"bubblewrap does not run here (exit status {tried.code}): {CURE}")


def _run(program: str, stdin: bytes, limits: Limits) -> SandboxRun:
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as given:
        path = Path(folder) / "program.py"
        path.write_text(program, encoding="utf-8", errors="surrogateescape")
        given.write(stdin)
        given.seek(0)
        process = subprocess.Popen(
            _command(path, limits), stdin=given, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, bufsize=0
        )
        began = time.monotonic()
        try:
            output, stopped = _read(process, limits, began)
        finally:
            process.kill()
            code = process.wait()
            assert process.stdout is not None
            process.stdout.close()
    ended = stopped or (Ended.KILLED if code < 0 or code > 128 else Ended.EXITED)
    return SandboxRun(ended, code if code >= 0 else 128 - code, output, time.monotonic() - began)


def _read(process: subprocess.Popen[bytes], limits: Limits, began: float) -> tuple[bytes, Ended | None]:
    """Output until its end, and why it was cut short, if it was. Waits for the end of the process, too."""
    assert process.stdout is not None
    deadline, length = began + limits.wall_seconds, 0
    parts: list[bytes] = []
    while (left := deadline - time.monotonic()) > 0:
        if not select.select([process.stdout], [], [], left)[0]:
            break
        part = os.read(process.stdout.fileno(), CHUNK)
        if not part:
            try:
                process.wait(timeout=left)
            except subprocess.TimeoutExpired:
                break
            return b"".join(parts), None
        parts.append(part)
        length += len(part)
        if length > limits.output_bytes:
            return b"".join(parts)[: limits.output_bytes], Ended.OUTPUT
    return b"".join(parts), Ended.TIMEOUT


def _command(program: Path, limits: Limits, packages: Sequence[Path] = ()) -> list[str]:
    rooted = os.getuid() == 0
    spaces = ["ipc", "pid", "net", "uts", "cgroup-try"] if rooted else ["all"]
    powers = ["--cap-drop", "ALL"] + (["--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"] if rooted else [])
    shown = _python()
    for source, target in [
        (Path(inside.__file__), START),
        (program, PROGRAM),
        *((package, f"{PACKAGES}{place}") for place, package in enumerate(packages)),
    ]:
        shown += ["--ro-bind", str(source), target]
    bounds = {
        "AS": limits.memory_bytes,
        "CPU": limits.cpu_seconds,
        "NPROC": limits.processes,
        "FSIZE": limits.disk_bytes,
        "NOFILE": 64,
        "CORE": 0,
    }
    interpreter = [f"{sys.base_prefix}/bin/python{sys.version_info.major}.{sys.version_info.minor}", "-sSPB"]
    return [
        "bwrap", *(f"--unshare-{space}" for space in spaces), "--die-with-parent", "--new-session", "--clearenv",
        *powers, "--ro-bind", "/usr", "/usr", "--symlink", "usr/lib", "/lib", "--symlink", "usr/lib64", "/lib64",
        "--symlink", "usr/bin", "/bin", "--proc", "/proc", "--dev", "/dev",
        "--perms", "1777", "--size", str(limits.disk_bytes), "--tmpfs", "/tmp",
        *shown, "--remount-ro", "/", "--chdir", "/tmp", "--setenv", "HOME", "/tmp", "--setenv", "PYTHONHASHSEED", "0",
        "--setenv", "PYTHONPATH", ":".join(f"{PACKAGES}{place}" for place in range(len(packages))),
        "--setenv", "OPENBLAS_NUM_THREADS", "1", "--setenv", "OMP_NUM_THREADS", "1",
        *interpreter, START, str(FIRST_UID + secrets.randbelow(UIDS) if rooted else 0),
        *(f"{name}={value}" for name, value in bounds.items()), "--", *interpreter, PROGRAM,
    ]  # fmt: skip


def _python() -> list[str]:
    """This Python at its own place, where its libraries find each other; without what is installed into it."""
    if Path(sys.base_prefix).is_relative_to("/usr"):
        return []
    above = [str(folder) for folder in reversed(Path(sys.base_prefix).parents)][1:]
    folders = [part for folder in above for part in ("--perms", "0755", "--dir", folder)]
    return [*folders, "--ro-bind", sys.base_prefix, sys.base_prefix]
