"""Honest work under conditions that nobody calibrated for: what would an audit hold against it?

Each cell is one combination of model, precision, temperature, sharpness, length, kernels and shapes, chosen so
that every pair of values comes up. The profile is measured as `grail calibrate` does, once for model, precision and
temperature; logits sharpened since (training does that), longer contexts, other kernels and shapes meet it unprepared.
Evidence stays under 10², or the node refuses beforehand: because the profile names other conditions, or its own work
fails under it.
"""

import copy
import itertools
import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch

from grail.checkpoints.files import RULES, TOKENIZER, WEIGHTS, Checkpoint, open_checkpoint
from grail.environments.registry import Environments
from grail.errors import BadCheckpoint
from grail.governance.policy import Policy
from grail.inference.base import RolloutRequest
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.models.library import packaged_folder
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.protocol.units import CheckpointVersion
from grail.runtime.fitness import CHECKED, FitChecks
from grail.training.weights import own_tensors, write_weights
from grail.verification.calibration import MIN_ROLLOUTS, CalibrationProfile, calibrate, read_by_group, replays
from grail.verification.evidence import Evidence
from grail.verification.fitness import DOUBTFUL, GROUP, auditors_of, honest_evidence

POLICY = Policy.defaults()
PLAN = SketchPlan(keccak256(b"honest cells"), POLICY.sketch_dim, POLICY.sketch_stride)
ENVIRONMENT = "arithmetic/1"
ROLLOUTS = POLICY.audit_seats * POLICY.audit_rollouts
"""As many as all seats of a submission read together."""
VOCABULARY, TOKENS, CONTEXT = 512, 16, 512
SPREAD = 3.0
"""Standard deviation of a random model's logits, in nats: what a mid-size language model has."""
SHAPED = {
    "qwen": ("Qwen3Config", {"head_dim": 32, "tie_word_embeddings": True}),
    "gemma": ("Gemma2Config", {"head_dim": 32, "sliding_window": 8, "query_pre_attn_scalar": 32}),
    "mistral": ("MistralConfig", {"sliding_window": 8, "tie_word_embeddings": False}),
}
"""Random models with others' parts: norms of queries and keys; sliding windows, capped logits; untied heads."""
FACTORS: dict[str, tuple[Any, ...]] = {
    "model": ("tiny", *SHAPED),
    "precision": ("fp32", "bf16"),
    "temperature_milli": (1_000, 50, 200, 500, 2_000),
    "sharpened": (1.0, 1.5, 2.0, 4.0),
    "context": (1, 8),
    "attention": (("sdpa", "sdpa"), ("eager", "sdpa"), ("sdpa", "eager")),
    "batch": (256, 1, 16),
    "threads": (1, 2, 8),
}
"""What may vary. attention: of who generates and of who replays. context: prompts so many times as long."""
CANDIDATES = 60


@dataclass(frozen=True, slots=True)
class Cell:
    """One combination."""

    model: str
    precision: str
    temperature_milli: int
    sharpened: float
    context: int
    attention: tuple[str, str]
    batch: int
    threads: int

    def __str__(self) -> str:
        return (
            f"{self.model} {self.precision} T={self.temperature_milli / 1000:g} sharpened x{self.sharpened:g} "
            f"context x{self.context} {'/'.join(self.attention)} batch {self.batch} threads {self.threads}"
        )


@dataclass(frozen=True, slots=True)
class CellResult:
    """The highest log10 of the evidence, or why the node refuses beforehand."""

    cell: Cell
    log10: float = 0.0
    refused: str = ""


def drawn_cells(count: int, seed: int) -> list[Cell]:
    """`count` cells, each the one of many random ones that shows the most pairs of values not seen yet."""
    chance, seen, chosen = np.random.default_rng(seed), set[Any](), list[Cell]()
    for _ in range(count):
        drawn = [
            tuple(values[int(chance.integers(len(values)))] for values in FACTORS.values()) for _ in range(CANDIDATES)
        ]
        best = max(drawn, key=lambda values: len(_pairs(values) - seen))
        seen |= _pairs(best)
        chosen.append(Cell(*best))
    return chosen


def _pairs(values: Sequence[Any]) -> set[Any]:
    return set(itertools.combinations(enumerate(values), 2))


class HonestStudy:
    """Plays cells; models and profiles are made when they are first needed, in `folder`."""

    def __init__(self, folder: Path, notify: Callable[[str], None] = lambda _: None) -> None:
        self._folder, self._notify = folder, notify
        self._ready: dict[tuple[str, str, int], tuple[TransformersEngine, CalibrationProfile]] = {}

    @cached_property
    def _environment(self) -> Any:
        return Environments.installed().by_id(ENVIRONMENT)

    def play(self, cell: Cell) -> CellResult:
        """Generate and replay as the cell says; read all of it as one audit."""
        try:
            engine, profile = self._base(cell.model, cell.precision, cell.temperature_milli)
        except BadCheckpoint as refusal:
            return CellResult(cell, refused=str(refusal))
        if cell.sharpened != 1:
            engine = _sharpened(engine, cell.sharpened)
        self._notify(str(cell))
        try:
            self._gates(engine, profile)
        except BadCheckpoint as refusal:
            return CellResult(cell, refused=str(refusal))
        auditors = [engine, engine.in_float32()] if cell.precision == "bf16" else [engine]
        return CellResult(cell, max(self._audit(cell, engine, auditor, profile) for auditor in auditors))

    def _gates(self, engine: TransformersEngine, profile: CalibrationProfile) -> None:
        """What a publisher asks of a version, and a validator of its profile, on their own work."""
        codec, auditors = TextCodec(engine.checkpoint), auditors_of("own", engine, engine.checkpoint.rules.precision)
        asked = own_requests(codec, self._environment, b"honest cells, published", CHECKED, GROUP)
        honest_evidence({"own": engine}, auditors, asked, PLAN, profile).require(DOUBTFUL)
        FitChecks().require(engine.checkpoint, CheckpointVersion(1), engine, profile, self._environment, PLAN)

    def _audit(
        self, cell: Cell, miner: TransformersEngine, auditor: TransformersEngine, profile: CalibrationProfile
    ) -> float:
        asked, threads = self._requests(miner.checkpoint, cell), torch.get_num_threads()
        try:
            torch.set_num_threads(cell.threads)
            working = _attending(miner, cell.attention[0])
            parts = (asked[first : first + cell.batch] for first in range(0, len(asked), cell.batch))
            made = [generation for part in parts for generation in working.generate(part, PLAN)]
        finally:
            torch.set_num_threads(threads)
        traces = replays(_attending(auditor, cell.attention[1]), asked, made, PLAN, POLICY.audit_rollouts)
        evidence = Evidence(profile.evidence_nulls())
        for measured in itertools.chain.from_iterable(read_by_group(asked, made, traces, PLAN)):
            evidence.add(measured)
        return evidence.log10

    def _requests(self, checkpoint: Checkpoint, cell: Cell) -> list[RolloutRequest]:
        """Mandated ones, with prompts so many times as long, as far as the model's context goes."""
        purpose = b"honest cells" + str(cell).encode()
        asked = own_requests(TextCodec(checkpoint), self._environment, purpose, ROLLOUTS, POLICY.group_size)
        most = checkpoint.context - checkpoint.rules.max_tokens
        return [replace(one, prompt=np.tile(one.prompt, cell.context)[-most:]) for one in asked]

    def _base(self, model: str, precision: str, temperature: int) -> tuple[TransformersEngine, CalibrationProfile]:
        name = model, precision, temperature
        if name not in self._ready:
            self._notify(f"calibrating {model} in {precision} at T = {temperature / 1000:g}")
            engine = TransformersEngine(_checkpoint(self._folder / f"{model}-{precision}-{temperature}", *name))
            codec, size = TextCodec(engine.checkpoint), POLICY.group_size
            asked = own_requests(codec, self._environment, b"honest cells, calibration", 2 * MIN_ROLLOUTS, size)
            fitted = calibrate({"transformers": engine}, asked, PLAN, rules=engine.checkpoint.rules)
            self._ready[name] = engine, fitted
        return self._ready[name]


def _attending(engine: TransformersEngine, kernel: str) -> TransformersEngine:
    """A twin with another attention kernel; SDPA is what engines use anyway."""
    if kernel == "sdpa":
        return engine
    other = copy.copy(engine)
    other.model = copy.deepcopy(engine.model)
    other.model.set_attn_implementation(kernel)
    return other


def _sharpened(engine: TransformersEngine, gain: float) -> TransformersEngine:
    """A twin whose logits are so many times as large: the gain of its final norm is, for a tied head is no place."""
    other = copy.copy(engine)
    other.use_model(_scaled(copy.deepcopy(engine.model), gain))
    return other


def _scaled(model: Any, gain: float) -> Any:
    norm = model.model.norm.weight.data
    offset = 1.0 if model.config.model_type.startswith("gemma") else 0.0  # gemma's norms multiply by 1 + weight
    norm.copy_((norm + offset) * gain - offset)
    return model


def _checkpoint(folder: Path, model: str, precision: str, temperature: int) -> Checkpoint:
    """The packaged model, or a random one of that shape, under these rules."""
    source = packaged_folder()
    folder.mkdir(parents=True)
    for file in source.iterdir():
        if file.is_file():
            (folder / file.name).write_bytes(file.read_bytes())
    (folder / "calibration.json").unlink()
    rules = json.loads((source / RULES).read_text()) | {"precision": precision, "temperature_milli": temperature}
    if model in SHAPED:
        rules["max_tokens"] = TOKENS
        made = _random_model(model)
        (folder / "config.json").write_text(json.dumps(made.config.to_diff_dict() | {"vocab_size": VOCABULARY}))
        write_weights(own_tensors(made, torch.float32), folder / WEIGHTS)
    (folder / RULES).write_text(json.dumps(rules))
    assert (folder / TOKENIZER).exists()
    return open_checkpoint(folder)


def _random_model(model: str) -> Any:
    """Two layers with random weights, whose logits are spread like a language model's."""
    import transformers

    kind, more = SHAPED[model]
    sizes = {"hidden_size": 64, "intermediate_size": 128, "num_hidden_layers": 2, "num_attention_heads": 2}
    sizes |= {"num_key_value_heads": 1, "vocab_size": VOCABULARY, "max_position_embeddings": CONTEXT}
    config = getattr(transformers, kind)(**sizes, **more, pad_token_id=0, bos_token_id=None, eos_token_id=18)
    torch.manual_seed(0)
    made = transformers.AutoModelForCausalLM.from_config(config).eval()
    with torch.inference_mode():
        logits = made(torch.arange(1, 65).reshape(4, 16)).logits
    return _scaled(made, SPREAD / float(logits.std()))


def played(found: Sequence[CellResult]) -> dict[str, Any]:
    """The study's numbers: max_log10 of what was played, and what was refused, with reasons."""
    kept = [result for result in found if not result.refused]
    return {
        "cells": len(found),
        "played": len(kept),
        "refused": [{"cell": str(result.cell), "reason": result.refused} for result in found if result.refused],
        "max_log10": round(max((result.log10 for result in kept), default=0.0), 3),
        "bar": DOUBTFUL.log10,
        "worst": str(max(kept, key=lambda result: result.log10).cell) if kept else "",
        "finite": all(math.isfinite(result.log10) for result in kept),
    }
