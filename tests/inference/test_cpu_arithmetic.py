"""bf16 layers on a CPU: one result to a rounding, whichever product this CPU is faster with."""

import pytest
import torch
from transformers import AutoModelForCausalLM

from grail.inference import cpu_arithmetic
from grail.inference.cpu_arithmetic import WideLinear, bf16_products_pay, fit_to_cpu


@pytest.mark.parametrize("pays", [True, False])
def test_both_products_are_those_of_float32_rounded(tiny_folder, monkeypatch, pays):
    monkeypatch.setattr(cpu_arithmetic, "bf16_products_pay", lambda: pays)
    model = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.bfloat16).eval()
    exact = AutoModelForCausalLM.from_pretrained(tiny_folder, dtype=torch.bfloat16).float().eval()
    fit_to_cpu(model)
    layer = model.model.layers[0].mlp.up_proj
    assert (type(layer) is WideLinear) is not pays
    states = torch.randn(5, layer.in_features, generator=torch.Generator().manual_seed(0)).bfloat16()
    with torch.inference_mode():
        wanted = torch.nn.functional.linear(states.float(), layer.weight.float())
        assert torch.allclose(layer(states).float(), wanted, rtol=2**-8, atol=1e-3)
        ids = torch.arange(3, 15)[None]
        assert (model(ids).logits.float() - exact(ids).logits).abs().max() < 0.5


def test_the_choice_is_made_once():
    assert bf16_products_pay() is bf16_products_pay()
    assert bf16_products_pay.cache_info().misses == 1
