"""Parts that need a GPU to mean anything, measured side by side; `bash benchmarks/gpu.sh` runs it.

| measured | against |
| --- | --- |
| the sampler's noise (Triton) | the engine's own multinomial |
| a replay | generating the same rollouts, and a bare forward |
| decoding | what reading all weights once a step allows, by the measured memory bandwidth |
| a learner's step | a bare one on the same tokens |
| what the device generates | a CPU's replay, as declared and in float32: what a calibration must cover |

Shapes are those of a 135M and a 1B Llama with seeded random weights; noise is measured on the shipped model, too, since
random weights have flat logits. Each part that fails is recorded, and the others go on.
"""

import json
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

sys.path[0] = str(Path(__file__).resolve().parent.parent)

import numpy as np
import torch
from transformers import LlamaConfig, LlamaForCausalLM

from benchmarks.engines import PLAN, Bench
from benchmarks.learner import SETTINGS, groups
from grail.checkpoints.files import CALIBRATION, RULES, Checkpoint, GenerationRules, open_checkpoint
from grail.environments.arithmetic import Arithmetic
from grail.inference.base import ReplayRequest, RolloutRequest
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.protocol.hashing import keccak256

PROMPT = 64
NOISE_ROLLOUTS = 128


@dataclass(frozen=True)
class Shape:
    """A Llama by its sizes, and how it is worked: rollouts at once, tokens of a completion."""

    name: str
    hidden: int
    inner: int
    layers: int
    heads: int
    shared: int
    vocabulary: int
    batch: int
    tokens: int


ON_DEVICE = (
    Shape("135M", 576, 1_536, 30, 9, 3, 49_152, 256, 128),
    Shape("1B", 2_048, 8_192, 16, 32, 8, 49_152, 256, 128),
)
ON_CPU = (Shape("small", 64, 128, 2, 4, 2, 512, 4, 8),)
"""Only to see that all of this runs."""


class RandomBench(Bench):
    """Rows of random ids in the place of prompts: random weights read nothing."""

    @cached_property
    def requests(self) -> list[RolloutRequest]:
        draws = np.random.default_rng(0)
        rows = draws.integers(3, self.checkpoint.vocab_size, (self.batch, PROMPT)).astype(np.int32)
        return [RolloutRequest(row, keccak256(b"gpu" + bytes([i % 256, i // 256]))) for i, row in enumerate(rows)]


def random_checkpoint(shape: Shape, folder: Path, tiny: Path) -> Checkpoint:
    """Seeded weights of a shape, in bfloat16, with the shipped tokenizer beside them."""
    shutil.copytree(tiny, folder)
    (folder / CALIBRATION).unlink()
    torch.manual_seed(0)
    model = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=shape.vocabulary, hidden_size=shape.hidden, intermediate_size=shape.inner,
            num_hidden_layers=shape.layers, num_attention_heads=shape.heads, num_key_value_heads=shape.shared,
            max_position_embeddings=2_048, tie_word_embeddings=True, bos_token_id=None, eos_token_id=1, pad_token_id=0,
        )
    )  # fmt: skip
    model.to(torch.bfloat16).save_pretrained(folder)
    rules = GenerationRules(temperature_milli=1000, max_tokens=shape.tokens, eos_ids=(1,), precision="bf16")
    (folder / RULES).write_text(rules.model_dump_json())
    return open_checkpoint(folder)


def bandwidth(device: str) -> float:
    """GB a second that a copy reads and writes."""
    size = 1 << (30 if device == "cuda" else 24)
    one, other = (torch.empty(size, dtype=torch.uint8, device=device) for _ in range(2))
    other.copy_(one)
    _settle(device)
    began = time.perf_counter()
    for _ in range(8):
        other.copy_(one)
    _settle(device)
    return 16 * size / (time.perf_counter() - began) / 1e9


def decoding(bench: RandomBench, gigabytes: float) -> dict[str, Any]:
    """Tokens a second against one reading of all weights a step."""
    engine, parameters = bench.transformers, bench.parameters
    engine.generate(bench.requests[:8], PLAN)
    _settle(bench.device)
    began = time.perf_counter()
    made = sum(len(one.tokens) for one in engine.generate(bench.requests, PLAN))
    _settle(bench.device)
    rate = made / (time.perf_counter() - began)
    limit = gigabytes * 1e9 / (2 * parameters) * bench.batch
    return {"tok_s": rate, "tok_s_by_bandwidth": limit, "share_of_limit": rate / limit}


def learner_step(checkpoint: Checkpoint, device: str) -> dict[str, Any]:
    """A step in bf16 against a bare one on the same rows."""
    from grail.training.learner import Learner

    settings = SETTINGS.model_copy(update={"compute": "bf16"})
    work = groups(checkpoint.vocab_size)
    ours = Learner(checkpoint, settings, device=device)
    rows = [np.concatenate([r.prompt, r.tokens]) for group in work for r in group.rollouts]
    ids = torch.from_numpy(np.stack(rows).astype(np.int64)).to(device)
    bare = LlamaForCausalLM.from_pretrained(checkpoint.folder, dtype=torch.float32).to(device).train()
    optimizer = torch.optim.AdamW(bare.parameters(), lr=1e-6)

    def plain() -> None:
        for part in ids.chunk(4):
            with torch.autocast(device, torch.bfloat16):
                logits = bare(input_ids=part).logits[:, :-1].float()
            picked = logits.log_softmax(-1).gather(2, part[:, 1:, None])
            (-picked.mean() / 4).backward()
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)

    seconds: dict[str, float] = {}
    work_of: dict[str, Callable[[], object]] = {"step": lambda: ours.update(work, 1), "bare": plain}
    for name, run in work_of.items():
        run()
        _settle(device)
        began = time.perf_counter()
        run()
        _settle(device)
        seconds[name] = time.perf_counter() - began
    return seconds | {"tokens": ids.numel(), "ratio": seconds["step"] / seconds["bare"]}


def noise(checkpoint: Checkpoint, requests: list[RolloutRequest], device: str) -> dict[str, Any]:
    """How far a CPU's replay is from what the device made: margins in nats, logprobs, tokens that differ."""
    made = TransformersEngine(checkpoint, device=device).generate(requests, PLAN)
    asked = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(requests, made, strict=True)]
    found: dict[str, Any] = {"rollouts": len(made), "tokens": sum(len(one.tokens) for one in made)}
    here = TransformersEngine(checkpoint)
    for name, engine in (("as_declared", here), ("float32", here.in_float32())):
        traces = engine.replay(asked, PLAN)
        margins = np.concatenate([trace.margins for trace in traces])
        claimed = np.concatenate([np.asarray(one.logprobs, np.float32) for one in made])
        apart = np.abs(np.concatenate([trace.logprobs for trace in traces]) - claimed)
        found[name] = {
            "share_of_other_tokens": float((margins > 0).mean()),
            "largest_margin": float(margins.max()),
            "logprob_apart_median": float(np.median(apart)),
            "logprob_apart_largest": float(apart.max()),
        }
    return found


def measured(device: str, work: Path) -> dict[str, Any]:
    """Everything, part by part."""
    tiny = Path(str(resources.files("grail.assets").joinpath("tiny")))
    found: dict[str, Any] = {
        "date": datetime.now(UTC).isoformat(timespec="seconds"),
        "device": torch.cuda.get_device_name() if device == "cuda" else "cpu",
        "torch": torch.__version__,
    }
    gigabytes = found["bandwidth_gb_s"] = bandwidth(device)
    shipped = open_checkpoint(tiny)
    requests = own_requests(TextCodec(shipped), Arithmetic(), b"gpu/noise", NOISE_ROLLOUTS, 1)
    _part(found, "noise_shipped", lambda: noise(shipped, requests, device))
    for shape in ON_DEVICE if device == "cuda" else ON_CPU:
        checkpoint = random_checkpoint(shape, work / shape.name, tiny)
        bench = RandomBench(checkpoint, Arithmetic(), shape.batch, device)
        of: dict[str, Any] = {}
        found[shape.name] = of
        _part(of, "sampler", lambda bench=bench: bench.sampler()[0])
        _part(of, "replay", lambda bench=bench: bench.replay())
        _part(of, "decoding", lambda bench=bench: decoding(bench, gigabytes))
        _part(of, "learner", lambda checkpoint=checkpoint: learner_step(checkpoint, device))
        few = bench.requests[:8]
        _part(of, "noise", lambda checkpoint=checkpoint, few=few: noise(checkpoint, few, device))
    return found


def _part(into: dict[str, Any], name: str, run: Callable[[], Any]) -> None:
    began = time.perf_counter()
    try:
        into[name] = run()
    except Exception as error:  # noqa: BLE001 (the other parts are worth having)
        traceback.print_exc()
        into[name] = {"error": f"{type(error).__name__}: {error}"[:500]}
    print(f"{name}: {time.perf_counter() - began:.1f} s", file=sys.stderr, flush=True)
    if torch.cuda.is_available():
        torch.cuda.empty_cache()


def _settle(device: str) -> None:
    if device == "cuda":
        torch.cuda.synchronize()


def main() -> int:
    """Measure, write, and fail where a part did."""
    out = Path(sys.argv[1])
    with tempfile.TemporaryDirectory() as folder:
        found = measured("cuda" if torch.cuda.is_available() else "cpu", Path(folder))
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found))
    return int('"error"' in json.dumps(found))


if __name__ == "__main__":
    sys.exit(main())
