"""A checkpoint folder: safetensors, config, tokenizer, generation rules. No pickles, no remote code."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pydantic
from safetensors import SafetensorError, deserialize

from grail.errors import BadCheckpoint
from grail.protocol.constants import MAX_PROMPT_TOKENS
from grail.protocol.fingerprint import TensorBytes, fingerprint
from grail.protocol.hashing import keccak256
from grail.protocol.keys import rules_hash
from grail.protocol.leaf import environment_digest
from grail.protocol.units import Digest

WEIGHTS = "model.safetensors"
CONFIG = "config.json"
TOKENIZER = "tokenizer.json"
CHAT_TEMPLATE = "chat_template.jinja"
RULES = "rules.json"
CALIBRATION = "calibration.json"
ADAPTER_CONFIG, ADAPTER = "adapter_config.json", "adapter_model.safetensors"
"""A LoRA adapter in peft's files: the checkpoint is then the base weights with this difference."""
REQUIRED = (CONFIG, TOKENIZER, RULES)
OPTIONAL = (CHAT_TEMPLATE, ADAPTER_CONFIG, ADAPTER)
SIDE_FILES = (CONFIG, TOKENIZER, RULES, CHAT_TEMPLATE, CALIBRATION)
"""What goes from a version to the next as it is."""
MAX_SIDE_FILE = 64 << 20
MAX_ADAPTER = 8 << 30


class GenerationRules(pydantic.BaseModel, extra="forbid", frozen=True):
    """Everything besides weights and prompt that shapes a rollout. Part of the fingerprint."""

    temperature_milli: int = pydantic.Field(ge=10, le=100_000)
    max_tokens: int = pydantic.Field(ge=1, le=32_768)
    eos_ids: tuple[int, ...] = pydantic.Field(min_length=1, max_length=16)
    precision: str = pydantic.Field(pattern="^(fp32|bf16)$")


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder whose contents have been read and fingerprinted."""

    folder: Path
    fingerprint: Digest
    rules: GenerationRules
    vocab_size: int
    context: int
    """Most tokens of prompt and completion together that the model was made for."""

    def rules_digest(self, environment_id: str) -> Digest:
        """Hash of the rules that a rollout in this environment obeys: goes into its key."""
        template = self.folder / CHAT_TEMPLATE
        return rules_hash(
            environment_digest(environment_id),
            keccak256((self.folder / TOKENIZER).read_bytes()),
            keccak256(template.read_bytes() if template.exists() else b""),
            self.rules.temperature_milli,
            self.rules.max_tokens,
        )


def open_checkpoint(folder: Path, expected: Digest | None = None) -> Checkpoint:
    """Read and fingerprint a folder. Raises BadCheckpoint for a missing or malformed file or another fingerprint."""
    files = {name: _read(folder / name) for name in REQUIRED}
    for name in OPTIONAL:
        if (folder / name).exists():
            files[name] = _read(folder / name, MAX_ADAPTER if name == ADAPTER else MAX_SIDE_FILE)
    if (ADAPTER in files) != (ADAPTER_CONFIG in files):
        raise BadCheckpoint(f"expected both of {ADAPTER_CONFIG} and {ADAPTER} in {folder}, or neither")
    try:
        rules = GenerationRules.model_validate_json(files[RULES])
        config: dict[str, Any] = json.loads(files[CONFIG])
        vocab_size = int(config["vocab_size"])
        context = int(config.get("max_position_embeddings", MAX_PROMPT_TOKENS + rules.max_tokens))
    except (pydantic.ValidationError, ValueError, KeyError, TypeError) as error:
        raise BadCheckpoint(f"expected valid {RULES} and {CONFIG} in {folder}, got: {error}") from error
    if "auto_map" in config:
        raise BadCheckpoint(
            f"{folder}/{CONFIG} asks to run its own code (auto_map): only built-in architectures are run"
        )
    got = fingerprint(open_tensors(folder / WEIGHTS), files)
    if expected is not None and got != expected:
        raise BadCheckpoint(
            f"expected fingerprint {expected.hex()}, got {got.hex()} from {folder}: delete the folder and fetch again"
        )
    return Checkpoint(folder, got, rules, vocab_size, context)


def open_tensors(path: Path) -> list[TensorBytes]:
    """All tensors of a safetensors file. Raises BadCheckpoint when it is none."""
    try:
        entries = deserialize(_read(path, limit=1 << 40))
    except SafetensorError as error:
        raise BadCheckpoint(f"expected safetensors in {path}, got: {error}") from error
    return [TensorBytes(name, item["dtype"], tuple(item["shape"]), bytes(item["data"])) for name, item in entries]


def _read(path: Path, limit: int = MAX_SIDE_FILE) -> bytes:
    try:
        size = path.stat().st_size
        if size > limit:
            raise BadCheckpoint(f"expected at most {limit} bytes in {path}, got {size}")
        return path.read_bytes()
    except OSError as error:
        raise BadCheckpoint(
            f"expected a readable file {path} ({error.strerror}): fetch the checkpoint again"
        ) from error
