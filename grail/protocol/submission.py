"""Rollout, Group, Submission [C]: a miner's work of one window, and its leaves, root and openings."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grail.protocol.leaf import RolloutLeaf, hash_halves, hash_tokens
from grail.protocol.merkle import MerkleTree
from grail.protocol.units import Address, Digest, MicroReward


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One completion with its evidence.

    tokens: int32 (n,), the sampled ids, EOS included. logprobs: float16 (n,), log-probability of each token at the
    checkpoint's temperature. sketch: float16 (ceil(n / stride), m). finish: FINISH_EOS or FINISH_LENGTH.
    """

    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float16]
    sketch: NDArray[np.float16]
    finish: int
    reward_micro: MicroReward

    def contents(self) -> tuple[bytes, bytes, bytes]:
        """Bytes of tokens, logprobs and sketch: what the leaf's hashes are taken over."""
        halves = [values.astype("<f2").tobytes() for values in (self.logprobs, self.sketch)]
        return self.tokens.astype("<i4").tobytes(), halves[0], halves[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rollouts of one problem. `env_id` and `prompt_hash` are claims: the derivation check compares them."""

    env_id: Digest
    prompt_hash: Digest
    rollouts: tuple[Rollout, ...]


@dataclass(frozen=True, kw_only=True)
class Submission:
    """All groups of one miner in one window; groups are numbered by their place, from 0."""

    window: int
    miner: Address
    checkpoint_version: int
    groups: tuple[Group, ...]

    def leaf(self, group: int, index: int) -> RolloutLeaf:
        """The leaf of one rollout, recomputed from its contents."""
        owner = self.groups[group]
        rollout = owner.rollouts[index]
        return RolloutLeaf(
            window=self.window,
            miner=self.miner,
            checkpoint_version=self.checkpoint_version,
            env_id=owner.env_id,
            group=group,
            index=index,
            prompt_hash=owner.prompt_hash,
            tokens_hash=hash_tokens(rollout.tokens),
            logprobs_hash=hash_halves(rollout.logprobs),
            proof_hash=hash_halves(rollout.sketch),
            n_tokens=len(rollout.tokens),
            finish=rollout.finish,
            reward_micro=rollout.reward_micro,
        )

    def places(self) -> Iterator[tuple[int, int]]:
        """(group, index) of every rollout, in order."""
        for number, group in enumerate(self.groups):
            for index in range(len(group.rollouts)):
                yield number, index

    @cached_property
    def tree(self) -> MerkleTree:
        """Merkle tree over all leaves."""
        return MerkleTree([self.leaf(group, index).digest() for group, index in self.places()])

    @property
    def n_tokens(self) -> int:
        """Sampled tokens of the whole submission: what pay is proportional to."""
        return sum(len(rollout.tokens) for group in self.groups for rollout in group.rollouts)

    def opening(self, group: int, index: int) -> tuple[RolloutLeaf, list[Digest]]:
        """One leaf with its Merkle path."""
        leaf = self.leaf(group, index)
        return leaf, self.tree.path(leaf.digest())
