"""Objectives: pure functions from tensors to a loss with its metrics."""

from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True)
class LossInputs:
    """Per sampled token, all float32 (tokens,): log-probability now, when sampled, and the rollout's advantage."""

    logprobs: Tensor
    behaviour: Tensor
    advantages: Tensor


@dataclass(frozen=True, slots=True)
class LossOutputs:
    """The scalar to minimise; the share of clipped tokens; the estimate of KL(behaviour ‖ policy) in nats a token."""

    loss: Tensor
    clipped: float
    kl: float


def grpo(inputs: LossInputs, clip_low: float, clip_high: float) -> LossOutputs:
    """−mean over tokens of min(ρ A, clip(ρ, 1 − low, 1 + high) A), ρ = exp(logπ − logπ_behaviour).

    Source: Shao et al., "DeepSeekMath", 2024 (GRPO); token-level mean and asymmetric clip: Yu et al., "DAPO", 2025.
    KL by the k3 estimator (Schulman 2020): exp(−d) − 1 + d with d = logπ − logπ_behaviour, negated for the direction.
    """
    difference = inputs.logprobs - inputs.behaviour
    ratio = difference.exp()
    bounded = ratio.clamp(1 - clip_low, 1 + clip_high)
    surrogate = torch.minimum(ratio * inputs.advantages, bounded * inputs.advantages)
    with torch.no_grad():
        clipped = (surrogate != ratio * inputs.advantages).float().mean().item()
        kl = (ratio - 1 - difference).mean().item()
    return LossOutputs(-surrogate.mean(), clipped, kl)
