"""The two logits processors: they tell the recorder which row of a batch belongs to which request, and how far it is.

vLLM's model runner V1 hands over lists of what moved; V2 hands over slots and positions on the device. Which of the two
runs is vLLM's choice (V2 needs Triton); `processor` follows it.
"""

from typing import Any

import torch
from torch import Tensor
from vllm import SamplingParams
from vllm.v1.sample.logits_processor import BatchUpdate
from vllm.v1.sample.logits_processor import LogitsProcessor as ProcessorV1
from vllm.v1.sample.logits_processor.builtin import process_dict_updates
from vllm.v1.worker.gpu.sample.logits_processor import LogitsContext, LogitsProcRequestState
from vllm.v1.worker.gpu.sample.logits_processor import LogitsProcessor as ProcessorV2

from grail.inference.vllm_engine.recorder import FIELD, Recorder

RECORDER = Recorder()
"""Of this worker process."""


class SeededV1(ProcessorV1):
    """For model runner V1: the requests of a batch by their row."""

    def __init__(self, vllm_config: Any, device: torch.device, is_pin_memory: bool) -> None:
        self._device = device
        self._requests: dict[int, tuple[list[int], list[int]]] = {}
        self._places = self._rows = self._keys = self._first = torch.empty(0)

    def is_argmax_invariant(self) -> bool:
        """No: it decides the argmax."""
        return False

    def update_state(self, batch_update: BatchUpdate | None) -> None:
        """Follow requests that came, went or moved."""
        if process_dict_updates(self._requests, batch_update, _entry):
            found = sorted(self._requests.items())
            self._places = torch.tensor([place for place, _ in found], dtype=torch.int64, device=self._device)
            facts = torch.tensor([facts for _, (facts, _) in found], dtype=torch.int64, device=self._device)
            facts = facts.reshape(-1, 4)
            self._rows, self._keys, self._first = facts[:, 0], facts[:, 1:3].contiguous(), facts[:, 3]

    def apply(self, logits: Tensor) -> Tensor:
        """The mandated token of every request of ours becomes certain."""
        if self._requests:
            steps = [len(self._requests[place][1]) for place in sorted(self._requests)]
            told = torch.tensor(steps, dtype=torch.int64, device=self._device)
            RECORDER.choose(logits, self._places, self._rows, self._first + told, self._keys)
        return logits


def _entry(params: SamplingParams, _prompt: list[int] | None, output: list[int]) -> tuple[list[int], list[int]] | None:
    """Facts of a request, and the list that vLLM appends its tokens to; None for a request that is not ours."""
    facts = (params.extra_args or {}).get(FIELD)
    return None if facts is None else (facts, output)


class SeededV2(ProcessorV2):
    """For model runner V2: one slot for each request that can run, recycled by vLLM."""

    def __init__(self, vllm_config: Any, req_states: LogitsProcRequestState) -> None:
        self._prompts = req_states.prompt_len
        self._facts = torch.zeros((req_states.max_num_reqs, 4), dtype=torch.int64, device=req_states.device)
        self._ours = torch.zeros(req_states.max_num_reqs, dtype=torch.bool, device=req_states.device)

    def add_request(self, req_idx: int, sampling_params: SamplingParams) -> bool:
        """Take a slot over."""
        facts = (sampling_params.extra_args or {}).get(FIELD)
        self._ours[req_idx] = facts is not None
        if facts is not None:
            self._facts[req_idx] = torch.tensor(facts, dtype=torch.int64)
        return facts is not None

    def apply(self, logits: Tensor, ctx: LogitsContext) -> Tensor:
        """The mandated token of every request of ours becomes certain."""
        slots = ctx.expanded_idx_mapping.long()
        steps = ctx.pos.long() + 1 - self._prompts.gpu[slots].long()
        places = (self._ours[slots] & (steps >= 0)).nonzero()[:, 0]  # a chunk of a prompt samples in vain
        if len(places):
            facts = self._facts[slots[places]]
            RECORDER.choose(logits, places, facts[:, 0], facts[:, 3] + steps[places], facts[:, 1:3].contiguous())
        return logits
