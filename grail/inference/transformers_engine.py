"""Engine on transformers: KV cache, each different prompt read once, prompts padded left and completions right.

Knows token ids and rollout keys; knows no tasks, no chain, no miners. The LM head always runs in float32: bf16 logits
near 16–32 are spaced 0.125 apart, which alone makes most honest flips.
"""

import copy
import itertools
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
import torch
from torch import Tensor
from transformers import AutoModelForCausalLM, DynamicCache
from transformers.utils import logging as transformers_logging

from grail.checkpoints.files import Checkpoint
from grail.errors import BadCheckpoint, BadInput, Unavailable
from grail.inference.adapters import runnable_folder
from grail.inference.approximations import APPROXIMATIONS
from grail.inference.base import Generation, ReplayRequest, ReplayTrace, RolloutRequest
from grail.inference.cpu_arithmetic import fit_to_cpu
from grail.inference.decoding import Chooser, Decoder
from grail.inference.memory import EXHAUSTED, out_of_memory
from grail.inference.sampling import key_tensor, logprobs_of, mandated, margins_of, spreads_of
from grail.inference.tensors import padded, project
from grail.proofs.sketch import SketchPlan
from grail.protocol.turns import observed_tokens, transcript
from grail.protocol.units import Digest
from grail.telemetry.log import get_logger

DTYPES = {"fp32": torch.float32, "bf16": torch.bfloat16}
BATCH_TOKENS = 16_384
"""Prompt plus completion tokens of one forward pass: bounds activation memory."""
HEAD_ROWS = {"cpu": 256, "cuda": 2_048}
"""Rows of one LM-head product: bounds logit memory, and on a CPU keeps it near the caches."""
R = TypeVar("R")
A = TypeVar("A")


class TransformersEngine:
    """One checkpoint loaded with transformers."""

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        transformers_logging.disable_progress_bar()
        self.checkpoint = checkpoint
        self.device = device
        self.choose: Chooser = mandated
        self._halved = False
        self._approximated: tuple[str, TransformersEngine] | None = None
        dtype = DTYPES[checkpoint.rules.precision]
        try:
            model = AutoModelForCausalLM.from_pretrained(
                runnable_folder(checkpoint),
                dtype=dtype,
                local_files_only=True,
                trust_remote_code=False,
                use_safetensors=True,
            )
        except (OSError, ValueError) as error:
            raise BadCheckpoint(f"transformers cannot load {checkpoint.folder}: {error}") from error
        self.use_model(model)

    def use_model(self, model: Any) -> None:
        """Run on this transformers model from now on (the checkpoint's own, or a trainer's copy)."""
        self.model = model.to(self.device).eval()
        self._approximated = None
        if self.device == "cpu":
            fit_to_cpu(self.model)
        head = self.model.get_output_embeddings()
        self._head = head.weight.detach().float(), None if head.bias is None else head.bias.detach().float()

    def in_float32(self) -> "TransformersEngine":
        """A twin with the same weights that computes in float32: the reference for calibration and disputes."""
        other = copy.copy(self)
        other.use_model(copy.deepcopy(self.model).float())
        return other

    def approximated(self, name: str) -> "TransformersEngine":
        """A twin with cheaper weights; the last one asked for is kept."""
        if self._approximated is None or self._approximated[0] != name:
            other = copy.copy(self)
            other._approximated = None
            other.use_model(APPROXIMATIONS[name](self.model))
            self._approximated = name, other
        return self._approximated[1]

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
        """Sample every request to its end, with as many rows at once as fit; `greedy` leaves the noise out."""
        if not requests:
            return []
        decoder = Decoder(self, requests, plan, greedy)
        most = self.checkpoint.rules.max_tokens
        longest = max(len(r.prompt) + most + (r.world.most_observed if r.world else 0) for r in requests)
        longest = min(longest, self.checkpoint.context)
        room = min(len(requests), max(1, BATCH_TOKENS // longest))
        while (made := self._within_memory(partial(decoder.run, room), room)) is None:
            room //= 2
        return made

    def replay(self, requests: Sequence[ReplayRequest], plan: SketchPlan) -> list[ReplayTrace]:
        """One prefill for every request, batched by length."""
        for request in requests:
            self._check_ids(request.tokens)
            for bridge in request.bridges:
                self._check_ids(bridge.ids)
        lengths = [len(r.prompt) + len(r.tokens) + observed_tokens(r.bridges) for r in requests]
        return self._in_batches(requests, lengths, lambda batch: self._replay_batch(batch, plan))

    def _in_batches(self, requests: Sequence[R], lengths: list[int], work: Callable[[list[R]], list[A]]) -> list[A]:
        """All answers in the order of the requests; a batch that does not fit into memory is halved."""
        done: dict[int, A] = {}
        waiting = list(_batches(lengths))
        while waiting:
            places = waiting.pop(0)
            answers = self._within_memory(partial(work, [requests[place] for place in places]), len(places))
            if answers is None:
                middle = len(places) // 2
                waiting[:0] = [places[:middle], places[middle:]]
            else:
                done.update(zip(places, answers, strict=True))
        return [done[place] for place in range(len(requests))]

    def _within_memory(self, work: Callable[[], A], rows: int) -> A | None:
        """What `work` gives; None where so many rows do not fit into memory, which is said once.

        Raises Unavailable when one row alone does not fit.
        """
        try:
            return work()
        except EXHAUSTED as error:
            if not out_of_memory(error):
                raise
            if rows == 1:
                raise Unavailable("one rollout alone does not fit into memory: use a larger machine") from error
        if not self._halved:
            get_logger().warning("out of memory: halving batches", device=self.device, rows=rows)
            self._halved = True
        return None

    def prefill(self, prompts: Sequence[np.ndarray]) -> tuple[DynamicCache, Tensor, Tensor]:
        """Read each different prompt once (the rollouts of a group share theirs) and spread the cache over all rows.

        Returns the cache, the last hidden state (rows, hidden) and the mask, int64 (rows, width).
        """
        cache = DynamicCache(config=self.model.config)
        places: dict[bytes, int] = {}
        spread = [places.setdefault(prompt.tobytes(), len(places)) for prompt in prompts]
        different = [np.frombuffer(raw, dtype=prompts[0].dtype) for raw in places]
        ids, mask = padded(different, left=True, device=self.device)
        hidden = self.hidden(ids, mask, (mask.cumsum(1) - 1).clamp(min=0), cache)[:, -1]
        rows = torch.tensor(spread, device=self.device)
        if len(places) < len(prompts):
            cache.batch_select_indices(rows)
        return cache, hidden[rows], mask[rows]

    @torch.inference_mode()
    def _replay_batch(self, requests: list[ReplayRequest], plan: SketchPlan) -> list[ReplayTrace]:
        projection = torch.from_numpy(plan.matrix(self.hidden_size)).to(self.device)
        counts = [len(request.tokens) for request in requests]
        hidden = self._completion_states(requests)
        states = torch.cat([hidden[row, :count] for row, count in enumerate(counts)])
        keys = key_tensor([request.key for request in requests], self.device)
        keys = keys.repeat_interleave(torch.tensor(counts, device=self.device), dim=0)
        steps = torch.cat([torch.arange(count, device=self.device) for count in counts])
        claimed = torch.from_numpy(np.concatenate([r.tokens for r in requests]).astype(np.int64)).to(self.device)
        margins, logprobs, spreads = self._measure(states, keys, steps, claimed)
        sketched = project(states, projection).cpu().numpy()
        starts = np.cumsum([0, *counts])
        return [
            ReplayTrace(margins[a:b], logprobs[a:b], sketched[a : b : plan.stride], spreads[a:b])
            for a, b in itertools.pairwise(starts)
        ]

    def _completion_states(self, requests: list[ReplayRequest]) -> Tensor:
        """The states that each claimed token was sampled from, (rows, longest completion, hidden): first the prompts,
        each different one once, then the completions on their cache.
        """
        cache, first, mask = self.prefill([request.prompt for request in requests])
        written = [transcript(request.tokens, request.bridges) for request in requests]
        ids, own = padded([ids[:-1] for ids, _ in written], left=False, device=self.device)
        if not ids.shape[1]:
            return first[:, None]
        positions = mask.sum(1, keepdim=True) + torch.arange(ids.shape[1], device=self.device)
        rest = self.hidden(ids, torch.cat([mask, own], dim=1), positions, cache)
        states = torch.cat([first[:, None], rest], dim=1)
        if not any(request.bridges for request in requests):
            return states
        places = torch.zeros((len(written), max(len(p) for _, p in written)), dtype=torch.int64)
        for row, (_, own_places) in enumerate(written):
            places[row, : len(own_places)] = torch.from_numpy(own_places)
        return states.gather(1, places.to(self.device)[:, :, None].expand(-1, -1, states.shape[2]))

    def _measure(self, states: Tensor, keys: Tensor, steps: Tensor, claimed: Tensor) -> list[Any]:
        """Margins and logprobs of the claimed tokens, and spreads, float32 (positions,), the LM head in bounded
        pieces.
        """
        found: list[list[Tensor]] = [[], [], []]
        temperature = self.checkpoint.rules.temperature_milli
        rows = HEAD_ROWS[self.device]
        for part in range(0, len(states), rows):
            piece = slice(part, part + rows)
            logits = self.logits(states[piece])
            found[0].append(margins_of(logits, temperature, keys[piece], steps[piece], claimed[piece]))
            found[1].append(logprobs_of(logits, temperature, claimed[piece]))
            found[2].append(spreads_of(logits, temperature))
        return [torch.cat(pieces).float().cpu().numpy() for pieces in found]

    def hidden(self, ids: Tensor, mask: Tensor, positions: Tensor, cache: DynamicCache | None) -> Tensor:
        """Last hidden states after the final norm, (rows, positions, hidden)."""
        answer = self.model.base_model(
            input_ids=ids,
            attention_mask=mask,
            position_ids=positions,
            past_key_values=cache,
            use_cache=cache is not None,
        )
        return answer.last_hidden_state

    def logits(self, states: Tensor) -> Tensor:
        """LM head in float32. Raises BadCheckpoint where a logit is no number: none could be the largest."""
        logits = torch.nn.functional.linear(states.float(), *self._head)
        if not torch.isfinite(logits.sum()):
            raise BadCheckpoint("the model gave NaN or infinite logits: its weights are damaged, or overflow in bf16")
        return logits

    def _check_ids(self, tokens: np.ndarray) -> None:
        if len(tokens) == 0 or int(tokens.max()) >= self.checkpoint.vocab_size or int(tokens.min()) < 0:
            raise BadInput(f"expected token ids in [0, {self.checkpoint.vocab_size}), got others")


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
