"""Speed of the parts that a miner and a validator live by: rates side by side in one run, on one batch of one model.

Every comparison alternates its candidates and takes each one's best round, so that a busy machine slows all alike.
"""

import platform
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any
from unittest.mock import patch

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from grail.checkpoints.files import Checkpoint
from grail.environments.base import Environment
from grail.inference import CPU, installed_engines, open_engine, transformers_engine
from grail.inference.base import Engine, Generation, ReplayRequest, RolloutRequest
from grail.inference.cpu_instructions import avoid_broken_instructions
from grail.inference.requests import own_requests
from grail.inference.sampling import Mandate, mandated
from grail.inference.tensors import padded
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import DTYPES, TransformersEngine
from grail.inference.vllm_engine.engine import VllmEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import MILLI
from grail.telemetry.memory import peak_rss_mib
from grail.telemetry.timing import best_rounds

PLAN = SketchPlan(bytes(32), 8, 8)


@dataclass(frozen=True)
class Bench:
    """A checkpoint and the problems to measure it on."""

    checkpoint: Checkpoint
    environment: Environment
    batch: int
    device: str = CPU

    def __post_init__(self) -> None:
        if self.device == CPU:
            avoid_broken_instructions()

    @cached_property
    def requests(self) -> list[RolloutRequest]:
        """`batch` requests, one prompt each."""
        return own_requests(TextCodec(self.checkpoint), self.environment, b"grail/bench/1", self.batch, 1)

    @cached_property
    def engines(self) -> dict[str, Engine]:
        """Every engine that is installed, by name."""
        return {name: open_engine(name, self.checkpoint, self.device) for name in installed_engines()}

    @property
    def transformers(self) -> TransformersEngine:
        """The one that replays."""
        found = self.engines["transformers"]
        assert isinstance(found, TransformersEngine)
        return found

    @property
    def parameters(self) -> int:
        """Numbers that the model is made of, tied ones once."""
        return sum(weight.numel() for weight in self.transformers.model.parameters())

    def machine(self) -> dict[str, object]:
        """What the numbers were measured on."""
        name = torch.cuda.get_device_name() if self.device == "cuda" else torch.cpu.get_capabilities()["cpu_name"]
        return {
            "device": self.device,
            "machine": f"{name}, {platform.machine()}, {torch.get_num_threads()} threads",
            "parameters": self.parameters,
            "vocab": self.checkpoint.vocab_size,
            "batch": self.batch,
        }

    def sampler(self) -> list[dict[str, object]]:
        """Decoding with the protocol's sampler and with the engine's own; no row ends early. A row for each engine."""
        rules = self.checkpoint.rules.model_copy(update={"eos_ids": ()})
        endless = replace(self.checkpoint, rules=rules)
        found = []
        for name in installed_engines():
            seconds = best_rounds(self._samplers(open_engine(name, endless, self.device)))
            rates = {which: self.batch * rules.max_tokens / taken for which, taken in seconds.items()}
            found.append(
                self.machine()
                | {"engine": name, "tok_s_own": rates["own"], "tok_s_seeded": rates["seeded"]}
                | {"overhead": seconds["seeded"] / seconds["own"] - 1}
            )
        return found

    def _samplers(self, engine: Engine) -> dict[str, Callable[[], object]]:
        if isinstance(engine, TransformersEngine):
            own = _with_sampler(engine, self.requests, _multinomial)
            return {"own": own, "seeded": _with_sampler(engine, self.requests, mandated)}
        assert isinstance(engine, VllmEngine)
        length = self.checkpoint.rules.max_tokens
        return {
            "own": lambda: engine.generate_unseeded(self.requests, length),
            "seeded": lambda: engine.generate(self.requests, PLAN),
        }

    def generate(self) -> list[dict[str, object]]:
        """Completions as a miner makes them, by each engine, and what transformers does as it comes: same prompts."""
        made: dict[str, int] = {}

        def ours(name: str, engine: Engine) -> Callable[[], object]:
            def work() -> None:
                made[name] = _count(engine.generate(self.requests, PLAN))

            return work

        def bare() -> None:
            made["bare"] = self.generate_bare()

        work: dict[str, Callable[[], object]] = {name: ours(name, engine) for name, engine in self.engines.items()}
        seconds = best_rounds(work | {"bare": bare})
        names = {name: name for name in self.engines} | {"bare": "transformers as it comes, unseeded"}
        rates = {name: made[name] / seconds[name] for name in seconds}
        return [
            self.machine() | {"engine": names[name], "tok_s_generate": rate, "ratio_to_bare": rate / rates["bare"]}
            for name, rate in rates.items()
        ]

    @cached_property
    def _bare(self) -> Any:
        return AutoModelForCausalLM.from_pretrained(
            self.checkpoint.folder, dtype=DTYPES[self.checkpoint.rules.precision], local_files_only=True
        ).to(self.device)

    def generate_bare(self) -> int:
        """Tokens that transformers makes of the requests as it comes: its own cache, sampler and arithmetic."""
        rules = self.checkpoint.rules
        ids, mask = padded([request.prompt for request in self.requests], left=True, device=self.device)
        out = self._bare.generate(
            input_ids=ids, attention_mask=mask, do_sample=True, top_k=0, top_p=1.0, pad_token_id=0,
            temperature=rules.temperature_milli / MILLI, max_new_tokens=rules.max_tokens,
            eos_token_id=list(rules.eos_ids),
        )[:, ids.shape[1] :]  # fmt: skip
        ends = torch.isin(out, torch.tensor(rules.eos_ids, device=out.device)).long()
        return int((ends.cumsum(1) - ends == 0).sum())

    def replay(self) -> dict[str, object]:
        """Replay of a batch, a bare forward of the same rows in the same arithmetic, and the generation before it."""
        engine = self.transformers
        made = engine.generate(self.requests, PLAN)
        asked = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(self.requests, made, strict=True)]
        rows = [np.concatenate([request.prompt, request.tokens]) for request in asked]
        ids, mask = padded(rows, left=False, device=self.device)
        read = sum(len(request.prompt) + len(request.tokens) for request in asked)

        @torch.inference_mode()
        def forward() -> Tensor:
            states = engine.hidden(ids, mask, (mask.cumsum(1) - 1).clamp(min=0), None)
            return torch.stack([engine.logits(row).argmax(-1) for row in states])

        def without_margins() -> None:
            with patch.object(transformers_engine, "margins_of", lambda logits, *_: logits[:, 0]):
                engine.replay(asked, PLAN)

        generated: dict[str, int] = {}

        def generate(name: str) -> None:
            generated[name] = _count(self.engines[name].generate(self.requests, PLAN))

        generators = {name: lambda name=name: generate(name) for name in self.engines}
        replays = {"replay": lambda: engine.replay(asked, PLAN), "without_margins": without_margins}
        seconds = best_rounds({**replays, "forward": forward, **generators})
        rates = {name: generated[name] / seconds[name] for name in generated}
        return self.machine() | {
            "engine": "transformers",
            "tok_s_replay": read / seconds["replay"],
            "tok_s_forward": read / seconds["forward"],
            "tok_s_generate_hf": rates["transformers"],
            "tok_s_generate_vllm": rates.get("vllm"),
            "margins_overhead": seconds["replay"] / seconds["without_margins"] - 1,
            "seconds_replay_to_generate_hf": seconds["replay"] / seconds["transformers"],
            "peak_rss_mib": peak_rss_mib(),
        }


def _count(made: Sequence[Generation]) -> int:
    return sum(len(generation.tokens) for generation in made)


def _with_sampler(
    engine: TransformersEngine, requests: Sequence[RolloutRequest], chooser: Callable[..., Mandate]
) -> Callable[[], object]:
    def work() -> object:
        engine.choose = chooser
        return engine.generate(requests, PLAN)

    return work


def _multinomial(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
    """What engines do without a protocol."""
    drawn = torch.multinomial(torch.softmax(logits * MILLI / temperature_milli, dim=1), 1)
    return Mandate(drawn[:, 0], logits.gather(1, drawn)[:, 0].double())
