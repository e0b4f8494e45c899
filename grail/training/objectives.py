"""Objectives: pure functions from tensors to a loss with its metrics.

All share three numbers a token: the log-probability now (π), when the update began (`old`, π_old), and when it was
sampled (`behaviour`, μ). ρ = π / π_old is what clipping bounds; min(π_old / μ, truncation), where asked for, corrects
what the rollout's policy was otherwise (truncated importance sampling: Ionides 2008; Yao et al. 2025). A token's
`weight` says how the objective averages; the weights of a whole minibatch are computed before it is cut into pieces, so
that pieces add up.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """Sampled tokens of whole rollouts, float32 (tokens,) each; `rows`, int64 (tokens,), numbers their rollouts from 0.

    `reference`: log-probability under a reference policy, where KL to one is asked for.
    """

    logprobs: Tensor
    old: Tensor
    behaviour: Tensor
    advantages: Tensor
    weights: Tensor
    rows: Tensor
    reference: Tensor | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """Numbers of an objective. `two_sided`: INTELLECT-2's δ; `truncation`: the most that π_old / μ counts for."""

    clip_low: float = 0.2
    clip_high: float = 0.28
    two_sided: float = 4.0
    truncation: float | None = None
    kl_weight: float = 0.0


@dataclass(frozen=True, slots=True)
class Loss:
    """The scalar to minimise; weighted shares of tokens clipped below and above; KL to μ and to the reference, nats."""

    loss: Tensor
    clipped_low: float
    clipped_high: float
    kl: float
    kl_reference: float


Objective = Callable[[Tokens, Shape], Loss]


def grpo(tokens: Tokens, shape: Shape) -> Loss:
    """−Σ w min(ρ A, clip(ρ, 1 − low, 1 + high) A).

    GRPO (Shao et al., "DeepSeekMath", arXiv:2402.03300), Dr. GRPO (Liu et al., arXiv:2503.20783) and DAPO (Yu et al.,
    arXiv:2503.14476; asymmetric clip) are this with the weights of `OBJECTIVES`.
    """
    ratio = (tokens.logprobs - tokens.old).exp()
    return _loss(tokens, shape, _clipped(tokens, shape, ratio, ratio), ratio)


def two_sided_grpo(tokens: Tokens, shape: Shape) -> Loss:
    """−Σ w min(min(ρ, δ) A, clip(ρ, 1 − low, 1 + high) A): a large ρ with A < 0 is bounded, too.

    Source: "INTELLECT-2", arXiv:2505.07291, section 3.4.
    """
    ratio = (tokens.logprobs - tokens.old).exp()
    return _loss(tokens, shape, _clipped(tokens, shape, ratio, ratio.clamp(max=shape.two_sided)), ratio)


def gspo(tokens: Tokens, shape: Shape) -> Loss:
    """−Σ w min(s A, clip(s, 1 − low, 1 + high) A), s = (π(y) / π_old(y))^(1/|y|): one ratio for a rollout.

    Source: Zheng et al., "Group Sequence Policy Optimization", arXiv:2507.18071. Its clips are of the order 3e-4.
    """
    count = int(tokens.rows.max()) + 1
    lengths = torch.bincount(tokens.rows, minlength=count).clamp(min=1)
    sums = torch.zeros(count, dtype=tokens.logprobs.dtype, device=tokens.logprobs.device)
    means = sums.index_add(0, tokens.rows, tokens.logprobs - tokens.old) / lengths
    ratio = means.exp()[tokens.rows]
    return _loss(tokens, shape, _clipped(tokens, shape, ratio, ratio), ratio)


def cispo(tokens: Tokens, shape: Shape) -> Loss:
    """−Σ w sg(clip(ρ, 1 − low, 1 + high)) A log π: clipped weights, and no token loses its gradient.

    Source: "MiniMax-M1", arXiv:2506.13585, section 3.1.
    """
    ratio = (tokens.logprobs - tokens.old).exp()
    bounded = ratio.detach().clamp(1 - shape.clip_low, 1 + shape.clip_high)
    return _loss(tokens, shape, bounded * tokens.advantages * tokens.logprobs, ratio)


def _clipped(tokens: Tokens, shape: Shape, ratio: Tensor, free: Tensor) -> Tensor:
    """min(free A, clip(ρ, 1 − low, 1 + high) A)."""
    bounded = ratio.clamp(1 - shape.clip_low, 1 + shape.clip_high)
    return torch.minimum(free * tokens.advantages, bounded * tokens.advantages)


def _loss(tokens: Tokens, shape: Shape, gain: Tensor, ratio: Tensor) -> Loss:
    """Weigh, correct and measure. KL by the k3 estimator (Schulman 2020): exp(d) − 1 − d."""
    weights = tokens.weights
    if shape.truncation is not None:
        weights = weights * (tokens.old - tokens.behaviour).exp().clamp(max=shape.truncation)
    loss = -(weights * gain).sum()
    reference = torch.zeros_like(tokens.logprobs)
    if tokens.reference is not None:
        difference = tokens.reference - tokens.logprobs
        reference = difference.exp() - 1 - difference
        loss = loss + shape.kl_weight * (tokens.weights * reference).sum()
    with torch.no_grad():
        moved = tokens.logprobs - tokens.behaviour
        low = (ratio < 1 - shape.clip_low) & (tokens.advantages < 0)
        high = (ratio > 1 + shape.clip_high) & (tokens.advantages > 0)
        return Loss(
            loss,
            float((tokens.weights * low).sum()),
            float((tokens.weights * high).sum()),
            float((tokens.weights * (moved.exp() - 1 - moved)).sum()),
            float((tokens.weights * reference).sum()),
        )


def _by_rollout(lengths: Sequence[int], _longest: int) -> list[float]:
    return [1 / (len(lengths) * length) for length in lengths]


def _by_longest(lengths: Sequence[int], longest: int) -> list[float]:
    return [1 / (len(lengths) * longest)] * len(lengths)


def _by_token(lengths: Sequence[int], _longest: int) -> list[float]:
    return [1 / sum(lengths)] * len(lengths)


Weighing = Callable[[Sequence[int], int], list[float]]
"""(lengths of a minibatch's rollouts, longest completion there may be) → the weight of each token of each rollout."""
OBJECTIVES: Mapping[str, tuple[Objective, Weighing, str]] = {
    "grpo": (grpo, _by_rollout, "normalised"),
    "dr_grpo": (grpo, _by_longest, "centred"),
    "dapo": (grpo, _by_token, "normalised"),
    "two_sided_grpo": (two_sided_grpo, _by_token, "normalised"),
    "gspo": (gspo, _by_rollout, "normalised"),
    "cispo": (cispo, _by_token, "normalised"),
}
"""Name → the function, how it averages tokens, and the advantages that its paper uses (`advantages.ADVANTAGES`)."""
