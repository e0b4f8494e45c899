"""LoRA through peft: low-rank matrices beside the weights, which stay as they are; what is published is an adapter.

peft's layers are put into the transformers model itself, so that everything else sees the model it knows. Files are
peft's, which `grail.inference.adapters` merges for engines.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file, save_file

from grail.checkpoints.files import ADAPTER, ADAPTER_CONFIG, WEIGHTS, Checkpoint
from grail.config import TrainingSettings
from grail.errors import SettingsError, Unavailable
from grail.inference.adapters import PREFIX
from grail.training.sharding import rank, whole

NAME = "default"
"""peft's name of the one adapter."""


def add_adapter(model: Any, checkpoint: Checkpoint, settings: TrainingSettings) -> None:
    """Put an adapter into every linear layer, in place: the checkpoint's own, or one that changes nothing yet.

    Only its matrices can be trained then. Raises SettingsError where the checkpoint's has another rank or alpha,
    Unavailable without peft.
    """
    try:
        import peft
    except ImportError as error:
        raise Unavailable("peft is not installed: pip install 'grail-network[train]'") from error
    wanted = {"r": settings.lora_rank, "lora_alpha": settings.lora_alpha}
    torch.manual_seed(settings.seed)
    config = peft.LoraConfig(
        r=settings.lora_rank,
        lora_alpha=settings.lora_alpha,
        target_modules="all-linear",
        lora_dropout=0.0,
        bias="none",
    )
    peft.inject_adapter_in_model(config, model)
    source = checkpoint.folder / ADAPTER
    if not source.exists():
        return
    told = json.loads((checkpoint.folder / ADAPTER_CONFIG).read_text())
    if {name: told.get(name) for name in wanted} != wanted:
        raise SettingsError(
            f"the checkpoint's adapter has r {told.get('r')}, lora_alpha {told.get('lora_alpha')}: say so"
        )
    stored = load_file(source)
    with torch.no_grad():
        for name, parameter in _matrices(model).items():
            parameter.copy_(stored[name])


def write_adapter(model: Any, base: Checkpoint, settings: TrainingSettings, folder: Path) -> None:
    """The base's weights as they were, the adapter beside them in peft's files."""
    tensors = {name: whole(parameter.detach()).contiguous() for name, parameter in _matrices(model).items()}
    if rank() > 0:
        return
    modules = sorted({name.removeprefix(PREFIX).rsplit(".", 2)[0].rsplit(".", 1)[1] for name in tensors})
    config = {
        "peft_type": "LORA",
        "r": settings.lora_rank,
        "lora_alpha": settings.lora_alpha,
        "target_modules": modules,
        "bias": "none",
        "lora_dropout": 0.0,
        "task_type": "CAUSAL_LM",
    }
    shutil.copyfile(base.folder / WEIGHTS, folder / WEIGHTS)
    save_file(tensors, str(folder / ADAPTER), metadata={"format": "pt"})
    (folder / ADAPTER_CONFIG).write_text(json.dumps(config, indent=1) + "\n")


def _matrices(model: Any) -> dict[str, Any]:
    """Trainable parameters by their names in peft's files."""
    return {
        PREFIX + name.replace(f".{NAME}.", "."): parameter
        for name, parameter in model.named_parameters()
        if parameter.requires_grad
    }
