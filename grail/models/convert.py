"""Any source that transformers can load → a checkpoint folder: one safetensors file, config, tokenizer, rules.

A chat template is written with the tokens that it names, so that it renders without the tokenizer's settings.
"""

import json
import shutil
from pathlib import Path

from grail.checkpoints.files import (
    CHAT_TEMPLATE,
    CONFIG,
    RULES,
    TOKENIZER,
    Checkpoint,
    GenerationRules,
    open_checkpoint,
    rules_text,
)
from grail.errors import BadCheckpoint

VOLATILE = ("transformers_version", "_model_name_or_path")
"""Config entries that say who wrote the file: they would change the fingerprint of the same model."""
DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


def convert(
    source: Path, target: Path, rules: GenerationRules | None, *, precision: str, max_tokens: int
) -> Checkpoint:
    """Write `target` from a folder of safetensors or a GGUF file. Built-in architectures only; no code is run.

    Without `rules`, temperature 1 and the model's own end tokens. Raises BadCheckpoint for what cannot be loaded.
    """
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    gguf = source.suffix == ".gguf"
    folder = source.parent if gguf else source
    packed = {"gguf_file": source.name} if gguf else {}
    unpack = {"quantization_config": GgufConfig(dequantize=True)} if gguf else {"use_safetensors": True}
    local = {"local_files_only": True, "trust_remote_code": False}
    dtype = getattr(torch, DTYPES[rules.precision if rules else precision])
    try:
        tokenizer = AutoTokenizer.from_pretrained(folder, **packed, **local)
        model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32, **packed, **unpack, **local).to(dtype)
    except (OSError, ValueError, KeyError, ImportError) as error:
        raise BadCheckpoint(f"transformers cannot load {source}: {error}") from error
    shutil.rmtree(target, ignore_errors=True)
    model.save_pretrained(target, max_shard_size="1000TB")
    tokenizer.save_pretrained(target)
    config = json.loads((target / CONFIG).read_text())
    kept = {name: value for name, value in config.items() if name not in VOLATILE}
    (target / CONFIG).write_text(json.dumps(kept, indent=1, sort_keys=True) + "\n")
    if tokenizer.chat_template:
        names = {name: getattr(tokenizer, name) for name in ("bos_token", "eos_token")}
        given = "".join(f"{{% set {name} = {json.dumps(text)} %}}" for name, text in names.items() if text)
        (target / CHAT_TEMPLATE).write_text(given + tokenizer.chat_template)
    if rules is None:
        ends = {tokenizer.eos_token_id, *_ids(model.generation_config.eos_token_id)} - {None}
        if not ends:
            raise BadCheckpoint(f"expected {source} to name its end token: add eos_token_id to generation_config.json")
        rules = GenerationRules(
            temperature_milli=1_000, max_tokens=max_tokens, eos_ids=tuple(sorted(ends)), precision=precision
        )
    (target / RULES).write_text(rules_text(rules))
    for path in target.iterdir():
        if path.name not in (CONFIG, TOKENIZER, CHAT_TEMPLATE, RULES) and path.suffix != ".safetensors":
            path.unlink()
    return open_checkpoint(target)


def _ids(value: int | list[int] | None) -> list[int | None]:
    return list(value) if isinstance(value, list) else [value]
