"""Attention over flat batches: what transformers itself gives one sequence at a time, in every kind of model."""

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, Gemma2Config, LlamaConfig, MistralConfig, Qwen3Config, Qwen3NextConfig

from grail.errors import BadCheckpoint
from grail.training.batch import Sample, TrainingRollout, collate, packed
from grail.training.policy import Policy

SIZE = {
    "vocab_size": 60,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 4,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
    "head_dim": 8,
    "pad_token_id": None,
}
MODELS = {
    "llama": LlamaConfig(**SIZE),
    "one window": MistralConfig(**SIZE, sliding_window=5),
    "windows in some layers": Qwen3Config(**SIZE, use_sliding_window=True, sliding_window=5, max_window_layers=2),
}


def model_of(config):
    torch.manual_seed(0)
    return AutoModelForCausalLM.from_config(config, attn_implementation="sdpa").train()


def samples():
    draws = np.random.default_rng(0)
    found = []
    for prompt_length in (9, 3):
        prompt = draws.integers(1, 60, prompt_length).astype(np.int32)
        for length in (7, 1, 4):
            tokens = draws.integers(1, 60, length).astype(np.int32)
            rollout = TrainingRollout(prompt=prompt, tokens=tokens, logprobs=np.zeros(length, np.float32), reward=0.0)
            found.append(Sample(rollout=rollout, advantage=1.0, weight=1.0))
    return found


def one_by_one(model, wanted):
    found = []
    for rollout in (sample.rollout for sample in wanted):
        ids = torch.from_numpy(np.concatenate([rollout.prompt, rollout.tokens]).astype(np.int64))
        logits = model(input_ids=ids[None]).logits[0, len(rollout.prompt) - 1 : -1]
        found.append(logits.log_softmax(-1).gather(1, ids[len(rollout.prompt) :, None])[:, 0])
    return torch.cat(found)


@pytest.mark.parametrize("kind", MODELS)
def test_values_and_gradients_are_those_of_each_sequence_alone(kind):
    wanted = samples()
    plain = model_of(MODELS[kind])
    expected = one_by_one(plain, wanted)
    direction = torch.linspace(-1, 1, len(expected))
    (expected * direction).sum().backward()
    policy = Policy(model_of(MODELS[kind]), 1.0, half=False)
    found, _ = policy(collate(packed(wanted, 100)))
    (found * direction).sum().backward()
    assert torch.allclose(found, expected, atol=1e-5)
    for one, other in zip(policy.model.parameters(), plain.parameters(), strict=True):
        assert torch.allclose(one.grad, other.grad, atol=1e-5)


def test_a_window_counts():
    wanted = samples()
    near, far = (Policy(model_of(MistralConfig(**SIZE, sliding_window=w)), 1.0, half=False) for w in (5, 100))
    batch = collate(packed(wanted, 100))
    assert not torch.allclose(near(batch)[0], far(batch)[0], atol=1e-4)


def test_models_that_cannot_be_packed_are_refused_by_name():
    recurrent = Qwen3NextConfig(**SIZE, layer_types=["linear_attention", "full_attention"] * 2, num_experts=0)
    with pytest.raises(BadCheckpoint, match="linear_attention"):
        Policy(model_of(recurrent), 1.0, half=False)
    capped = Policy(model_of(Gemma2Config(**SIZE, sliding_window=100)), 1.0, half=False)
    with pytest.raises(BadCheckpoint, match="softcap"):
        capped(collate(packed(samples(), 100)))
