"""bf16 models on a CPU: products and attention in float32, results rounded to bf16.

That is what accelerators compute (bf16 operands are exact in float32, sums are kept in float32), the same on every CPU
whatever its bf16 instructions. Without such instructions it is six times faster than torch's own bf16 product, and five
times than its attention over repeated keys; with AVX-512's it is still faster, and AMX cannot kill the process where a
virtual machine only announces it.
"""

from typing import Any

import torch
from torch import Tensor, nn
from transformers import AttentionInterface
from transformers.masking_utils import AttentionMaskInterface, sdpa_mask

ATTENTION = "float32_grouped"


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
    for module in model.modules():
        if module is not head and type(module) in (nn.Linear, WideLinear) and module.weight.dtype is torch.bfloat16:
            module.__class__ = WideLinear
            module.wide = module.weight.detach().float()
