"""Log-probabilities of sampled tokens without the logits of all: the LM head in pieces, forward and backward.

A piece's logits live while it is computed, and are computed again for its gradient, in memory that all pieces use: on a
CPU, fetching fresh pages costs as much as the arithmetic. What is kept is one number a token.
"""

from typing import Any

import torch
from torch import Tensor

PIECE = 512
"""Tokens of one LM-head product."""


class _ChosenLogprobs(torch.autograd.Function):
    """log softmax(scale · h Wᵀ)[y] for each token; float32, whatever the states are."""

    @staticmethod
    def forward(ctx: Any, states: Tensor, weight: Tensor, targets: Tensor, scale: float) -> tuple[Tensor, Tensor]:
        chosen, normalisers, entropies = [], [], []
        wide = weight.float()
        space, other = (states.new_empty((min(PIECE, len(states)), len(weight)), dtype=torch.float32) for _ in "12")
        for first in range(0, len(states), PIECE):
            part = slice(first, first + PIECE)
            own = states[part].float() * scale
            logits = torch.mm(own, wide.T, out=space[: len(own)])
            most = logits.amax(dim=1)
            shares = torch.exp(logits.sub_(most[:, None]), out=other[: len(own)])
            total = shares.sum(dim=1)
            normaliser = total.log()
            mean = torch.bmm(shares[:, None], logits[:, :, None])[:, 0, 0] / total
            chosen.append(logits.gather(1, targets[part, None])[:, 0] - normaliser)
            entropies.append(normaliser - mean)
            normalisers.append(normaliser + most)
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
        space = states.new_empty((min(PIECE, len(states)), len(weight)), dtype=torch.float32)
        for first in range(0, len(states), PIECE):
            part = slice(first, first + PIECE)
            own = states[part].float() * ctx.scale
            shares = torch.mm(own, wide.T, out=space[: len(own)])
            shares.sub_(normalisers[part, None]).exp_().mul_(-grad[part, None])
            shares.scatter_add_(1, targets[part, None], grad[part, None])
            grad_states[part] = (shares @ wide).mul_(ctx.scale).to(states.dtype)
            grad_weight.addmm_(shares.T, own)
        return grad_states, grad_weight.to(weight.dtype), None, None


def chosen_logprobs(states: Tensor, weight: Tensor, targets: Tensor, scale: float) -> tuple[Tensor, Tensor]:
    """log softmax(scale · h Wᵀ)[y] of each token and the entropy of its distribution (nats, no gradient), (tokens,).

    states: (tokens, hidden). weight: (vocab, hidden). targets: int64 (tokens,). scale: 1 / T.
    """
    found: tuple[Tensor, Tensor] = _ChosenLogprobs.apply(states, weight, targets, scale)
    return found
