"""The rollout leaf [C], version 2: what one paid rollout commits to (spec section 5). Twin of Leaf.sol."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from grail.protocol.chunks import chunk_root
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.units import Address, Digest


@dataclass(frozen=True, slots=True)
class RolloutLeaf:
    """Fields in ABI order. `reward_micro` is int64, everything else unsigned; digests are 32 bytes."""

    window: int
    miner: Address
    checkpoint_version: int
    env_id: Digest
    group: int
    index: int
    prompt_hash: Digest
    tokens_root: Digest
    logprobs_root: Digest
    proof_root: Digest
    n_tokens: int
    finish: int
    reward_micro: int
    turns: int
    observed_tokens: int
    observations_hash: Digest

    def digest(self) -> Digest:
        """keccak(keccak(abi.encode(fields))): the double hash of OpenZeppelin's standard tree."""
        return keccak256(keccak256(encode_static(*self.values())))

    def values(self) -> tuple[int | bytes, ...]:
        """The fields in ABI order."""
        return tuple(getattr(self, name) for name in self.__slots__)


def hash_tokens(tokens: NDArray[np.int32]) -> Digest:
    """keccak-256 of the ids as little-endian int32."""
    return keccak256(tokens.astype("<i4").tobytes())


def tokens_root(tokens: NDArray[np.int32]) -> Digest:
    """Chunked root of the ids as little-endian int32."""
    return chunk_root(tokens.astype("<i4").tobytes())


def halves_root(values: NDArray[np.float16]) -> Digest:
    """Chunked root of an array stored as little-endian float16 (logprobs, sketch), in C order."""
    return chunk_root(values.astype("<f2").tobytes())


def environment_digest(environment_id: str) -> Digest:
    """`env_id` of a leaf: keccak-256 of the environment's id string, e.g. "arithmetic/1"."""
    return keccak256(environment_id.encode())
