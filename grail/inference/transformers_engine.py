"""Engine on transformers: KV cache, left padding for decoding, right padding for replay.

Knows token ids and rollout keys; knows no tasks, no chain, no miners. The LM head always runs in float32: bf16 logits
near 16–32 are spaced 0.125 apart, which alone makes most honest flips.
"""

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging as transformers_logging

from grail.checkpoints.files import Checkpoint
from grail.errors import BadCheckpoint, BadInput, Unavailable
from grail.inference.base import Generation, ReplayRequest, ReplayTrace, RolloutRequest
from grail.inference.cpu_arithmetic import fit_to_cpu
from grail.inference.sampling import Mandate, key_tensor, logprobs_of, mandated, margins_of
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH
from grail.protocol.units import Digest
from grail.telemetry.log import get_logger

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
BATCH_TOKENS = 16_384
"""Prompt plus completion tokens of one forward pass: bounds activation memory."""
HEAD_ROWS = 2_048
"""Rows of one LM-head product: bounds logit memory to 2,048 x vocabulary."""
R = TypeVar("R")
A = TypeVar("A")
Chooser = Callable[[Tensor, int, Tensor, Tensor], Mandate]
"""(logits, T in 1e-3, Philox keys, steps) → tokens: `mandated`, in whose place the red team puts others."""


class TransformersEngine:
    """One checkpoint loaded with transformers."""

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        transformers_logging.disable_progress_bar()
        self.checkpoint = checkpoint
        self.device = device
        self.choose: Chooser = mandated
        self._halved = False
        dtype = DTYPES[checkpoint.rules.precision]
        try:
            model = AutoModelForCausalLM.from_pretrained(
                checkpoint.folder, dtype=dtype, local_files_only=True, trust_remote_code=False, use_safetensors=True
            )
        except (OSError, ValueError) as error:
            raise BadCheckpoint(f"transformers cannot load {checkpoint.folder}: {error}") from error
        self.use_model(model)

    def use_model(self, model: Any) -> None:
        """Run on this transformers model from now on (the checkpoint's own, or a trainer's copy)."""
        self.model = model.to(self.device).eval()
        if self.device == "cpu":
            fit_to_cpu(self.model)
        head = self.model.get_output_embeddings()
        self._head = head.weight.detach().float(), None if head.bias is None else head.bias.detach().float()

    def in_float32(self) -> "TransformersEngine":
        """A twin with the same weights that computes in float32: the reference for calibration and disputes."""
        other = copy.copy(self)
        other.use_model(copy.deepcopy(self.model).float())
        return other

    @property
    def fingerprint(self) -> Digest:
        """Of the loaded checkpoint."""
        return self.checkpoint.fingerprint

    @property
    def hidden_size(self) -> int:
        """Width of the last hidden state."""
        return int(self.model.config.hidden_size)

    def generate(
        self, requests: Sequence[RolloutRequest], plan: SketchPlan, *, greedy: bool = False
    ) -> list[Generation]:
        """Sample every request to its end, batched by prompt length; `greedy` leaves the noise out."""
        lengths = [len(request.prompt) + self.checkpoint.rules.max_tokens for request in requests]
        return self._in_batches(requests, lengths, lambda batch: self._generate_batch(batch, plan, greedy))

    def replay(self, requests: Sequence[ReplayRequest], plan: SketchPlan) -> list[ReplayTrace]:
        """One prefill for every request, batched by length."""
        for request in requests:
            self._check_ids(request.tokens)
        lengths = [len(request.prompt) + len(request.tokens) for request in requests]
        return self._in_batches(requests, lengths, lambda batch: self._replay_batch(batch, plan))

    def _in_batches(self, requests: Sequence[R], lengths: list[int], work: Callable[[list[R]], list[A]]) -> list[A]:
        """All answers in the order of the requests. A batch that does not fit into memory is halved, and said once.

        Raises Unavailable when one request alone does not fit.
        """
        done: dict[int, A] = {}
        waiting = list(_batches(lengths))
        while waiting:
            places = waiting.pop(0)
            try:
                answers = work([requests[place] for place in places])
            except (torch.OutOfMemoryError, MemoryError, RuntimeError) as error:
                if isinstance(error, RuntimeError) and "memory" not in str(error):
                    raise
                if len(places) == 1:
                    raise Unavailable("one rollout alone does not fit into memory: use a larger machine") from error
                if not self._halved:
                    get_logger().warning("out of memory: halving batches", device=self.device, rows=len(places))
                    self._halved = True
                middle = len(places) // 2
                waiting[:0] = [places[:middle], places[middle:]]
                continue
            done.update(zip(places, answers, strict=True))
        return [done[place] for place in range(len(requests))]

    @torch.inference_mode()
    def _generate_batch(self, requests: list[RolloutRequest], plan: SketchPlan, greedy: bool) -> list[Generation]:
        rules, rows = self.checkpoint.rules, len(requests)
        keys = key_tensor([request.key for request in requests], self.device)
        projection = torch.from_numpy(plan.matrix(self.hidden_size)).to(self.device)
        eos = torch.tensor(rules.eos_ids, device=self.device)
        cache = DynamicCache(config=self.model.config)
        hidden, mask = self._prefill([request.prompt for request in requests], cache)
        running = torch.ones(rows, dtype=torch.bool, device=self.device)
        tokens: list[Tensor] = []
        logprobs: list[Tensor] = []
        sketches: list[Tensor] = []
        for step in range(rules.max_tokens):
            if step:
                mask = torch.cat([mask, mask.new_ones(rows, 1)], dim=1)
                hidden = self._hidden(tokens[-1][:, None], mask, mask.sum(1, keepdim=True) - 1, cache)[:, -1]
            logits = self._logits(hidden)
            steps = torch.full((rows,), step, device=self.device)
            temperature = rules.temperature_milli
            chosen = logits.argmax(dim=1) if greedy else self.choose(logits, temperature, keys, steps).tokens
            tokens.append(chosen)
            logprobs.append(logprobs_of(logits, temperature, chosen))
            if step % plan.stride == 0:
                sketches.append(_project(hidden, projection))
            running &= ~torch.isin(chosen, eos)
            if not running.any():
                break
        return self._cut(tokens, logprobs, sketches, plan)

    def _prefill(self, prompts: list[np.ndarray], cache: DynamicCache) -> tuple[Tensor, Tensor]:
        """Read each different prompt once (the rollouts of a group share theirs) and spread the cache over all rows.

        Returns the last hidden state (rows, hidden) and the mask (rows, width).
        """
        places: dict[bytes, int] = {}
        spread = [places.setdefault(prompt.tobytes(), len(places)) for prompt in prompts]
        ids, mask = self._left_padded([np.frombuffer(raw, dtype=prompts[0].dtype) for raw in places])
        hidden = self._hidden(ids, mask, (mask.cumsum(1) - 1).clamp(min=0), cache)[:, -1]
        rows = torch.tensor(spread, device=self.device)
        if len(places) < len(prompts):
            cache.batch_select_indices(rows)
        return hidden[rows], mask[rows]

    def _cut(
        self, tokens: list[Tensor], logprobs: list[Tensor], sketches: list[Tensor], plan: SketchPlan
    ) -> list[Generation]:
        """Rows of a finished batch, each ended at its first EOS."""
        rules = self.checkpoint.rules
        all_tokens = torch.stack(tokens, 1).cpu().numpy().astype(np.int32)
        all_logprobs = torch.stack(logprobs, 1).cpu().numpy().astype(np.float16) + np.float16(0)
        all_sketches = torch.stack(sketches, 1).cpu().numpy().astype(np.float16)
        ends = np.isin(all_tokens, rules.eos_ids)
        made = []
        for row in range(len(all_tokens)):
            ended = bool(ends[row].any())
            count = int(ends[row].argmax()) + 1 if ended else rules.max_tokens
            made.append(
                Generation(
                    tokens=all_tokens[row, :count].copy(),
                    logprobs=np.minimum(all_logprobs[row, :count], np.float16(0)),
                    sketch=all_sketches[row, : plan.rows(count)].copy(),
                    finish=FINISH_EOS if ended else FINISH_LENGTH,
                )
            )
        return made

    @torch.inference_mode()
    def _replay_batch(self, requests: list[ReplayRequest], plan: SketchPlan) -> list[ReplayTrace]:
        projection = torch.from_numpy(plan.matrix(self.hidden_size)).to(self.device)
        ids, mask = self._right_padded(requests)
        positions = (mask.cumsum(1) - 1).clamp(min=0)
        hidden = self._hidden(ids, mask, positions, None)
        states = torch.cat([hidden[row, len(r.prompt) - 1 :][: len(r.tokens)] for row, r in enumerate(requests)])
        counts = [len(request.tokens) for request in requests]
        keys = key_tensor([request.key for request in requests], self.device)
        keys = keys.repeat_interleave(torch.tensor(counts, device=self.device), dim=0)
        steps = torch.cat([torch.arange(count, device=self.device) for count in counts])
        claimed = torch.from_numpy(np.concatenate([r.tokens for r in requests]).astype(np.int64)).to(self.device)
        margins, logprobs = self._measure(states, keys, steps, claimed)
        sketched = _project(states, projection).cpu().numpy()
        starts = np.cumsum([0, *counts])
        return [
            ReplayTrace(margins[a:b], logprobs[a:b], sketched[a : b : plan.stride])
            for a, b in itertools.pairwise(starts)
        ]

    def _measure(self, states: Tensor, keys: Tensor, steps: Tensor, claimed: Tensor) -> tuple[Any, Any]:
        """Margins and logprobs of the claimed tokens, float32 (positions,), the LM head in bounded pieces."""
        margins, logprobs = [], []
        temperature = self.checkpoint.rules.temperature_milli
        for part in range(0, len(states), HEAD_ROWS):
            piece = slice(part, part + HEAD_ROWS)
            logits = self._logits(states[piece])
            margins.append(margins_of(logits, temperature, keys[piece], steps[piece], claimed[piece]))
            logprobs.append(logprobs_of(logits, temperature, claimed[piece]))
        return torch.cat(margins).float().cpu().numpy(), torch.cat(logprobs).float().cpu().numpy()

    def _hidden(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache | None) -> Tensor:
        """Last hidden states after the final norm, (rows, positions, hidden)."""
        answer = self.model.base_model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=cache is not None,
        )
        return answer.last_hidden_state

    def _logits(self, states: Tensor) -> Tensor:
        """LM head in float32. Raises BadCheckpoint where a logit is no number: none could be the largest."""
        logits = torch.nn.functional.linear(states.float(), *self._head)
        if not torch.isfinite(logits.sum()):
            raise BadCheckpoint("the model gave NaN or infinite logits: its weights are damaged, or overflow in bf16")
        return logits

    def _left_padded(self, prompts: list[np.ndarray]) -> tuple[Tensor, Tensor]:
        width = max(len(prompt) for prompt in prompts)
        ids = torch.zeros((len(prompts), width), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, prompt in enumerate(prompts):
            ids[row, width - len(prompt) :] = torch.from_numpy(prompt.astype(np.int64))
            mask[row, width - len(prompt) :] = 1
        return ids.to(self.device), mask.to(self.device)

    def _right_padded(self, requests: list[ReplayRequest]) -> tuple[Tensor, Tensor]:
        width = max(len(request.prompt) + len(request.tokens) for request in requests)
        ids = torch.zeros((len(requests), width), dtype=torch.int64)
        mask = torch.zeros_like(ids)
        for row, request in enumerate(requests):
            sequence = np.concatenate([request.prompt, request.tokens]).astype(np.int64)
            ids[row, : len(sequence)] = torch.from_numpy(sequence)
            mask[row, : len(sequence)] = 1
        return ids.to(self.device), mask.to(self.device)

    def _check_ids(self, tokens: np.ndarray) -> None:
        if len(tokens) == 0 or int(tokens.max()) >= self.checkpoint.vocab_size or int(tokens.min()) < 0:
            raise BadInput(f"expected token ids in [0, {self.checkpoint.vocab_size}), got others")


def _project(states: Tensor, projection: Tensor) -> Tensor:
    """Sketch rows: P h / ‖h‖ in float32, (rows, m)."""
    states = states.float()
    return (states / states.norm(dim=-1, keepdim=True).clamp(min=1e-30)) @ projection.T


def _batches(lengths: Sequence[int]) -> Iterator[list[int]]:
    """Places grouped so that each batch, padded to its longest member, holds at most BATCH_TOKENS."""
    batch: list[int] = []
    for place in sorted(range(len(lengths)), key=lambda i: (lengths[i], i)):
        if batch and (len(batch) + 1) * lengths[place] > BATCH_TOKENS:
            yield batch
            batch = []
        batch.append(place)
    if batch:
        yield batch
