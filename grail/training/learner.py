"""The learner: GRPO updates on verified groups; saved and resumed bit for bit."""

import json
import math
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import AutoModelForCausalLM

from grail.checkpoints.files import SIDE_FILES, WEIGHTS, Checkpoint
from grail.config import TrainingSettings
from grail.errors import BadCheckpoint
from grail.protocol.constants import MILLI
from grail.training.advantages import group_normalised
from grail.training.batch import TrainingBatch, TrainingGroup, collate
from grail.training.filters import keep_signal
from grail.training.losses import LossInputs, grpo
from grail.training.weights import write_weights

MICRO_TOKENS = 16_384
"""Tokens of one forward and backward pass; larger minibatches accumulate gradients."""
STEP_FILE = "learner.json"
STATE_FILE = "optimizer.safetensors"


@dataclass(frozen=True, slots=True)
class UpdateReport:
    """What one update did. Accuracy is the share of full rewards among all verified rollouts."""

    groups: int
    used: int
    no_signal: int
    stale: int
    reward: float
    steps: int
    loss: float
    kl: float
    clipped: float
    gradient_norm: float


class Learner:
    """Owns the weights being trained, in float32, and AdamW's state."""

    def __init__(self, checkpoint: Checkpoint, settings: TrainingSettings, state: Path | None = None) -> None:
        """Starts from `checkpoint`, with the optimizer state in folder `state` when it is there."""
        self._checkpoint = checkpoint
        self._settings = settings
        self.model = AutoModelForCausalLM.from_pretrained(
            checkpoint.folder, dtype=torch.float32, local_files_only=True, trust_remote_code=False, use_safetensors=True
        )
        self.model.train()
        self._parameters = [p for p in self.model.parameters() if p.requires_grad]
        self._optimizer = torch.optim.AdamW(
            self._parameters,
            lr=settings.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=settings.weight_decay,
        )
        self._updates = 0
        self._steps = 0
        if state is not None and (state / STEP_FILE).exists():
            self._resume(state)

    def update(self, groups: Sequence[TrainingGroup], version: int) -> UpdateReport:
        """One window's optimizer steps. `version`: the checkpoint version that the weights are now."""
        kept = keep_signal(groups, version, self._settings.max_staleness)
        rewards = [rollout.reward for group in groups for rollout in group.rollouts]
        rollouts = [rollout for group in kept.groups for rollout in group.rollouts]
        advantages = [a for group in kept.groups for a in group_normalised([r.reward for r in group.rollouts])]
        steps: list[tuple[float, float, float, float]] = []
        if rollouts:
            shuffle = torch.Generator().manual_seed(self._settings.seed * 1_000_003 + self._updates)
            for _ in range(self._settings.epochs):
                order = torch.randperm(len(rollouts), generator=shuffle)
                for part in order.chunk(self._settings.minibatches):
                    chosen = part.tolist()
                    steps.append(self._step([rollouts[i] for i in chosen], [advantages[i] for i in chosen]))
        self._updates += 1
        means = [sum(column) / len(steps) for column in zip(*steps, strict=True)] if steps else [0.0] * 4
        return UpdateReport(
            groups=len(groups),
            used=len(kept.groups),
            no_signal=kept.no_signal,
            stale=kept.stale,
            reward=sum(rewards) / len(rewards) if rewards else 0.0,
            steps=len(steps),
            loss=means[0],
            kl=means[1],
            clipped=means[2],
            gradient_norm=means[3],
        )

    def save(self, folder: Path) -> None:
        """Write a checkpoint folder: weights in the precision class's dtype, side files as they were."""
        folder.mkdir(parents=True, exist_ok=True)
        for name in SIDE_FILES:
            source = self._checkpoint.folder / name
            if source.exists():
                shutil.copyfile(source, folder / name)
        dtype = torch.bfloat16 if self._checkpoint.rules.precision == "bf16" else torch.float32
        write_weights(self.model, folder / WEIGHTS, dtype)

    def save_state(self, folder: Path) -> None:
        """Write the master weights and the optimizer state, so that a resumed learner goes on bit for bit."""
        folder.mkdir(parents=True, exist_ok=True)
        tensors: dict[str, Tensor] = {}
        for number, parameter in enumerate(self._parameters):
            tensors[f"{number}.master"] = parameter.detach().clone()
            for name, value in self._optimizer.state.get(parameter, {}).items():
                tensors[f"{number}.{name}"] = value.clone()
        save_file(tensors, str(folder / STATE_FILE))
        (folder / STEP_FILE).write_text(json.dumps({"updates": self._updates, "steps": self._steps}))

    def _resume(self, folder: Path) -> None:
        tensors = load_file(str(folder / STATE_FILE))
        counts = json.loads((folder / STEP_FILE).read_text())
        self._updates, self._steps = counts["updates"], counts["steps"]
        for number, parameter in enumerate(self._parameters):
            master = tensors.get(f"{number}.master")
            if master is None or master.shape != parameter.shape:
                raise BadCheckpoint(f"expected the optimizer state of this model in {folder}: delete the folder")
            parameter.data.copy_(master)
            state = {
                name: tensors[f"{number}.{name}"]
                for name in ("step", "exp_avg", "exp_avg_sq")
                if f"{number}.{name}" in tensors
            }
            if state:
                self._optimizer.state[parameter] = state

    def _step(self, rollouts: list, advantages: list[float]) -> tuple[float, float, float, float]:
        """One optimizer step over a minibatch, in pieces of bounded size: (loss, kl, clipped, gradient norm)."""
        self._optimizer.zero_grad(set_to_none=True)
        total = sum(len(rollout.tokens) for rollout in rollouts)
        sums = [0.0, 0.0, 0.0]
        order = sorted(range(len(rollouts)), key=lambda i: len(rollouts[i].prompt) + len(rollouts[i].tokens))
        for places in _micro_batches(order, rollouts):
            batch = collate([rollouts[i] for i in places], [advantages[i] for i in places])
            outputs = grpo(
                LossInputs(self._logprobs(batch), batch.behaviour, batch.advantages),
                self._settings.clip_low,
                self._settings.clip_high,
            )
            share = len(batch.targets) / total
            (outputs.loss * share).backward()
            for i, value in enumerate((outputs.loss.item(), outputs.kl, outputs.clipped)):
                sums[i] += value * share
        norm = torch.nn.utils.clip_grad_norm_(self._parameters, self._settings.gradient_norm)
        self._steps += 1
        for group in self._optimizer.param_groups:
            group["lr"] = self._settings.learning_rate * rate_factor(self._steps, self._settings.warmup_steps)
        self._optimizer.step()
        return sums[0], sums[1], sums[2], float(norm)

    def _logprobs(self, batch: TrainingBatch) -> Tensor:
        """log π of every sampled token at the checkpoint's temperature, float32 (tokens,)."""
        answer = self.model.base_model(input_ids=batch.ids, attention_mask=batch.mask)
        states = answer.last_hidden_state[batch.rows, batch.positions]
        logits = self.model.get_output_embeddings()(states).float()
        scaled = logits * (MILLI / self._checkpoint.rules.temperature_milli)
        return scaled.log_softmax(-1).gather(1, batch.targets[:, None])[:, 0]


def rate_factor(step: int, warmup: int) -> float:
    """Share of the full learning rate at optimizer step `step` (from 1): linear warm-up, then ~ 1/sqrt(step).

    Needs no horizon, which a network without an end does not have. Source: Vaswani et al., "Attention Is All You Need",
    2017, section 5.3.
    """
    return min(step / warmup, math.sqrt(warmup / step))


def _micro_batches(order: list[int], rollouts: list) -> list[list[int]]:
    batches: list[list[int]] = [[]]
    for place in order:
        width = len(rollouts[place].prompt) + len(rollouts[place].tokens)
        if batches[-1] and (len(batches[-1]) + 1) * width > MICRO_TOKENS:
            batches.append([])
        batches[-1].append(place)
    return batches


def report_fields(report: UpdateReport) -> dict[str, float]:
    """The report as plain numbers for logs."""
    return asdict(report)
