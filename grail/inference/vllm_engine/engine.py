"""Engine on vLLM: it generates; replays are one prefill, which the transformers engine does.

One vLLM runs in a process, on one device, for all checkpoints: another checkpoint of the same architecture is loaded
into it in place, which is what changes from window to window.
"""

from collections.abc import Sequence
from functools import cached_property
from threading import Lock
from typing import Any

import numpy as np

from grail.checkpoints.files import CONFIG, Checkpoint, GenerationRules
from grail.config import tell_libraries
from grail.errors import BadCheckpoint, Unavailable
from grail.inference.adapters import runnable_folder
from grail.inference.base import Generation, ReplayRequest, ReplayTrace, RolloutRequest
from grail.inference.transformers_engine import TransformersEngine
from grail.inference.vllm_engine.cpu import prepare_cpu, readable_modules
from grail.inference.vllm_engine.recorder import FIELD
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH, MAX_PROMPT_TOKENS, MILLI
from grail.protocol.philox import key_words
from grail.protocol.turns import Bridge
from grail.protocol.units import Digest
from grail.telemetry.log import get_logger

DTYPES = {"fp32": "float32", "bf16": "bfloat16"}


class VllmEngine:
    """One checkpoint on the process's vLLM."""

    def __init__(self, checkpoint: Checkpoint, device: str = "cpu") -> None:
        self.checkpoint = checkpoint
        self.device = device

    @property
    def prefix_hits(self) -> float | None:
        """Of the last call: share of what later turns had to read again that the prefix cache had; None without any."""
        return round(_SERVER.hits / _SERVER.history, 4) if _SERVER.history else None

    @property
    def fingerprint(self) -> Digest:
        """Of the checkpoint."""
        return self.checkpoint.fingerprint

    @cached_property
    def reader(self) -> TransformersEngine:
        """The transformers engine of the same checkpoint, loaded at the first replay."""
        return TransformersEngine(self.checkpoint, self.device)

    def in_float32(self) -> TransformersEngine:
        """The same weights in float32, for replays."""
        return self.reader.in_float32()

    def approximated(self, name: str) -> TransformersEngine:
        """Cheaper weights, for replays."""
        return self.reader.approximated(name)

    def replay(self, requests: Sequence[ReplayRequest], plan: SketchPlan) -> list[ReplayTrace]:
        """One prefill for every request, by transformers."""
        return self.reader.replay(requests, plan)

    def generate(
        self, requests: Sequence[RolloutRequest], plan: SketchPlan, *, greedy: bool = False
    ) -> list[Generation]:
        """All requests in one loop: vLLM batches them continuously and reads what they share once. A turn that is over
        is answered, and the next one asked for, in the same step.
        """
        if not requests:
            return []
        with _SERVER.lock:
            return _SERVER.generate(self.checkpoint, self.device, requests, plan, greedy)

    def generate_unseeded(self, requests: Sequence[RolloutRequest], max_tokens: int) -> int:
        """Tokens made by vLLM's own sampling, no row ending early: what `grail bench` compares with."""
        with _SERVER.lock:
            return _SERVER.generate_unseeded(self.checkpoint, self.device, requests, max_tokens)


class _Server:
    """The process's one vLLM, and what is loaded into it."""

    def __init__(self) -> None:
        self.lock = Lock()
        self._llm: Any = None
        """vllm.LLM; untyped, because importing vLLM takes half a minute."""
        self._loaded: Checkpoint | None = None
        self.hits = self.history = 0
        """Of the last call: ids that later turns began with, and how many of them the prefix cache had."""

    def generate(
        self, checkpoint: Checkpoint, device: str, requests: Sequence[RolloutRequest], plan: SketchPlan, greedy: bool
    ) -> list[Generation]:
        """Raises BadCheckpoint for weights that vLLM cannot load or that give no numbers."""
        self._load(checkpoint, device)
        finished = False
        try:
            made = self._run(checkpoint, requests, plan, greedy)
            finished = True
        finally:
            if not finished:
                self._llm = self._loaded = None  # an engine that died in the middle of a batch serves no other
        return made

    def _run(
        self, checkpoint: Checkpoint, requests: Sequence[RolloutRequest], plan: SketchPlan, greedy: bool
    ) -> list[Generation]:
        rules = checkpoint.rules
        self._llm.collective_rpc(
            "grail_begin", args=(plan.seed, plan.dim, plan.stride, rules.temperature_milli, greedy)
        )
        talks = [_Talking(request, rules.max_tokens) for request in requests]
        for number in range(len(talks)):
            self._ask(number, talks[number], rules)
        engine, self.hits, self.history = self._llm.llm_engine, 0, 0
        while engine.has_unfinished_requests():
            for answer in engine.step():
                if answer.finished:
                    number = int(answer.request_id.partition("-")[0])
                    if talks[number].bridges:
                        self.hits += answer.num_cached_tokens or 0
                        self.history += len(talks[number].history) - len(talks[number].bridges[-1].ids)
                    if talks[number].goes_on(answer.outputs[0].token_ids):
                        self._ask(number, talks[number], rules)
        taken = Taken.of(self._llm.collective_rpc("grail_take")[0], plan.dim)
        made = [taken.generation(number, talk.bridges, rules.eos_ids, plan) for number, talk in enumerate(talks)]
        for talk, generation in zip(talks, made, strict=True):
            if talk.sampled != generation.tokens.tolist():
                raise Unavailable("vLLM sampled other tokens than it was told: use the version of constraints.txt")
        return made

    def _ask(self, number: int, talk: "_Talking", rules: GenerationRules) -> None:
        """The next turn as a request of its own, whose prompt is all that was said: the prefix cache has it."""
        from vllm import SamplingParams

        told = SamplingParams(
            temperature=0,
            max_tokens=talk.limit,
            ignore_eos=True,
            stop_token_ids=list(rules.eos_ids),
            detokenize=False,
            extra_args={FIELD: [number, *key_words(talk.request.key), len(talk.sampled)]},
        )
        name = f"{number}-{len(talk.bridges)}"
        self._llm.llm_engine.add_request(name, {"prompt_token_ids": list(talk.history)}, told)

    def generate_unseeded(
        self, checkpoint: Checkpoint, device: str, requests: Sequence[RolloutRequest], max_tokens: int
    ) -> int:
        """As VllmEngine's."""
        self._load(checkpoint, device)
        from vllm import SamplingParams

        told = SamplingParams(
            temperature=checkpoint.rules.temperature_milli / MILLI,
            max_tokens=max_tokens, ignore_eos=True, detokenize=False,
        )  # fmt: skip
        answers = self._llm.generate([_prompt(request) for request in requests], told, use_tqdm=False)
        return sum(len(answer.outputs[0].token_ids) for answer in answers)

    def _load(self, checkpoint: Checkpoint, device: str) -> None:
        if self._loaded is not None and self._loaded.fingerprint == checkpoint.fingerprint:
            return
        if self._llm is not None and self._loaded is not None and _alike(self._loaded, checkpoint):
            self._llm.collective_rpc("grail_update", args=(str(runnable_folder(checkpoint)),))
            self._llm.reset_prefix_cache()  # what it holds was computed by the weights before
        else:
            self._llm = None
            self._llm = _start(checkpoint, device)
            self._llm.collective_rpc("grail_attach", args=(str(runnable_folder(checkpoint)),))
        self._loaded = checkpoint


class _Talking:
    """One rollout: what it has read and sampled so far, and its world, where there is one."""

    def __init__(self, request: RolloutRequest, most: int) -> None:
        self.request = request
        self.history: list[int] = request.prompt.tolist()
        self.sampled: list[int] = []
        self.bridges: list[Bridge] = []
        self._partner = request.world.begin() if request.world is not None else None
        self._most = most

    @property
    def limit(self) -> int:
        """Most tokens of the next turn."""
        return self._partner.limit if self._partner is not None else self._most

    def goes_on(self, turn: Sequence[int]) -> bool:
        """After a turn: does the world answer?"""
        self.sampled += turn
        bridge = None if self._partner is None else self._partner.answer(np.array(turn, np.int32))
        if bridge is None:
            return False
        self.bridges.append(Bridge(len(self.sampled), bridge))
        self.history += [*turn, *bridge.tolist()]
        return True


_SERVER = _Server()


def _start(checkpoint: Checkpoint, device: str) -> Any:
    # One process: a service is stopped as a whole.
    tell_libraries(VLLM_ENABLE_V1_MULTIPROCESSING="0", VLLM_LOGGING_LEVEL="ERROR")
    if device == "cpu":
        prepare_cpu()
    from vllm import LLM

    from grail.inference.vllm_engine.processors import SeededV1, SeededV2

    get_logger().info("starting vLLM", checkpoint=checkpoint.fingerprint.hex()[:8], device=device)
    seeded = SeededV2 if _runs_v2(device) else SeededV1
    try:
        with readable_modules():
            return LLM(
                model=str(runnable_folder(checkpoint)),
                skip_tokenizer_init=True,
                trust_remote_code=False,
                load_format="safetensors",
                generation_config="vllm",
                dtype=DTYPES[checkpoint.rules.precision],
                max_model_len=min(checkpoint.context, MAX_PROMPT_TOKENS + checkpoint.rules.max_tokens),
                enforce_eager=device == "cpu",
                enable_prefix_caching=True,
                async_scheduling=False,
                disable_log_stats=True,
                logits_processors=[seeded],
                worker_extension_cls="grail.inference.vllm_engine.worker.WorkerExtension",
            )
    except (ValueError, OSError) as error:
        raise BadCheckpoint(f"vLLM cannot load {checkpoint.folder}: {error}") from error


def _prompt(request: RolloutRequest) -> dict[str, list[int]]:
    return {"prompt_token_ids": request.prompt.tolist()}


def _runs_v2(device: str) -> bool:
    from vllm import envs

    return device != "cpu" and envs.VLLM_USE_V2_MODEL_RUNNER is not False


def _alike(one: Checkpoint, other: Checkpoint) -> bool:
    """The same architecture under the same rules: weights can be exchanged in place."""
    return one.rules == other.rules and (one.folder / CONFIG).read_bytes() == (other.folder / CONFIG).read_bytes()


class Taken:
    """What the recorder kept, request by request."""

    def __init__(self, columns: list[np.ndarray], starts: np.ndarray) -> None:
        self._columns = columns
        self._starts = starts

    @classmethod
    def of(cls, raw: Sequence[bytes], dim: int) -> "Taken":
        """Ordered by request and step. Of two choices for one step (a request that was preempted) the last holds."""
        rows, steps, tokens = (np.frombuffer(part, np.int64) for part in raw[:3])
        logprobs, sketch = np.frombuffer(raw[3], np.float32), np.frombuffer(raw[4], np.float32).reshape(-1, dim)
        order = np.lexsort((np.arange(len(rows)), steps, rows))
        last = np.ones(len(order), dtype=bool)
        last[:-1] = (np.diff(rows[order]) != 0) | (np.diff(steps[order]) != 0)
        order = order[last]
        starts = np.searchsorted(rows[order], np.arange(rows.max() + 2))
        return cls([column[order] for column in (tokens, logprobs, sketch)], starts)

    def generation(
        self, number: int, bridges: Sequence[Bridge], eos_ids: Sequence[int], plan: SketchPlan
    ) -> Generation:
        """One rollout, all its turns."""
        part = slice(self._starts[number], self._starts[number + 1])
        tokens, logprobs, sketch = (column[part] for column in self._columns)
        return Generation(
            tokens=tokens.astype(np.int32),
            logprobs=np.minimum(logprobs, 0).astype(np.float16) + np.float16(0),
            sketch=sketch[:: plan.stride].astype(np.float16),
            finish=FINISH_EOS if int(tokens[-1]) in eos_ids else FINISH_LENGTH,
            bridges=tuple(bridges),
        )
