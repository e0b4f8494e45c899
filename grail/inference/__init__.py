"""Tokens out of models: generation with the protocol's sampling, and teacher-forced replay."""

from importlib.util import find_spec

from grail.checkpoints.files import Checkpoint
from grail.errors import SettingsError, Unavailable
from grail.inference.base import Engine

ENGINES = {
    "transformers": "pip install 'grail-network[model]' -c constraints.txt",
    "vllm": "on CUDA pip install 'grail-network[vllm]' -c constraints.txt, on a CPU make vllm",
}
"""Engines by name, each the package that it stands on, and how that is installed."""
AUTO, CPU, CUDA = "auto", "cpu", "cuda"
DEVICES = (AUTO, CPU, CUDA)


def installed_engines() -> list[str]:
    """Names of the engines whose packages are here."""
    return [name for name in ENGINES if find_spec(name) is not None]


def open_engine(name: str, checkpoint: Checkpoint, device: str = AUTO) -> Engine:
    """An engine by name; `auto` takes a CUDA device where there is one.

    Raises Unavailable when its libraries are not installed or the device is not there.
    """
    if name not in ENGINES:
        raise SettingsError(f"expected one of the engines {', '.join(ENGINES)}, got {name!r}")
    for package in ("transformers", name):
        if find_spec(package) is None:
            raise Unavailable(f"the {name} engine needs {package}: {ENGINES[package]}")
    place = find_device(device)
    if name == "vllm":
        from grail.inference.vllm_engine.engine import VllmEngine

        return VllmEngine(checkpoint, place)
    from grail.inference.transformers_engine import TransformersEngine

    return TransformersEngine(checkpoint, place)


def find_device(wanted: str) -> str:
    """`cpu` or `cuda`. Raises Unavailable for a CUDA device that torch does not see."""
    import torch

    if wanted not in DEVICES:
        raise SettingsError(f"expected one of the devices {', '.join(DEVICES)}, got {wanted!r}")
    there = torch.cuda.is_available()
    if wanted == CUDA and not there:
        raise Unavailable("torch sees no CUDA device: install a CUDA build of torch, or set work.device to cpu")
    return CUDA if there and wanted != CPU else CPU
