"""Rollout, Group, Submission [C]: a miner's work of one window, and its leaves, root and openings."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from grail.protocol.constants import MILLI, TAG_SUBMISSION
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import RolloutLeaf, halves_root, tokens_root
from grail.protocol.sum_tree import Entry, SumTree
from grail.protocol.turns import NOTHING_OBSERVED
from grail.protocol.units import Address, Digest, MicroReward

CONTEXT = keccak256(TAG_SUBMISSION.encode())
"""What the leaves of a submission's tree are bound to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rollout:
    """One rollout with its evidence.

    tokens: int32 (n,), the sampled ids of all turns, EOS included. logprobs: float16 (n,), log-probability of each
    token at the checkpoint's temperature. sketch: float16 (ceil(n / stride), m). finish: one of the FINISH codes.

    What the world said between its turns is not in it: `observed` counts those ids, `observations_hash` commits to
    them, and both follow from problem and tokens.
    """

    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float16]
    sketch: NDArray[np.float16]
    finish: int
    reward_micro: MicroReward
    turns: int = 1
    observed: int = 0
    observations_hash: Digest = NOTHING_OBSERVED

    def contents(self) -> tuple[bytes, bytes, bytes]:
        """Bytes of tokens, logprobs and sketch: what the leaf's roots are taken over."""
        halves = [values.astype("<f2").tobytes() for values in (self.logprobs, self.sketch)]
        return self.tokens.astype("<i4").tobytes(), halves[0], halves[1]


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """The rollouts of one problem. All but these are claims: the derivation check compares them. `reward_milli`: what a
    token of the environment earns, in thousandths."""

    env_id: Digest
    prompt_hash: Digest
    reward_milli: int
    rollouts: tuple[Rollout, ...]


@dataclass(frozen=True, kw_only=True)
class Submission:
    """All groups of one miner in one window; groups are numbered by their place, from 0. `observed_milli`: what an
    observed token of the window earns, in thousandths of a sampled one."""

    window: int
    miner: Address
    checkpoint_version: int
    groups: tuple[Group, ...]
    observed_milli: int = 0

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
            tokens_root=tokens_root(rollout.tokens),
            logprobs_root=halves_root(rollout.logprobs),
            proof_root=halves_root(rollout.sketch),
            n_tokens=len(rollout.tokens),
            finish=rollout.finish,
            reward_micro=rollout.reward_micro,
            turns=rollout.turns,
            observed_tokens=rollout.observed,
            observations_hash=rollout.observations_hash,
        )

    def places(self) -> Iterator[tuple[int, int]]:
        """(group, index) of every rollout, in order."""
        for number, group in enumerate(self.groups):
            for index in range(len(group.rollouts)):
                yield number, index

    @cached_property
    def tree(self) -> SumTree:
        """Sum tree over all leaves, keyed by their digests: it ends in the worth of the submission."""
        worth: dict[int, int] = {}
        for group, index in self.places():
            owner, leaf = self.groups[group], self.leaf(group, index)
            earned = leaf_worth(owner.reward_milli, leaf.n_tokens, leaf.observed_tokens, self.observed_milli)
            worth[int.from_bytes(leaf.digest(), "big")] = earned
        return SumTree(CONTEXT, worth)

    @property
    def n_tokens(self) -> int:
        """Sampled tokens of the whole submission: what pay is proportional to."""
        return sum(len(rollout.tokens) for group in self.groups for rollout in group.rollouts)

    def opening(self, group: int, index: int) -> "Opening":
        """One leaf with its place in the tree."""
        leaf = self.leaf(group, index)
        return Opening(leaf, len(self.tree.keys), self.tree.entry(int.from_bytes(leaf.digest(), "big")))


@dataclass(frozen=True, slots=True)
class Opening:
    """A leaf of a submission, shown to be in its tree of `size` leaves."""

    leaf: RolloutLeaf
    size: int
    entry: Entry


def leaf_worth(reward_milli: int, tokens: int, observed: int, observed_milli: int) -> int:
    """What a leaf is worth, in thousandths of a token: sampled tokens whole, observed ones by a governed part of it."""
    return reward_milli * (tokens * MILLI + observed * observed_milli) // MILLI
