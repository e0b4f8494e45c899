"""Log-probabilities of sampled tokens without the logits of all: the LM head in pieces, forward and backward.

A piece's logits live while it is computed, and are computed again for its gradient. What is kept is one number a token.
"""

from typing import Any

import torch
from torch import Tensor

PIECE = 1_024
"""Tokens of one LM-head product."""


class _ChosenLogprobs(torch.autograd.Function):
    """log softmax(scale · h Wᵀ)[y] for each token; float32, whatever the states are."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, targets: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        chosen, normalisers, entropies = [], [], []
        for first in range(0, len(states), PIECE):
            part = slice(first, first + PIECE)
            logits = torch.nn.functional.linear(states[part].float(), weight.float()).mul_(scale)
            normaliser = torch.logsumexp(logits, dim=1)
            chosen.append(logits.gather(1, targets[part, None])[:, 0] - normaliser)
            mean = (torch.softmax(logits, dim=1) * logits).sum(dim=1)
            entropies.append(normaliser - mean)
            normalisers.append(normaliser)
        ctx.save_for_backward(states, weight, targets, torch.cat(normalisers))
        ctx.scale = scale
        entropy = torch.cat(entropies)
        ctx.mark_non_differentiable(entropy)
        return torch.cat(chosen), entropy

    @staticmethod
    def backward(ctx: Any, grad: Tensor, _entropy: Tensor) -> tuple[Tensor, Tensor, None, None]:
        states, weight, targets, normalisers = ctx.saved_tensors
        wide = weight.float()
        grad_states = torch.empty_like(states)
        grad_weight = torch.zeros_like(wide)
        for first in range(0, len(states), PIECE):
            part = slice(first, first + PIECE)
            own = states[part].float()
            shares = torch.nn.functional.linear(own, wide).mul_(ctx.scale)
            shares.sub_(normalisers[part, None]).exp_().neg_()
            shares.scatter_add_(1, targets[part, None], torch.ones_like(targets[part, None], dtype=shares.dtype))
            shares.mul_((grad[part] * ctx.scale)[:, None])
            grad_states[part] = (shares @ wide).to(states.dtype)
            grad_weight.addmm_(shares.T, own)
        return grad_states, grad_weight.to(weight.dtype), None, None


def chosen_logprobs(states: Tensor, weight: Tensor, targets: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """log softmax(scale · h Wᵀ)[y] of each token and the entropy of its distribution (nats, no gradient), (tokens,).

    states: (tokens, hidden). weight: (vocab, hidden). targets: int64 (tokens,). scale: 1 / T.
    """
    found: tuple[Tensor, Tensor] = _ChosenLogprobs.apply(states, weight, targets, scale)
    return found
