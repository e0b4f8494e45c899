"""Speed of the parts that a miner and a validator live by: rates side by side in one run, on one batch of one model.

Every comparison alternates its candidates and takes each one's best round, so that a busy machine slows all alike.
"""

import platform
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import torch
from torch import Tensor
from transformers import AutoModelForCausalLM

from grail.checkpoints.files import Checkpoint
from grail.environments.base import Environment
from grail.inference.base import ReplayRequest, RolloutRequest
from grail.inference.sampling import Mandate, mandated
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import DTYPES, TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256

ROUNDS = 3
PLAN = SketchPlan(bytes(32), 8, 8)


@dataclass(frozen=True, slots=True)
class Bench:
    """A checkpoint and the problems to measure it on."""

    checkpoint: Checkpoint
    environment: Environment
    batch: int
    device: str = "cpu"

    def requests(self) -> list[RolloutRequest]:
        """`batch` requests, one prompt each."""
        codec = TextCodec(self.checkpoint)
        keys = [keccak256(b"grail/bench/1" + i.to_bytes(8, "big")) for i in range(self.batch)]
        return [RolloutRequest(codec.encode(self.environment.problem(key).prompt), key) for key in keys]

    def machine(self) -> dict[str, object]:
        """What the numbers were measured on."""
        name = torch.cuda.get_device_name() if self.device == "cuda" else torch.cpu.get_capabilities()["cpu_name"]
        return {"device": self.device, "machine": f"{name}, {platform.machine()}, {torch.get_num_threads()} threads"}

    def sampler(self) -> dict[str, object]:
        """Decoding with the protocol's sampler and with the usual one (softmax, multinomial); no row ends early."""
        engine = TransformersEngine(self.checkpoint, self.device)
        endless = self.checkpoint.rules.model_copy(update={"eos_ids": ()})
        engine.checkpoint = replace(self.checkpoint, rules=endless)
        requests, tokens = self.requests(), self.batch * self.checkpoint.rules.max_tokens

        def generate(chooser: Callable[..., Mandate]) -> Callable[[], object]:
            def work() -> object:
                engine.choose = chooser
                return engine.generate(requests, PLAN)

            return work

        seconds = best_rounds({"own": generate(_multinomial), "seeded": generate(mandated)})
        return self.machine() | {
            "engine": "transformers",
            "vocab": self.checkpoint.vocab_size,
            "batch": self.batch,
            "tok_s_own": tokens / seconds["own"],
            "tok_s_seeded": tokens / seconds["seeded"],
            "overhead": seconds["seeded"] / seconds["own"] - 1,
        }

    def generate(self) -> dict[str, object]:
        """Completions as a miner makes them, and what transformers does as it comes, on the same prompts."""
        engine, requests = TransformersEngine(self.checkpoint, self.device), self.requests()
        plain = AutoModelForCausalLM.from_pretrained(
            self.checkpoint.folder, dtype=DTYPES[self.checkpoint.rules.precision], local_files_only=True
        ).to(self.device)
        ids, mask = engine._left_padded([request.prompt for request in requests])
        made: list[int] = [0, 0]

        def ours() -> None:
            made[0] = sum(len(generation.tokens) for generation in engine.generate(requests, PLAN))

        def theirs() -> None:
            rules = self.checkpoint.rules
            out = plain.generate(
                input_ids=ids, attention_mask=mask, do_sample=True, top_k=0, top_p=1.0, pad_token_id=0,
                temperature=rules.temperature_milli / 1000, max_new_tokens=rules.max_tokens,
                eos_token_id=list(rules.eos_ids),
            )[:, ids.shape[1] :]  # fmt: skip
            ends = torch.isin(out, torch.tensor(rules.eos_ids, device=out.device)).long()
            made[1] = int((ends.cumsum(1) - ends == 0).sum())

        seconds = best_rounds({"ours": ours, "theirs": theirs})
        return self.machine() | {
            "engine": "transformers",
            "batch": self.batch,
            "tok_s_generate": made[0] / seconds["ours"],
            "tok_s_generate_hf": made[1] / seconds["theirs"],
        }

    def replay(self) -> dict[str, object]:
        """Replay of a batch, a bare forward of the same rows in the same arithmetic, and the generation before it."""
        engine, requests = TransformersEngine(self.checkpoint, self.device), self.requests()
        made = engine.generate(requests, PLAN)
        asked = [ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(requests, made, strict=True)]
        ids, mask = engine._right_padded(asked)
        read = sum(len(request.prompt) + len(request.tokens) for request in asked)

        @torch.inference_mode()
        def forward() -> Tensor:
            states = engine._hidden(ids, mask, (mask.cumsum(1) - 1).clamp(min=0), None)
            return torch.stack([engine._logits(row).argmax(-1) for row in states])

        seconds = best_rounds(
            {
                "replay": lambda: engine.replay(asked, PLAN),
                "forward": forward,
                "generate": lambda: engine.generate(requests, PLAN),
            }
        )
        return self.machine() | {
            "engine": "transformers",
            "batch": self.batch,
            "tok_s_replay": read / seconds["replay"],
            "tok_s_forward": read / seconds["forward"],
            "tok_s_generate": sum(len(generation.tokens) for generation in made) / seconds["generate"],
        }


def best_rounds(work: Mapping[str, Callable[[], object]]) -> dict[str, float]:
    """Seconds of each one's fastest round; all run once to warm up, then by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for round_ in range(ROUNDS + 1):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            if round_:
                seconds[name].append(time.perf_counter() - began)
    return {name: min(taken) for name, taken in seconds.items()}


def _multinomial(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
    """What engines do without a protocol."""
    drawn = torch.multinomial(torch.softmax(logits * 1000 / temperature_milli, dim=1), 1)
    return Mandate(drawn[:, 0], logits.gather(1, drawn)[:, 0].double())
