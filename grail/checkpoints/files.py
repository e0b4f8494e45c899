"""A checkpoint folder: safetensors, config, tokenizer, generation rules. No pickles, no remote code."""

from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pydantic
from safetensors import SafetensorError, deserialize

from grail.errors import BadCheckpoint, BadInput
from grail.foreign.parsing import parse_json
from grail.protocol.constants import MAX_PROMPT_TOKENS
from grail.protocol.fingerprint import TensorBytes, fingerprint
from grail.protocol.hashing import keccak256
from grail.protocol.keys import rules_hash, turn_rules_hash
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
TRAINING_REPORT = "training.json"
"""What its trainer says of the update that made it; no part of the fingerprint."""
SIDE_FILES = (CONFIG, TOKENIZER, RULES, CHAT_TEMPLATE, CALIBRATION)
"""What goes from a version to the next as it is."""
MAX_SIDE_FILE = 64 << 20
MAX_ADAPTER = 8 << 30
MAX_HEADER = 100_000_000
"""Bytes of names, types and places in a safetensors file, as its library bounds them."""
Schema = TypeVar("Schema", bound=pydantic.BaseModel)


class TurnRules(pydantic.BaseModel, extra="forbid", frozen=True):
    """What stands between the turns of a dialogue, as ids: after a turn that was cut `close`, then `before`, what the
    world says, `after`. Appended as they are; nothing that stands in a dialogue is ever encoded again.
    """

    close: tuple[int, ...] = pydantic.Field(max_length=64)
    before: tuple[int, ...] = pydantic.Field(max_length=64)
    after: tuple[int, ...] = pydantic.Field(max_length=64)
    max_turn_tokens: int = pydantic.Field(ge=1, le=32_768)

    def digest(self) -> Digest:
        """Of the three lists of ids, each behind its length."""
        lists = [(len(ids), *ids) for ids in (self.close, self.before, self.after)]
        return keccak256(b"".join(value.to_bytes(4, "little") for ids in lists for value in ids))


class GenerationRules(pydantic.BaseModel, extra="forbid", frozen=True):
    """Everything besides weights and prompt that shapes a rollout. Part of the fingerprint."""

    temperature_milli: int = pydantic.Field(ge=10, le=100_000)
    max_tokens: int = pydantic.Field(ge=1, le=32_768)
    eos_ids: tuple[int, ...] = pydantic.Field(min_length=1, max_length=16)
    precision: str = pydantic.Field(pattern="^(fp32|bf16)$")
    turn: TurnRules | None = None
    """None: the model answers once."""


def rules_text(rules: GenerationRules) -> str:
    """As rules.json has them: without what a model of single turns has no need of."""
    return rules.model_dump_json(indent=1, exclude_none=True) + "\n"


class ModelConfig(pydantic.BaseModel, extra="allow", frozen=True):
    """What is read of a model's config.json. The architecture's own fields are transformers' to check."""

    vocab_size: int = pydantic.Field(strict=True, ge=1, le=1 << 24)
    max_position_embeddings: int | None = pydantic.Field(None, strict=True, ge=1, le=1 << 31)
    auto_map: object = None


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A folder whose contents have been read and fingerprinted."""

    folder: Path
    fingerprint: Digest
    rules: GenerationRules
    vocab_size: int
    context: int
    """Most tokens of prompt and completion together that the model was made for."""

    def rules_digest(self, environment_id: str, most_characters: int = 0) -> Digest:
        """Hash of the rules that a rollout in this environment obeys: goes into its key. `most_characters`: of what the
        world of an environment of turns says at a time; 0: it is one of one turn.

        Raises BadCheckpoint where an environment of turns is asked of a model that has no rules for them.
        """
        template = self.folder / CHAT_TEMPLATE
        single = rules_hash(
            environment_digest(environment_id),
            keccak256((self.folder / TOKENIZER).read_bytes()),
            keccak256(template.read_bytes() if template.exists() else b""),
            self.rules.temperature_milli,
            self.rules.max_tokens,
        )
        if not most_characters:
            return single
        turn = self.turn_rules()
        return turn_rules_hash(single, turn.digest(), turn.max_turn_tokens, most_characters)

    def turn_rules(self) -> TurnRules:
        """Raises BadCheckpoint where the model answers once."""
        if self.rules.turn is None:
            raise BadCheckpoint(
                f"{self.folder} has no rules for several turns: make a variant with `grail models vary --turns`"
            )
        return self.rules.turn


def open_checkpoint(folder: Path, expected: Digest | None = None) -> Checkpoint:
    """Read and fingerprint a folder. Raises BadCheckpoint for a missing or malformed file or another fingerprint."""
    files = {name: _read(folder / name) for name in REQUIRED}
    for name in OPTIONAL:
        if (folder / name).exists():
            files[name] = _read(folder / name, MAX_ADAPTER if name == ADAPTER else MAX_SIDE_FILE)
    if (ADAPTER in files) != (ADAPTER_CONFIG in files):
        raise BadCheckpoint(f"expected both of {ADAPTER_CONFIG} and {ADAPTER} in {folder}, or neither")
    rules = _checked(GenerationRules, files[RULES], folder / RULES)
    config = _checked(ModelConfig, files[CONFIG], folder / CONFIG)
    if "auto_map" in config.model_fields_set:
        raise BadCheckpoint(
            f"{folder}/{CONFIG} asks to run its own code (auto_map): only built-in architectures are run"
        )
    _check_eos(rules, config, folder / RULES)
    _check_turn(rules, config, folder / RULES)
    _check_tokenizer(files[TOKENIZER], folder / TOKENIZER)
    got = fingerprint(open_tensors(folder / WEIGHTS), files)
    if expected is not None and got != expected:
        raise BadCheckpoint(
            f"expected fingerprint {expected.hex()}, got {got.hex()} from {folder}: delete the folder and fetch again"
        )
    context = config.max_position_embeddings or MAX_PROMPT_TOKENS + rules.max_tokens
    return Checkpoint(folder, got, rules, config.vocab_size, context)


def _checked(model: type[Schema], data: bytes, path: Path) -> Schema:
    """A side file by its schema. Raises BadCheckpoint naming file and field."""
    try:
        return model.model_validate(parse_json(data, path.name, most=MAX_SIDE_FILE))
    except BadInput as error:
        raise BadCheckpoint(f"{path}: {error}") from error
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"])) or "the file"
        raise BadCheckpoint(f"{path}: {place}: {first['msg']}") from error


def _check_eos(rules: GenerationRules, config: ModelConfig, path: Path) -> None:
    odd = [token for token in rules.eos_ids if not 0 <= token < config.vocab_size]
    if odd or len(set(rules.eos_ids)) != len(rules.eos_ids):
        raise BadCheckpoint(f"{path}: eos_ids: expected different ids in [0, {config.vocab_size}), got {rules.eos_ids}")


def _check_turn(rules: GenerationRules, config: ModelConfig, path: Path) -> None:
    if rules.turn is None:
        return
    ids = (*rules.turn.close, *rules.turn.before, *rules.turn.after)
    if any(not 0 <= token < config.vocab_size for token in ids):
        raise BadCheckpoint(f"{path}: turn: expected ids in [0, {config.vocab_size}), got {ids}")
    if rules.turn.max_turn_tokens > rules.max_tokens:
        raise BadCheckpoint(f"{path}: turn: expected max_turn_tokens of at most max_tokens ({rules.max_tokens})")


def _check_tokenizer(data: bytes, path: Path) -> None:
    """What can be seen without building it: truncated files, pointers in its place, other files under its name."""
    try:
        found = parse_json(data, path.name, most=MAX_SIDE_FILE, strict=False)
    except BadInput as error:
        raise BadCheckpoint(f"{path}: {error}: was it fetched whole?") from error
    if not isinstance(found, dict) or not isinstance(found.get("model"), dict):
        raise BadCheckpoint(f"{path}: expected a tokenizer of the tokenizers library, with a model")


def open_tensors(path: Path) -> list[TensorBytes]:
    """All tensors of a safetensors file. Raises BadCheckpoint when it is none."""
    data = _read(path, limit=1 << 40)
    try:
        entries = deserialize(data)
        parse_json(data[8 : 8 + int.from_bytes(data[:8], "little")], "its header", most=MAX_HEADER)
    except (SafetensorError, BadInput) as error:
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
