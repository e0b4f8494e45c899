"""What Grail adds to vLLM's worker: methods that `LLM.collective_rpc` calls by name."""

from pathlib import Path
from typing import Any

import torch
from safetensors import safe_open

from grail.checkpoints.files import WEIGHTS
from grail.inference.vllm_engine.processors import RECORDER
from grail.inference.vllm_engine.recorder import Call
from grail.proofs.sketch import SketchPlan

HEAD, HEAD_BIAS, EMBEDDING = "lm_head.weight", "lm_head.bias", "embed_tokens.weight"


class WorkerExtension:
    """Mixed into vLLM's worker class (`worker_extension_cls`)."""

    model_runner: Any
    device: torch.device

    def grail_attach(self, folder: str) -> None:
        """Compute logits with the recorder from now on, by the LM head of this checkpoint folder."""
        with safe_open(str(Path(folder) / WEIGHTS), framework="pt") as tensors:
            names = set(tensors.keys())
            name = HEAD if HEAD in names else next(name for name in sorted(names) if name.endswith(EMBEDDING))
            weight = tensors.get_tensor(name).float().to(self.device)
            bias = tensors.get_tensor(HEAD_BIAS).float().to(self.device) if HEAD_BIAS in names else None
        RECORDER.head = weight, bias
        self.model_runner.model.compute_logits = RECORDER.logits

    def grail_update(self, folder: str) -> None:
        """Other weights of the same architecture, in place."""
        self.reload_weights(weights_path=folder)  # type: ignore[attr-defined]
        self.grail_attach(folder)

    def grail_begin(self, seed: bytes, dim: int, stride: int, temperature_milli: int, greedy: bool) -> None:
        """A call of `generate` starts."""
        RECORDER.begin(Call(SketchPlan(seed, dim, stride), temperature_milli, greedy))

    def grail_take(self) -> list[bytes]:
        """Rows, steps, tokens (int64), logprobs, sketch (float32) of the call, as raw bytes."""
        record = RECORDER.take()
        return [part.tobytes() for part in (record.rows, record.steps, record.tokens, record.logprobs, record.sketch)]
