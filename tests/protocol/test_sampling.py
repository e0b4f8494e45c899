"""Laws of seeded sampling and integer draws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grail.inference import sampler
from grail.protocol.constants import NOISE_MAX, NOISE_MIN
from grail.protocol.draws import Draws
from grail.protocol.gumbel import mandated_token, noise
from grail.protocol.hashing import keccak256


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 400), st.integers(0, 50), st.sampled_from([500, 1000, 1300]))
def test_torch_and_numpy_mandate_the_same_token(seed, vocabulary, step, temperature):
    rng = np.random.default_rng(seed)
    logits = (rng.standard_normal((3, vocabulary)) * 4).astype(np.float32)
    keys = [keccak256(bytes([i]) + seed.to_bytes(8, "big")) for i in range(3)]
    scaled = sampler.scaled_logits(torch.from_numpy(logits), temperature)
    tokens = sampler.mandated(scaled, sampler.key_tensor(keys), torch.full((3,), step)).tokens
    assert tokens.tolist() == [
        mandated_token(row, key, step, temperature) for row, key in zip(logits, keys, strict=True)
    ]


def test_lazy_noise_gives_the_full_argmax():
    ids = np.arange(2_000)
    for i in range(20):
        key = keccak256(bytes([i]))
        logits = (np.random.default_rng(i).standard_normal(2_000) * 12).astype(np.float32)
        full = logits.astype(np.float64) + noise(key, 3, ids)
        assert mandated_token(logits, key, 3, 1000) == int(np.argmax(full))


def test_ties_go_to_the_lowest_id():
    scaled = torch.zeros(1, 4, dtype=torch.float64)
    keys, steps = sampler.key_tensor([keccak256(b"k")]), torch.zeros(1, dtype=torch.int64)
    values = noise(keccak256(b"k"), 0, np.arange(4))
    scaled[0] = torch.from_numpy(values.max() - values)
    assert sampler.mandated(scaled, keys, steps).tokens.tolist() == [0]


def test_noise_stays_in_its_stated_range():
    extreme = np.array([0, 2**32 - 1], dtype=np.float64)
    values = -np.log(-np.log((extreme + 0.5) * 2.0**-32))
    assert NOISE_MIN < values[0] < NOISE_MIN + 0.01
    assert NOISE_MAX - 0.01 < values[1] < NOISE_MAX


def test_sampled_frequencies_follow_the_softmax():
    logits = np.log(np.array([0.5, 0.3, 0.15, 0.05], dtype=np.float32))
    drawn = [mandated_token(logits, keccak256(i.to_bytes(4, "big")), 0, 1000) for i in range(4_000)]
    shares = np.bincount(drawn, minlength=4) / len(drawn)
    assert np.abs(shares - [0.5, 0.3, 0.15, 0.05]).max() < 0.03


def test_draws_are_uniform_and_bounded():
    draws = Draws(keccak256(b"draws"))
    counts = np.bincount([draws.below(7) for _ in range(7_000)], minlength=7)
    assert counts.min() > 850 and counts.max() < 1_150
    with pytest.raises(ValueError, match="limit"):
        draws.below(0)


@given(st.binary(min_size=32, max_size=32), st.integers(1, 300))
def test_a_permutation_holds_every_place_once(key, count):
    assert sorted(Draws(key).permutation(count)) == list(range(count))
