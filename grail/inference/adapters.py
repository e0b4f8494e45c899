"""Checkpoints with a LoRA adapter: base weights and a small difference of low rank, in peft's files.

Engines run the merged weights, W + s · B A. They are computed in float64 and rounded at the end to the base's dtype, so
that the order of a sum, which differs from machine to machine, decides no bit that anyone will see. To bfloat16 they
are rounded at fixed thresholds: to the nearest, a small difference would be gone. Source: Hu et al.,
"LoRA", arXiv:2106.09685; s = alpha / r, or alpha / sqrt(r) (Kalajdzievski, arXiv:2312.03732).
"""

import json
import math
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from grail.checkpoints.files import ADAPTER, ADAPTER_CONFIG, SIDE_FILES, WEIGHTS, Checkpoint
from grail.errors import BadCheckpoint
from grail.inference.dithering import dithered

MERGED = "merged"
PREFIX = "base_model.model."
DOWN, UP = ".lora_A.weight", ".lora_B.weight"
MAX_RANK = 1_024
PLAIN: dict[str, tuple[Any, ...]] = {
    "peft_type": ("LORA",),
    "bias": ("none",),
    "use_dora": (False, None),
    "fan_in_fan_out": (False, None),
    "modules_to_save": (None, []),
    "rank_pattern": (None, {}),
    "alpha_pattern": (None, {}),
    "lora_bias": (False, None),
}
"""What an adapter's configuration must say, where it says anything: another kind is refused, not half understood."""


def runnable_folder(checkpoint: Checkpoint) -> Path:
    """The folder that an engine loads: the checkpoint's, or for one with an adapter, its merged twin, made once."""
    if not (checkpoint.folder / ADAPTER).exists():
        return checkpoint.folder
    merged = checkpoint.folder / MERGED
    if not merged.exists():
        part = checkpoint.folder / f".{MERGED}"
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        for name in SIDE_FILES:
            if (checkpoint.folder / name).exists():
                shutil.copyfile(checkpoint.folder / name, part / name)
        save_file(merge(checkpoint.folder), str(part / WEIGHTS), metadata={"format": "pt"})
        part.replace(merged)
    return merged


def merge(folder: Path) -> dict[str, Tensor]:
    """Merged weights by name. Raises BadCheckpoint for an adapter of another kind, or of another model."""
    scale = _scale(json.loads((folder / ADAPTER_CONFIG).read_text()))
    try:
        weights, adapter = load_file(folder / WEIGHTS), load_file(folder / ADAPTER)
    except SafetensorError as error:
        raise BadCheckpoint(f"expected safetensors in {folder}, got: {error}") from error
    names = {name.removeprefix(PREFIX).removesuffix(DOWN).removesuffix(UP) for name in adapter}
    for name in sorted(names):
        down, up = (adapter.pop(PREFIX + name + end, None) for end in (DOWN, UP))
        weight = weights.get(f"{name}.weight")
        if down is None or up is None or weight is None:
            raise BadCheckpoint(f"expected an adapter of this model in {folder / ADAPTER}, got one that changes {name}")
        if (up.shape[0], down.shape[1]) != tuple(weight.shape) or up.shape[1] != down.shape[0]:
            raise BadCheckpoint(f"expected an adapter of {name} with the shape {tuple(weight.shape)}")
        changed, own = weight.double() + scale * (up.double() @ down.double()), f"{name}.weight"
        weights[own] = dithered(changed, own) if weight.dtype is torch.bfloat16 else changed.to(weight.dtype)
    return weights


def _scale(config: dict[str, Any]) -> float:
    for name, allowed in PLAIN.items():
        if name in config and config[name] not in allowed:
            raise BadCheckpoint(f"expected a plain LoRA adapter ({name} {allowed[0]}), got {name} {config[name]!r}")
    rank, alpha = config.get("r"), config.get("lora_alpha")
    if not isinstance(rank, int) or not 1 <= rank <= MAX_RANK or not isinstance(alpha, int | float):
        raise BadCheckpoint(
            f"expected r in [1, {MAX_RANK}] and lora_alpha in {ADAPTER_CONFIG}, got {rank!r}, {alpha!r}"
        )
    return float(alpha) / (math.sqrt(rank) if config.get("use_rslora") else rank)
