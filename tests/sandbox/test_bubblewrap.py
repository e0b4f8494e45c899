"""What runs in the sandbox stays in it. Every test plays a program that wants out."""

import os
import socket
import sys
import threading
import time
from pathlib import Path

import pytest

from grail.errors import Unavailable
from grail.sandbox import Ended, Limits, bubblewrap, check_sandbox, run
from tests.sandbox_needed import NEEDS_SANDBOX

pytestmark = NEEDS_SANDBOX
MIB = 1 << 20


def said(program: str, given: str = "", **limits) -> str:
    return run(program, given.encode(), Limits(**limits)).output.decode().strip()


def test_a_program_reads_its_input_and_prints_its_output():
    ran = run("print(sum(map(int, input().split())))", b"1 2 39", Limits())
    assert (ran.ended, ran.code, ran.output) == (Ended.EXITED, 0, b"42\n")
    assert run("raise SystemExit(3)", b"", Limits()).code == 3


def test_sets_print_in_the_same_order_everywhere():
    assert len({said("print({'one', 'two', 'three', 'four', 'five'})") for _ in range(4)}) == 1


def test_a_fork_bomb_stops_at_its_bound_and_leaves_nothing():
    program = "import os, time\nn = 0\ntry:\n  while n < 500:\n    if os.fork() == 0: time.sleep(30)\n    n += 1\n"
    program += "except OSError: print(n)"
    assert 1 <= int(said(program, processes=12)) <= 12
    assert int(said(program, processes=12)) >= 1, "a second one must not find the first one's processes counted"


def test_a_bomb_that_never_looks_back_is_stopped_by_the_clock():
    began = time.monotonic()
    ran = run("import os\nwhile True:\n  try: os.fork()\n  except OSError: pass", b"", Limits(wall_seconds=1.5))
    assert ran.ended in (Ended.TIMEOUT, Ended.KILLED) and time.monotonic() - began < 30


def test_memory_disk_cpu_time_and_output_are_bounded():
    assert run("x = 'x' * (1 << 30)", b"", Limits(memory_bytes=256 * MIB)).code == 1
    fill = "n = 0\ntry:\n  while True:\n    open(f'/tmp/{n}', 'wb').write(b'0' * (1 << 20)); n += 1\nexcept OSError: "
    assert int(said(fill + "print(n)", disk_bytes=8 * MIB)) <= 8
    spun = run("while True: pass", b"", Limits(cpu_seconds=1, wall_seconds=20))
    assert spun.ended is Ended.KILLED and spun.seconds < 10
    assert run("import time; time.sleep(60)", b"", Limits(wall_seconds=0.5)).ended is Ended.TIMEOUT
    flood = run("while True: print('x' * 1000)", b"", Limits(output_bytes=10_000))
    assert flood.ended is Ended.OUTPUT and len(flood.output) == 10_000


def test_there_is_no_network_not_even_this_machines():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        heard = []
        threading.Thread(target=lambda: heard.append(server.accept()), daemon=True).start()
        port = server.getsockname()[1]
        program = "import socket\ntry: socket.create_connection(('127.0.0.1', PORT), 1); print('out')\n"
        assert said(program.replace("PORT", str(port)) + "except OSError as e: print('none')") == "none"
        assert not heard


@pytest.mark.parametrize(
    "path", ["/etc/passwd", str(Path.home() / ".cache"), "/home", "/work", "/proc/1/environ", str(Path.cwd())]
)
def test_files_of_the_host_cannot_be_read(path):
    program = f"import os\ntry: print(os.listdir({path!r}) if os.path.isdir({path!r}) else open({path!r}).read())\n"
    assert said(program + "except OSError: print('none')") in ("none", "")


def test_the_environment_is_empty_of_secrets(monkeypatch):
    monkeypatch.setenv("GRAIL_PASSWORD", "secret")
    assert "secret" not in said("import os; print(dict(os.environ))")


def test_links_lead_nowhere(tmp_path):
    secret = tmp_path / "secret"
    secret.write_text("secret")
    program = (
        f"import os\nos.symlink({str(secret)!r}, '/tmp/link')\nos.symlink('/proc/1/root{secret}', '/tmp/other')\n"
        "for name in ('/tmp/link', '/tmp/other'):\n  try: print(open(name).read())\n  except OSError: print('none')"
    )
    assert said(program) == "none\nnone"


def test_what_it_is_shown_cannot_be_written():
    for path in ("/usr/bin/x", f"{sys.base_prefix}/x", "/program.py", "/inside.py", "/x"):
        program = f"try: open({path!r}, 'a').write('x'); print('written')\nexcept OSError: print('none')"
        assert said(program) == "none", path


def test_signals_reach_no_process_outside():
    program = "import os, signal\nfor pid in (1, {0}, {1}, -1):\n  try: os.kill(pid, signal.SIGKILL)\n"
    program = program.format(os.getpid(), os.getppid()) + "  except OSError: pass\nprint('alive')"
    run(program, b"", Limits())  # what happens to itself is its own business
    assert said("print('still here')") == "still here"


def test_it_has_no_powers_and_gains_none():
    program = "import os\nprint(os.getuid() == 0, [l for l in open('/proc/self/status') if l[:7] in "
    program += "('CapEff:', 'CapPrm:', 'NoNewPr')])"
    found = said(program)
    assert found.startswith("False") and found.count("0000000000000000") == 2 and "NoNewPrivs:\\t1" in found
    assert said("import os\ntry: os.setuid(0); print('root')\nexcept OSError: print('none')") == "none"


def test_without_bubblewrap_nothing_is_run_and_the_cure_is_named(monkeypatch):
    check_sandbox.cache_clear()
    monkeypatch.setattr(bubblewrap.shutil, "which", lambda _name: None)
    with pytest.raises(Unavailable, match="apt-get install bubblewrap"):
        run("print(1)", b"", Limits())
    check_sandbox.cache_clear()


def test_where_namespaces_are_forbidden_the_cure_is_named(monkeypatch):
    check_sandbox.cache_clear()
    monkeypatch.setattr(bubblewrap, "_command", lambda *_: ["false"])
    with pytest.raises(Unavailable, match="does not run here"):
        check_sandbox()
    monkeypatch.undo()
    check_sandbox.cache_clear()
