"""Attention over the learner's flat batch: each completion sees its prompt and itself, though a prompt is there once.

Every other part of a model reads one token at a time, so it reads the flat tokens. Attention alone needs whole
sequences: they are gathered here, run through the model's usual causal kernel without a mask, and put back. Gathered
tensors are gathered again for the gradient, so a batch keeps memory only for the tokens that it reads.
"""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils.checkpoint import checkpoint
from transformers import AttentionInterface
from transformers.integrations.sdpa_attention import sdpa_attention_forward

from grail.errors import BadCheckpoint

NAME = "grail_packed"
"""What transformers knows it by: `attn_implementation`."""
KINDS = frozenset({"full_attention", "sliding_attention"})
"""Kinds of layer that can run on a flat batch: anything recurrent would run from one sample into the next."""
UNKNOWN = ("softcap", "s_aux", "position_bias")
"""What some models want of attention beyond a scale and a window."""


@dataclass(frozen=True, slots=True)
class Layout:
    """Where the sequences lie in the flat batch.

    sequences: int64 (samples, longest), the flat place of each token of each sample, filled up with any at its end.
    back: int64 (tokens,), where in `sequences`, flattened, each flat token stands (a prompt's stands in several).
    """

    sequences: Tensor
    back: Tensor

    def to(self, device: torch.device) -> "Layout":
        """The same on another device."""
        return Layout(self.sequences.to(device), self.back.to(device))


def _attend(
    module: Any,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    _mask: Tensor | None,
    *,
    layout: Layout,
    sliding_window: int | None = None,
    dropout: float = 0.0,
    scaling: float | None = None,
    **other: Any,
) -> tuple[Tensor, None]:
    """query: (1, heads, tokens, size); key and value with as many heads or fewer → (1, tokens, heads, size)."""
    if wanted := [name for name in UNKNOWN if other.get(name) is not None]:
        raise BadCheckpoint(f"the learner's attention does not know {', '.join(wanted)}: this model cannot be trained")
    samples, longest = layout.sequences.shape
    mask = None
    if sliding_window is not None and sliding_window < longest:
        place = torch.arange(longest, device=query.device)
        past = place[:, None] - place
        mask = ((past >= 0) & (past < sliding_window))[None, None]

    def gathered(flat: Tensor) -> Tensor:
        own = flat[0].transpose(0, 1).index_select(0, layout.sequences.flatten())
        return own.unflatten(0, (samples, longest)).transpose(1, 2)

    def run(query: Tensor, key: Tensor, value: Tensor) -> Tensor:
        parts = (gathered(query), gathered(key), gathered(value))
        found, _ = sdpa_attention_forward(module, *parts, mask, dropout=dropout, scaling=scaling)
        return found.flatten(0, 1).index_select(0, layout.back)

    return checkpoint(run, query, key, value, use_reentrant=False)[None], None


AttentionInterface.register(NAME, _attend)
