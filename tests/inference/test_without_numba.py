"""On a machine without numba the plain sampler chooses the same tokens."""

import torch

from grail.inference import sampling


def test_the_plain_sampler_takes_over(monkeypatch):
    logits = torch.randn(16, 500, generator=torch.Generator().manual_seed(0))
    keys = sampling.key_tensor([bytes([row]) * 32 for row in range(16)])
    compiled = sampling.mandated(logits, 1_000, keys, torch.arange(16))
    monkeypatch.setattr(sampling, "find_spec", lambda name: None)
    plain = sampling.mandated(logits, 1_000, keys, torch.arange(16))
    assert torch.equal(compiled.tokens, plain.tokens)
    assert sampling.margins_of(logits, 1_000, keys, torch.arange(16), compiled.tokens).max() == 0
