"""bf16 models on a CPU: products of bf16 numbers, summed in float32, rounded to bf16, as accelerators do it.

Instructions for that (AVX-512 BF16, AMX) are some four times faster than float32 ones; without them torch's own bf16
product is six times slower than a float32 one (bf16 operands are exact in float32). Which it is on a CPU is measured,
once a process. Attention is in float32 either way: torch's own, over repeated keys, takes five times as long.
"""

from functools import cache
from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

from grail.inference.cpu_instructions import avoid_broken_instructions
from grail.telemetry.timing import best_rounds

ATTENTION = "float32_grouped"
PROBE, PROBES = 512, 5
"""Rows, inputs and outputs of the products that are timed, a few milliseconds each, and how often."""
CLEARLY = 1.5
"""Times faster that bf16 must be to be taken, so that a busy moment does not decide."""


class WideLinear(nn.Linear):
    """A linear layer that keeps a float32 copy of its bf16 weight, for use without gradients."""

    wide: Tensor

    def forward(self, states: Tensor) -> Tensor:
        """As nn.Linear; bf16 in, bf16 out."""
        if states.dtype is not torch.bfloat16 or torch.is_grad_enabled():
            return super().forward(states)
        answer = nn.functional.linear(states.float(), self.wide)
        if self.bias is not None:
            answer += self.bias.float()
        return answer.to(states.dtype)


def _attention(
    module: nn.Module,
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attention_mask: Tensor | None,
    scaling: float | None = None,
    **_: Any,
) -> tuple[Tensor, None]:
    """Attention of grouped query heads without repeating keys; the interface is transformers'.

    query (rows, heads, n, d); key and value (rows, key heads, m, d); returns (rows, n, heads, d).
    """
    answer = nn.functional.scaled_dot_product_attention(
        query.float(),
        key.float(),
        value.float(),
        attn_mask=attention_mask,
        scale=scaling,
        is_causal=attention_mask is None and query.shape[2] > 1,
        enable_gqa=query.shape[1] != key.shape[1],
    )
    return answer.to(query.dtype).transpose(1, 2).contiguous(), None


def fit_to_cpu(model: Any) -> None:
    """Give `model` (transformers) the arithmetic of this file, in place; again where weights have changed since."""
    AttentionInterface.register(ATTENTION, _attention)
    AttentionMaskInterface.register(ATTENTION, sdpa_mask)
    if model.config._attn_implementation == "sdpa":
        model.set_attn_implementation(ATTENTION)
    head = model.get_output_embeddings()
    layers = [
        module
        for module in model.modules()
        if module is not head and type(module) in (nn.Linear, WideLinear) and module.weight.dtype is torch.bfloat16
    ]
    if layers and not bf16_products_pay():
        for layer in layers:
            layer.__class__ = WideLinear
            layer.wide = layer.weight.detach().float()


@cache
def bf16_products_pay() -> bool:
    """Has this CPU instructions that make bf16 products clearly faster than float32 ones?"""
    avoid_broken_instructions()
    narrow = torch.ones(PROBE, PROBE, dtype=torch.bfloat16)
    wide = narrow.float()
    products = {
        "bf16": lambda: nn.functional.linear(narrow, narrow),
        "float32": lambda: nn.functional.linear(wide, wide),
    }
    seconds = best_rounds(products, PROBES)
    return seconds["bf16"] * CLEARLY < seconds["float32"]
