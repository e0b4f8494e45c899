"""The learner: policy-gradient updates on verified groups; saved and resumed bit for bit."""

import json
import math
import shutil
import time
import warnings
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.distributed import checkpoint as dcp
from transformers import AutoModelForCausalLM

from grail.checkpoints.files import SIDE_FILES, WEIGHTS, Checkpoint, open_checkpoint
from grail.config import TrainingSettings
from grail.errors import BadCheckpoint, SettingsError
from grail.inference.adapters import runnable_folder
from grail.protocol.constants import MILLI
from grail.training.advantages import ADVANTAGES
from grail.training.batch import (
    Sample,
    TrainingBatch,
    TrainingGroup,
    TrainingRollout,
    collate,
    micro_batches,
)
from grail.training.filters import choose
from grail.training.lora import add_adapter, write_adapter
from grail.training.objectives import OBJECTIVES, Loss, Shape, Tokens
from grail.training.policy import Policy
from grail.training.sharding import rank, sharded, share, summed, whole, world
from grail.training.weights import own_tensors, write_weights

MICRO_TOKENS = {"cpu": 2_048, "cuda": 32_768}
"""Tokens of one forward and backward pass: what it remembers is most of a learner's memory, and a CPU is no faster with
more. Larger minibatches accumulate gradients.
"""
STEP_FILE = "learner.json"
STATE = "state"


@dataclass(frozen=True, slots=True)
class Step:
    """What one optimizer step measured: weighted means over its tokens, the gradient's norm before clipping."""

    loss: float
    kl: float
    kl_reference: float
    clipped_low: float
    clipped_high: float
    entropy: float
    gradient_norm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class UpdateReport:
    """What one update did. `reward`, `spread`: mean and standard deviation of all verified rollouts'. `alarm`: why the
    result must not be published.
    """

    groups: int
    used: int
    dropped: dict[str, int]
    reward: float
    rollouts: int = 0
    spread: float = 0.0
    rewards: dict[str, float] = field(default_factory=dict)
    shares: dict[str, float] = field(default_factory=dict)
    length: float = 0.0
    staleness: float = 0.0
    steps: int = 0
    loss: float = 0.0
    kl: float = 0.0
    kl_reference: float = 0.0
    clipped_low: float = 0.0
    clipped_high: float = 0.0
    entropy: float = 0.0
    gradient_norm: float = 0.0
    tokens: int = 0
    seconds: float = 0.0
    alarm: str = ""


class Learner:
    """Owns the weights being trained, in float32, and AdamW's state."""

    def __init__(
        self, checkpoint: Checkpoint, settings: TrainingSettings, state: Path | None = None, device: str = "cpu"
    ) -> None:
        """Starts from `checkpoint`, with the optimizer state in folder `state` when it is there."""
        self._checkpoint = checkpoint
        self._settings = settings
        self._device = device
        folder = checkpoint.folder if settings.lora_rank else runnable_folder(checkpoint)
        self.model = _loaded(folder, device).train()
        if settings.lora_rank:
            add_adapter(self.model, checkpoint, settings)
        if settings.gradient_checkpointing:
            self.model.gradient_checkpointing_enable()
        self.policy = self._policy_of(self.model)
        self._reference = self._reference_policy()
        self._parameters = [p for p in self.model.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
        )
        self._objective, self._weighing, own = OBJECTIVES[settings.objective]
        self._advantages = ADVANTAGES[settings.advantages or own]
        self._old: dict[int, NDArray[np.float32]] = {}
        self._drawn_to: dict[int, NDArray[np.float32]] = {}
        self._updates = 0
        self._steps = 0
        if state is not None and (state / STEP_FILE).exists():
            self._resume(state)

    def _policy_of(self, model: Any) -> Policy:
        scale = MILLI / self._checkpoint.rules.temperature_milli
        policy = Policy(model, scale, half=self._settings.compute == "bf16")
        sharded(policy, model.base_model.layers)
        return policy

    def _reference_policy(self) -> Policy | None:
        """What the KL term draws towards, where there is one. Raises SettingsError without a folder."""
        own = self._settings
        if not own.kl_weight:
            return None
        if own.reference is None:
            raise SettingsError("training.kl_weight needs training.reference, the folder of a checkpoint")
        model = _loaded(runnable_folder(open_checkpoint(own.reference)), self._device).eval()
        return self._policy_of(model.requires_grad_(False))

    def update(self, groups: Sequence[TrainingGroup], version: int) -> UpdateReport:
        """One window's optimizer steps. `version`: the checkpoint version that the weights are now."""
        began = time.perf_counter()
        chosen = choose(groups, self._settings)
        steps: list[Step] = []
        read = 0
        self._old, self._drawn_to = {}, {}
        if chosen.groups:
            wanted = self._samples(chosen.groups)
            if self._settings.truncation:
                self._old = self._logprobs_of(wanted, self.policy)
            if self._reference is not None:
                self._drawn_to = self._logprobs_of(wanted, self._reference)
            shuffle = torch.Generator().manual_seed(self._settings.seed * 1_000_003 + self._updates)
            for _ in range(self._settings.epochs):
                order = torch.randperm(len(chosen.groups), generator=shuffle)
                for part in order.chunk(self._settings.minibatches):
                    step, tokens = self._step([chosen.groups[i] for i in part.tolist()])
                    steps.append(step)
                    read += tokens
        self._updates += 1
        means = {name: sum(getattr(s, name) for s in steps) / max(1, len(steps)) for name in Step.__slots__}
        return UpdateReport(
            groups=len(groups),
            used=len(chosen.groups),
            dropped=dict(chosen.dropped),
            steps=len(steps),
            tokens=read,
            alarm=self._alarm(steps),
            seconds=time.perf_counter() - began,
            **_facts(groups, chosen.groups, version),
            **means,
        )

    def save(self, folder: Path) -> None:
        """Write a checkpoint folder: weights in the precision class's dtype, side files as they were."""
        dtype = torch.bfloat16 if self._checkpoint.rules.precision == "bf16" else torch.float32
        folder.mkdir(parents=True, exist_ok=True)
        if self._settings.lora_rank:
            write_adapter(self.model, self._checkpoint, self._settings, folder)
        else:
            weights = own_tensors(self.model, dtype)
            if rank() == 0:
                write_weights(weights, folder / WEIGHTS)
        if rank() == 0:
            for name in SIDE_FILES:
                source = self._checkpoint.folder / name
                if source.exists():
                    shutil.copyfile(source, folder / name)

    def save_state(self, folder: Path) -> None:
        """Write the master weights and the optimizer state, so that a resumed learner goes on bit for bit, on as many
        processes as it likes.
        """
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="torch.distributed is")  # it is not: one process saves alone
            dcp.state_dict_saver.save(self._state(), checkpoint_id=folder / STATE, no_dist=world() == 1)
        if rank() == 0:
            counts = {"updates": self._updates, "steps": self._steps, "shapes": self._shapes}
            (folder / STEP_FILE).write_text(json.dumps(counts))

    @property
    def _shapes(self) -> list[list[int]]:
        return [list(parameter.shape) for parameter in self._parameters]

    def _state(self) -> dict[str, Tensor]:
        """Every tensor of the state by name, the ones themselves."""
        tensors: dict[str, Tensor] = {}
        for number, parameter in enumerate(self._parameters):
            tensors[f"{number}.master"] = parameter.detach()
            for name, value in self._optimizer.state.get(parameter, {}).items():
                tensors[f"{number}.{name}"] = value
        return tensors

    def _resume(self, folder: Path) -> None:
        counts = json.loads((folder / STEP_FILE).read_text())
        if counts["shapes"] != self._shapes:
            raise BadCheckpoint(f"expected the optimizer state of this model in {folder}: delete the folder")
        self._updates, self._steps = counts["updates"], counts["steps"]
        if self._steps:
            for parameter in self._parameters:
                self._optimizer.state[parameter] = {
                    "step": torch.zeros(()),
                    "exp_avg": torch.zeros_like(parameter),
                    "exp_avg_sq": torch.zeros_like(parameter),
                }
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="torch.distributed is")
            dcp.state_dict_loader.load(self._state(), checkpoint_id=folder / STATE, no_dist=world() == 1)

    def _step(self, groups: Sequence[TrainingGroup]) -> tuple[Step, int]:
        """One optimizer step over a minibatch, in pieces of bounded size; and how many tokens were read."""
        self._optimizer.zero_grad(set_to_none=True)
        samples = self._samples(groups)
        sums = dict.fromkeys((*Step.__slots__[:-1], "read"), 0.0)
        for piece, counts in share(micro_batches(samples, MICRO_TOKENS[self._device])):
            batch = collate(piece)
            if not counts:
                batch = replace(batch, weights=torch.zeros_like(batch.weights))
            found, entropy = self.loss(batch)
            found.loss.backward()
            sums["loss"] += found.loss.item()
            sums["entropy"] += entropy
            for name in ("kl", "kl_reference", "clipped_low", "clipped_high"):
                sums[name] += getattr(found, name)
            sums["read"] += batch.ids.numel() * counts
        norm = float(whole(torch.nn.utils.clip_grad_norm_(self._parameters, self._settings.gradient_norm)))
        self._steps += 1
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * rate_factor(self._steps, self._settings.warmup_steps)
        self._optimizer.step()
        sums = summed(sums)
        return Step(**{name: sums[name] for name in sums if name != "read"}, gradient_norm=norm), int(sums["read"])

    def loss(self, batch: TrainingBatch) -> tuple[Loss, float]:
        """The objective's part of a batch, and its weighted entropy (nats)."""
        logprobs, entropy = self.policy(batch)
        weights = batch.weights.to(self._device)
        tokens = Tokens(
            logprobs=logprobs,
            old=batch.old.to(self._device),
            behaviour=batch.behaviour.to(self._device),
            advantages=batch.advantages.to(self._device),
            weights=weights,
            rows=batch.samples.to(self._device),
            reference=None if batch.reference is None else batch.reference.to(self._device),
        )
        return self._objective(tokens, self._shape), float((weights * entropy).sum())

    def _samples(self, groups: Sequence[TrainingGroup]) -> list[Sample]:
        rollouts = [rollout for group in groups for rollout in group.rollouts]
        advantages = [a for group in groups for a in self._advantages([r.reward for r in group.rollouts])]
        lengths = [len(rollout.tokens) for rollout in rollouts]
        weights = self._weighing(lengths, self._checkpoint.rules.max_tokens)
        return [
            Sample(rollout=r, advantage=a, weight=w, old=self._old.get(id(r)), reference=self._drawn_to.get(id(r)))
            for r, a, w in zip(rollouts, advantages, weights, strict=True)
        ]

    def logprobs(self, rollouts: Sequence[TrainingRollout]) -> list[NDArray[np.float32]]:
        """logπ of every token of each by the weights as they are, float32 (n,) each."""
        samples = [Sample(rollout=rollout, advantage=0.0, weight=0.0) for rollout in rollouts]
        found = self._logprobs_of(samples, self.policy)
        return [found[id(rollout)] for rollout in rollouts]

    @torch.no_grad()
    def _logprobs_of(self, wanted: Sequence[Sample], policy: Policy) -> dict[int, NDArray[np.float32]]:
        """logπ of every rollout by a policy as it is, by the rollout's identity."""
        found: dict[int, NDArray[np.float32]] = {}
        for piece in micro_batches(wanted, MICRO_TOKENS[self._device]):
            logprobs = policy(collate(piece))[0].cpu().numpy()
            samples = [sample for row in piece for sample in row]
            ends = np.cumsum([len(sample.rollout.tokens) for sample in samples])
            found |= {id(s.rollout): part for s, part in zip(samples, np.split(logprobs, ends[:-1]), strict=True)}
        return found

    @property
    def _shape(self) -> Shape:
        own = self._settings
        names = ("clip_low", "clip_high", "two_sided", "truncation", "kl_weight")
        return Shape(**{name: getattr(own, name) for name in names})

    def _alarm(self, steps: Sequence[Step]) -> str:
        """Why the weights must not be published; empty where nothing is wrong."""
        for step in steps:
            if not math.isfinite(step.loss) or not math.isfinite(step.gradient_norm):
                return "the loss or its gradient is no number"
            if step.gradient_norm > self._settings.alarm_gradient_norm:
                return f"gradient norm {step.gradient_norm:.3g} over {self._settings.alarm_gradient_norm:.3g}"
            if step.kl > self._settings.alarm_kl:
                return f"KL to the miners' policy {step.kl:.3g} over {self._settings.alarm_kl:.3g} nats a token"
        return ""


def _loaded(folder: Path, device: str) -> Any:
    return AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False, use_safetensors=True
    ).to(device)


def _facts(groups: Sequence[TrainingGroup], used: Sequence[TrainingGroup], version: int) -> dict:
    """What the groups themselves say."""
    rewards = [rollout.reward for group in groups for rollout in group.rollouts]
    by_environment: dict[str, list[float]] = {}
    for group in groups:
        by_environment.setdefault(group.environment, []).extend(rollout.reward for rollout in group.rollouts)
    miners = Counter(group.miner.hex() for group in used)
    lengths = [len(rollout.tokens) for group in used for rollout in group.rollouts]
    return {
        "reward": sum(rewards) / max(1, len(rewards)),
        "rollouts": len(rewards),
        "spread": float(np.std(rewards)) if rewards else 0.0,
        "rewards": {name: sum(values) / len(values) for name, values in by_environment.items()},
        "shares": {miner: count / len(used) for miner, count in miners.items()},
        "length": sum(lengths) / max(1, len(lengths)),
        "staleness": sum(version - group.checkpoint_version for group in used) / max(1, len(used)),
    }


def rate_factor(step: int, warmup: int) -> float:
    """Share of the full learning rate at optimizer step `step` (from 1): linear warm-up, then ~ 1/sqrt(step).

    Needs no horizon, which a network without an end does not have. Source: Vaswani et al., "Attention Is All You Need",
    2017, section 5.3.
    """
    return min(step / warmup, math.sqrt(warmup / step))
