"""A PostgreSQL of the machine's own binaries for one test session: a cluster in a temporary folder, on a free port."""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from neurons.devnet.layout import free_ports

OPTIONS = "-c fsync=off -c full_page_writes=off -c unix_socket_directories='' -c listen_addresses=127.0.0.1"


def binaries() -> Path | None:
    """Where initdb and pg_ctl are; None where there is no PostgreSQL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    on_path = shutil.which("initdb")
    return found[-1].parent if found else Path(on_path).parent if on_path else None


def _unprivileged() -> list[str]:
    """PostgreSQL refuses root: what starts it as its own user there."""
    if os.geteuid() != 0:
        return []
    user = pwd.getpwnam("postgres")
    return ["setpriv", f"--reuid={user.pw_uid}", f"--regid={user.pw_gid}", "--clear-groups"]


@contextmanager
def cluster() -> Iterator[str]:
    """Its URL, without a database's name."""
    place = binaries()
    assert place is not None
    port, folder = free_ports(1)[0], Path(tempfile.mkdtemp(prefix="grail-pg-"))
    start = _unprivileged()
    if start:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    run = {"check": True, "capture_output": True, "cwd": folder}
    try:
        subprocess.run(
            [*start, place / "initdb", "-D", folder / "data", "-U", "grail", "--auth=trust", "--no-sync", "-E", "UTF8"],
            **run,
        )
        control = [*start, place / "pg_ctl", "-D", folder / "data", "-l", folder / "log", "-w"]
        subprocess.run([*control, "start", "-o", f"{OPTIONS} -p {port}"], **run | {"capture_output": False})
        try:
            yield f"postgresql://grail@127.0.0.1:{port}"
        finally:
            subprocess.run([*control, "stop", "-m", "immediate"], **run)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
