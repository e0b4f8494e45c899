"""deploy/install.sh in a Debian that was made for it: nothing of this machine but what pip installs from."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = ("/etc/pip.conf", "/etc/xdg/pip", "/etc/uv", "/etc/ssl/certs/ca-certificates.crt", "/etc/resolv.conf")


def needed() -> str:
    """Why it cannot be tried here; empty where it can."""
    if os.geteuid() != 0:
        return "needs root"
    missing = [name for name in ("debootstrap", "unshare", "chroot", "apt-get") if shutil.which(name) is None]
    if missing:
        return f"{', '.join(missing)} is missing"
    if subprocess.run(["unshare", "--mount", "true"], capture_output=True).returncode:
        return "may not mount"
    return ""


def mirror() -> tuple[str, str]:
    """Where this machine's packages come from, and its release."""
    asked = ["apt-get", "indextargets", "--format", "$(REPO_URI)", "Created-By: Packages"]
    first = subprocess.run(asked, capture_output=True, text=True, check=True).stdout.split()[0]
    found = re.search(r"^VERSION_CODENAME=(\w+)", Path("/etc/os-release").read_text(), re.M)
    assert found
    return first, found[1]


def sources() -> list[Path]:
    """Folders that pip here installs from."""
    told = subprocess.run([sys.executable, "-m", "pip", "config", "list"], capture_output=True, text=True).stdout
    found = {Path(place) for place in re.findall(r"(?:file://|['\s])(/[^\s']+)", told)}
    tops = {Path(*place.parts[:3]) for place in found if place.parts[1:2] == ("opt",)}
    return [place for place in sorted(tops) if place.is_dir()]


@pytest.mark.slow
@pytest.mark.timeout(1_800)
@pytest.mark.skipif(bool(needed()), reason=f"NOTICE: install.sh is not run in a fresh Debian: {needed()}: SKIPPED")
def test_install_in_a_fresh_debian(tmp_path):
    root, (where, release) = tmp_path / "root", mirror()
    packages = "python3,python3-venv,ca-certificates,gcc,libc6-dev,python3-dev"
    subprocess.run(
        ["debootstrap", "--variant=minbase", f"--include={packages}", release, root, where],
        check=True, stdout=subprocess.DEVNULL,
    )  # fmt: skip
    clone = root / "root/grail"
    clone.mkdir(parents=True)
    files = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, capture_output=True, check=True).stdout
    subprocess.run(["tar", "-xf", "-", "-C", clone], input=files, check=True)
    for name in SETTINGS:
        if Path(name).exists():
            (root / name[1:]).parent.mkdir(parents=True, exist_ok=True)
            copy = shutil.copytree if Path(name).is_dir() else shutil.copy
            copy(name, root / name[1:])
    steps = [f"mount -t proc proc {root}/proc", f"mount --rbind /dev {root}/dev"]
    for place in sources():
        (root / str(place)[1:]).mkdir(parents=True, exist_ok=True)
        steps.append(f"mount --bind {place} {root}{place}")
    wanted = {name: value for name, value in os.environ.items() if name.startswith(("PIP_", "UV_", "SSL_"))}
    told = " ".join(f"{name}='{value}'" for name, value in wanted.items())
    inside = f"env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root {told}"

    def run(command: str) -> str:
        script = "\n".join(["set -e", *steps, f"chroot {root} {inside} {command}"])
        done = subprocess.run(["unshare", "--mount", "bash", "-c", script], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    for _ in range(2):  # again is an upgrade
        assert "install: done" in run("/root/grail/deploy/install.sh --no-units")
    assert "grail:x" in (root / "etc/passwd").read_text()
    assert (root / "etc/grail").stat().st_mode & 0o777 == 0o700
    as_grail = "setpriv --reuid=grail --regid=grail --clear-groups /opt/grail/venv/bin/grail"
    assert "0.1.0" in run("/opt/grail/venv/bin/python -c 'import grail; print(grail.__version__)'")
    (root / "etc/grail/password").write_text("a password")
    (root / "etc/grail/password").chmod(0o644)
    run(f"env GRAIL_PASSWORD=p {as_grail} keys new /etc/grail/keystore.json")
    assert "MISS" not in run(f"{as_grail} doctor"), "everything that is needed is there"
