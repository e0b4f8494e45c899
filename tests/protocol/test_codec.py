"""The blob: one canonical form; truncated, oversized, flipped and malicious bytes give one clear error."""

import contextlib
import dataclasses
import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grail.errors import BadSubmission
from grail.protocol.codec import BlobLimits, decode, encode
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH
from grail.protocol.submission import Group, Rollout, Submission

LIMITS = BlobLimits(groups=2, group_size=2, max_tokens=5, sketch_dim=3, sketch_stride=2)


def rollout(count: int = 3, finish: int = FINISH_EOS, **changes) -> Rollout:
    values = {
        "tokens": np.arange(count, dtype=np.int32),
        "logprobs": np.full(count, -0.5, dtype=np.float16),
        "sketch": np.full((-(-count // 2), 3), 0.25, dtype=np.float16),
        "finish": finish,
        "reward_micro": 7,
    }
    return Rollout(**(values | changes))


def submission(*rollouts: Rollout) -> Submission:
    four = (*rollouts, *(rollout() for _ in range(4 - len(rollouts))))
    groups = tuple(
        Group(
            env_id=bytes([g]) * 32,
            prompt_hash=bytes([9]) * 32,
            reward_milli=1_000,
            rollouts=tuple(four[2 * g : 2 * g + 2]),
        )
        for g in (0, 1)
    )
    return Submission(window=1, miner=b"m" * 20, checkpoint_version=3, groups=groups)


def test_round_trip_keeps_every_leaf():
    original = submission(rollout(5, FINISH_LENGTH), rollout(1))
    blob = encode(original, LIMITS)
    again = decode(blob, LIMITS)
    assert again.tree.root == original.tree.root
    assert encode(again, LIMITS) == blob
    assert len(blob) <= LIMITS.max_bytes()


@pytest.mark.parametrize("cut", [0, 1, 10, 50, 100, -1])
def test_truncated(cut):
    blob = encode(submission(), LIMITS)
    with pytest.raises(BadSubmission):
        decode(blob[:cut], LIMITS)


def test_oversized_is_refused_before_it_is_parsed():
    with pytest.raises(BadSubmission, match="at most"):
        decode(bytes(LIMITS.max_bytes() + 1), LIMITS)


def test_trailing_bytes():
    with pytest.raises(BadSubmission, match="more bytes"):
        decode(encode(submission(), LIMITS) + b"\0", LIMITS)


BROKEN = {
    "nan logprob": {"logprobs": np.array([-1, np.nan, -1], dtype=np.float16)},
    "positive logprob": {"logprobs": np.array([-1, 0.5, -1], dtype=np.float16)},
    "negative zero": {"logprobs": np.array([-1, -0.0, -1], dtype=np.float16)},
    "infinite sketch": {"sketch": np.full((2, 3), np.inf, dtype=np.float16)},
    "negative token": {"tokens": np.array([1, -2, 3], dtype=np.int32)},
    "unknown finish": {"finish": 4},
    "no turn": {"turns": 0},
    "too many turns": {"turns": 33},
    "more observed than may be": {"observed": 1},
    "length that is not the limit": {"finish": FINISH_LENGTH},
    "reward out of range": {"reward_micro": 2_000_000_000},
}


@pytest.mark.parametrize("what", BROKEN)
def test_values_out_of_range(what):
    with pytest.raises(BadSubmission):
        decode(encode(submission(rollout(**BROKEN[what])), LIMITS), LIMITS)


@pytest.mark.parametrize("field", ["groups", "group_size", "sketch_dim", "sketch_stride"])
def test_shape_must_be_the_networks(field):
    blob = encode(submission(), LIMITS)
    with pytest.raises(BadSubmission):
        decode(blob, dataclasses.replace(LIMITS, **{field: getattr(LIMITS, field) + 1}))


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_any_flipped_bit_is_refused_or_changes_the_root(data):
    original = submission(rollout(5, FINISH_LENGTH))
    blob = bytearray(encode(original, LIMITS))
    bit = data.draw(st.integers(0, 8 * len(blob) - 1))
    blob[bit // 8] ^= 1 << bit % 8
    try:
        changed = decode(bytes(blob), LIMITS)
    except BadSubmission:
        return
    assert changed.tree.root != original.tree.root


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=600))
def test_random_bytes_give_only_our_error(noise):
    with contextlib.suppress(BadSubmission):
        decode(b"GRLS\x01\x00" + noise, LIMITS)


def test_a_lying_count_allocates_nothing():
    generous = BlobLimits(groups=2, group_size=2, max_tokens=32_768, sketch_dim=64, sketch_stride=1)
    blob = encode(submission(), LIMITS)[:200]
    tracemalloc.start()
    with pytest.raises(BadSubmission):
        decode(blob, generous)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1 << 20
