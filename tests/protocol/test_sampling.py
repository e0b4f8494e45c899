"""Laws of seeded sampling and integer draws."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from grail.inference.sampling import key_tensor, logprobs_of, mandated, margins_of, reference, spreads_of
from grail.protocol.constants import LEAST_SPREAD, MOST_SPREAD, NOISE_MAX, NOISE_MIN
from grail.protocol.draws import Draws
from grail.protocol.gumbel import mandated_token, noise
from grail.protocol.hashing import keccak256


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32), st.integers(2, 3_000), st.integers(0, 50), st.sampled_from([1, 500, 1000, 1300]))
def test_kernel_torch_and_numpy_mandate_the_same_token(seed, vocabulary, step, temperature):
    rng = np.random.default_rng(seed)
    logits = (rng.standard_normal((3, vocabulary)) * rng.choice([0.1, 4, 40])).astype(np.float32)
    keys = [keccak256(bytes([i]) + seed.to_bytes(8, "big")) for i in range(3)]
    rows = torch.from_numpy(logits), temperature, key_tensor(keys), torch.full((3,), step)
    tokens = [mandated_token(row, key, step, temperature) for row, key in zip(logits, keys, strict=True)]
    kernel, plain = mandated(*rows), reference.mandated(*rows)
    assert kernel.tokens.tolist() == plain.tokens.tolist() == tokens
    assert torch.allclose(kernel.scores, plain.scores, rtol=1e-12)


def test_a_real_vocabulary_over_threads():
    """Enough ids that rows are spread over threads, in every shape of real logits: peaked, flat, with ids cut off."""
    rng = np.random.default_rng(1)
    logits = torch.from_numpy((rng.standard_normal((12, 49_152)) * 3).astype(np.float32))
    logits[0], logits[1, 7], logits[2, 100:] = 0, 40, -torch.inf
    keys, steps = key_tensor([keccak256(bytes([i])) for i in range(12)]), torch.arange(12)
    kernel, plain = mandated(logits, 1000, keys, steps), reference.mandated(logits, 1000, keys, steps)
    assert kernel.tokens.tolist() == plain.tokens.tolist()
    claimed = torch.where(steps % 2 == 0, kernel.tokens, 5)
    ours, theirs = (f(logits, 1000, keys, steps, claimed) for f in (margins_of, reference.margins_of))
    assert torch.allclose(ours, theirs, rtol=1e-12)
    assert (ours[::2] == 0).all() and (ours[1::2] > 0).all()


def test_logprobs_are_those_of_the_softmax():
    logits = torch.from_numpy((np.random.default_rng(2).standard_normal((5, 900)) * 4).astype(np.float32))
    for temperature in (700, 1000):
        expected = torch.log_softmax(logits.double() * 1000 / temperature, dim=1)[torch.arange(5), torch.arange(5)]
        assert torch.allclose(logprobs_of(logits, temperature, torch.arange(5)).double(), expected, atol=1e-5)


def test_spreads_grow_with_the_logits_and_fall_with_the_temperature():
    logits = torch.from_numpy((np.random.default_rng(3).standard_normal((70, 900)) * 3).astype(np.float32))
    plain = spreads_of(logits, 1000)
    expected = (logits - logits.mean(1, keepdim=True)).abs().mean(1)
    assert torch.allclose(plain, expected) and 2 < float(plain.mean()) < 3
    assert torch.allclose(spreads_of(logits * 4, 1000), 4 * plain)
    assert torch.allclose(spreads_of(logits, 500), 2 * plain)
    assert torch.allclose(spreads_of(logits + 50, 1000), plain, rtol=1e-4), "what all ids share says nothing"


def test_no_weights_widen_spreads_beyond_their_bounds():
    absurd = torch.zeros(2, 50_000)
    absurd[0, 7] = -1e6
    assert spreads_of(absurd, 1000).tolist() == [MOST_SPREAD, LEAST_SPREAD]
    one = torch.from_numpy((np.random.default_rng(4).standard_normal((1, 50_000)) * 3).astype(np.float32))
    before = float(spreads_of(one, 1000))
    one[0, 7] = -3_000
    assert float(spreads_of(one, 1000)) < 1.1 * before, "one absurd logit of fifty thousand moves nothing"


def test_lazy_noise_gives_the_full_argmax():
    ids = np.arange(2_000)
    for i in range(20):
        key = keccak256(bytes([i]))
        logits = (np.random.default_rng(i).standard_normal(2_000) * 12).astype(np.float32)
        full = logits.astype(np.float64) + noise(key, 3, ids)
        assert mandated_token(logits, key, 3, 1000) == int(np.argmax(full))


def test_ties_go_to_the_lowest_id():
    """Logits that no noise can part: two of them beyond float64's reach of each other's noise, equal scores."""
    logits = torch.full((1, 8), -torch.inf)
    logits[0, [2, 5]] = 3e38
    keys, steps = key_tensor([keccak256(b"k")]), torch.zeros(1, dtype=torch.int64)
    assert mandated(logits, 1, keys, steps).tokens.tolist() == [2]
    assert reference.mandated(logits, 1, keys, steps).tokens.tolist() == [2]
    assert mandated_token(logits[0].numpy(), keccak256(b"k"), 0, 1) == 2


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
