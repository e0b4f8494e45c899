"""Bytes ↔ Submission [C]: one canonical form, every size checked before anything is allocated (spec section 6).

All integers little-endian. Header, then groups, then rollouts; arrays follow their counts. A blob has exactly one
decoding and a submission exactly one encoding, so a blob's digest names its contents.
"""

import struct
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grail.errors import BadSubmission
from grail.protocol import constants as c
from grail.protocol.submission import Group, Rollout, Submission
from grail.protocol.units import MicroReward

_HEADER = struct.Struct("<4sHQ20sQIHHH")  # magic, version, window, miner, checkpoint, groups, group size, m, stride
_GROUP = struct.Struct("<32s32sI")  # env id, prompt hash, reward of a token in thousandths
_ROLLOUT = struct.Struct("<BIqHI32s")  # finish, n tokens, reward micro, turns, observed tokens, their hash


@dataclass(frozen=True, slots=True, kw_only=True)
class BlobLimits:
    """What the chain allows this submission to be; the decoder refuses anything above."""

    groups: int
    group_size: int
    max_tokens: int
    sketch_dim: int
    sketch_stride: int
    max_observed: int = 0
    """Ids that the world may say in one rollout; 0: nothing but single turns."""
    observed_milli: int = 0
    """What one of them earns, in thousandths of a sampled token."""

    def max_bytes(self) -> int:
        """Longest blob that can be valid; fetch no more than this."""
        rollout = _ROLLOUT.size + 6 * self.max_tokens + 2 * self.sketch_dim * -(-self.max_tokens // self.sketch_stride)
        body = self.groups * (_GROUP.size + self.group_size * rollout)
        return min(_HEADER.size + body, c.MAX_BLOB_BYTES)


def encode(submission: Submission, limits: BlobLimits) -> bytes:
    """The canonical blob. Raises BadSubmission when the submission itself breaks the limits."""
    parts = [
        _HEADER.pack(
            c.BLOB_MAGIC,
            c.BLOB_VERSION,
            submission.window,
            submission.miner,
            submission.checkpoint_version,
            len(submission.groups),
            limits.group_size,
            limits.sketch_dim,
            limits.sketch_stride,
        )
    ]
    for group in submission.groups:
        if len(group.rollouts) != limits.group_size:
            raise BadSubmission(f"expected {limits.group_size} rollouts in each group, got {len(group.rollouts)}")
        parts.append(_GROUP.pack(group.env_id, group.prompt_hash, group.reward_milli))
        for rollout in group.rollouts:
            seen = rollout.turns, rollout.observed, rollout.observations_hash
            parts.append(_ROLLOUT.pack(rollout.finish, len(rollout.tokens), rollout.reward_micro, *seen))
            parts.append(rollout.tokens.astype("<i4").tobytes())
            parts.append(rollout.logprobs.astype("<f2").tobytes())
            parts.append(rollout.sketch.astype("<f2").tobytes())
    return b"".join(parts)


def decode(blob: bytes, limits: BlobLimits) -> Submission:
    """Parse a foreign blob. Raises BadSubmission, naming the first broken rule; allocates at most the blob's size."""
    if len(blob) > limits.max_bytes():
        raise BadSubmission(f"expected at most {limits.max_bytes()} bytes, got {len(blob)}")
    reader = _Reader(blob)
    magic, version, window, miner, checkpoint, n_groups, group_size, dim, stride = reader.fields(_HEADER)
    if magic != c.BLOB_MAGIC or version != c.BLOB_VERSION:
        raise BadSubmission(f"expected a submission blob of version {c.BLOB_VERSION}, got {magic!r} {version}")
    expected = (limits.groups, limits.group_size, limits.sketch_dim, limits.sketch_stride)
    if (n_groups, group_size, dim, stride) != expected:
        raise BadSubmission(
            f"expected (groups, group size, sketch m, stride) = {expected}, got {(n_groups, group_size, dim, stride)}"
        )
    groups = tuple(_read_group(reader, limits) for _ in range(n_groups))
    reader.expect_end()
    return Submission(
        window=window,
        miner=miner,
        checkpoint_version=checkpoint,
        groups=groups,
        observed_milli=limits.observed_milli,
    )


def _read_group(reader: "_Reader", limits: BlobLimits) -> Group:
    env_id, prompt_hash, reward_milli = reader.fields(_GROUP)
    if reward_milli > c.MAX_REWARD_MILLI:
        raise BadSubmission(f"expected tokens that earn at most {c.MAX_REWARD_MILLI} thousandths, got {reward_milli}")
    rollouts = tuple(_read_rollout(reader, limits) for _ in range(limits.group_size))
    return Group(env_id=env_id, prompt_hash=prompt_hash, reward_milli=reward_milli, rollouts=rollouts)


def _read_rollout(reader: "_Reader", limits: BlobLimits) -> Rollout:
    finish, count, reward, turns, observed, observations = reader.fields(_ROLLOUT)
    if finish > c.FINISH_ROOM:
        raise BadSubmission(f"expected a finish code of 0 to {c.FINISH_ROOM}, got {finish}")
    if not 1 <= turns <= c.MAX_TURNS:
        raise BadSubmission(f"expected 1 to {c.MAX_TURNS} turns, got {turns}")
    if observed > limits.max_observed:
        raise BadSubmission(f"expected at most {limits.max_observed} observed tokens, got {observed}")
    if not 1 <= count <= limits.max_tokens:
        raise BadSubmission(f"expected 1 to {limits.max_tokens} tokens, got {count}")
    if finish == c.FINISH_LENGTH and count != limits.max_tokens:
        raise BadSubmission(f"expected {limits.max_tokens} tokens for finish 'length', got {count}")
    if abs(reward) > c.MAX_REWARD_MICRO:
        raise BadSubmission(f"expected a reward within ±{c.MAX_REWARD_MICRO} micro-units, got {reward}")
    tokens = reader.array("<i4", count).astype(np.int32)
    logprobs = reader.array("<f2", count).astype(np.float16)
    rows = -(-count // limits.sketch_stride)
    sketch = reader.array("<f2", rows * limits.sketch_dim).astype(np.float16).reshape(rows, limits.sketch_dim)
    if tokens.min() < 0:
        raise BadSubmission(f"expected token ids >= 0, got {int(tokens.min())}")
    if not np.isfinite(logprobs).all() or logprobs.max() > 0 or np.signbit(logprobs[logprobs == 0]).any():
        raise BadSubmission("expected finite logprobs <= 0, zero written as +0")
    if not np.isfinite(sketch).all():
        raise BadSubmission("expected a finite sketch")
    return Rollout(
        tokens=tokens,
        logprobs=logprobs,
        sketch=sketch,
        finish=finish,
        reward_micro=MicroReward(reward),
        turns=turns,
        observed=observed,
        observations_hash=observations,
    )


class _Reader:
    """A cursor that never reads past the end."""

    def __init__(self, blob: bytes) -> None:
        self._view = memoryview(blob)
        self._at = 0

    def _take(self, size: int) -> memoryview:
        if size > len(self._view) - self._at:
            raise BadSubmission(
                f"expected {size} more bytes at offset {self._at}, got {len(self._view) - self._at}: truncated"
            )
        self._at += size
        return self._view[self._at - size : self._at]

    def fields(self, layout: struct.Struct) -> tuple:
        return layout.unpack(self._take(layout.size))

    def array(self, dtype: str, count: int) -> NDArray:
        return np.frombuffer(self._take(count * np.dtype(dtype).itemsize), dtype=dtype)

    def expect_end(self) -> None:
        if self._at != len(self._view):
            raise BadSubmission(f"expected the blob to end at {self._at}, got {len(self._view) - self._at} more bytes")
