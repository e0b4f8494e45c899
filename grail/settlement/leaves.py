"""The leaves of a window's reckoning, and their tree [C]. Twin of LeafTree in Settlements.sol.

First a leaf for each commitment, in order; then, for each place of the active set, a leaf for each page of commitments.
The tree is complete and binary, padded with zero leaves to a depth that is a multiple of four: sixteen descendants can
be named at a time, down to the first leaf in which two trees differ.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.units import Address, Digest
from grail.settlement.sheets import PAGE

PLACES = 128
"""Places of the active set: ValidatorSet.CAPACITY."""
STEP = 4
"""Levels that one move of a duel goes down."""
UNJUDGED = 255
"""Holds of a submission that no seat accepted or rejected: more than there can be seats."""
_TAG = keccak256(b"grail/settlement-leaf/1")
_ZERO = bytes(32)


@dataclass(frozen=True, slots=True)
class SettlementLeaf:
    """One step of the reckoning; worth in thousandths of a token.

    account: the miner, or the validator of the place (zero where it was empty). value: a miner's payable worth, a
    part of what was committed (Record.paid); a validator's judged worth up to this page. holds: validators that reject
    the submission, or `UNJUDGED`. whole: worth of all submissions up to this one; the same in all validators' leaves.
    sum: what is paid at once up to here; in validators' leaves, what all have judged up to here.
    """

    account: Address
    value: int
    holds: int
    whole: int
    sum: int

    def values(self) -> tuple[Any, ...]:
        """As the contract's struct."""
        return (self.account, self.value, self.holds, self.whole, self.sum)


NO_LEAF = SettlementLeaf(bytes(20), 0, 0, 0, 0)
"""What stands before the first."""


def page_count(commitments: int) -> int:
    """Pages of a window's commitments."""
    return -(-commitments // PAGE)


def leaf_count(commitments: int) -> int:
    """Leaves of a window."""
    return commitments + PLACES * page_count(commitments)


def depth_of(leaves: int) -> int:
    """Levels under the root: the least multiple of four whose power of two holds them."""
    depth = STEP
    while 1 << depth < leaves:
        depth += STEP
    return depth


def leaf_digest(window: int, index: int, leaf: SettlementLeaf) -> Digest:
    """keccak-256 over tag, window, index and leaf."""
    return keccak256(encode_static(_TAG, window, index, *leaf.values()))


def join(nodes: Sequence[Digest]) -> Digest:
    """The node over 2^n descendants."""
    level = list(nodes)
    while len(level) > 1:
        level = [keccak256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


@dataclass(frozen=True)
class LeafTree:
    """All leaves of one window, right or not, and the hashes over them."""

    window: int
    leaves: tuple[SettlementLeaf, ...]

    @property
    def root(self) -> Digest:
        """The top node."""
        return self._node(self.depth, 0)

    @property
    def depth(self) -> int:
        """Levels under the root."""
        return depth_of(len(self.leaves))

    def path(self, index: int) -> list[Digest]:
        """Siblings from leaf `index` up."""
        return [self._node(level, index >> level ^ 1) for level in range(self.depth)]

    def named(self, depth: int, index: int) -> list[Digest]:
        """The sixteen nodes under node `index` that is `depth` levels above the leaves."""
        return [self._node(depth - STEP, 16 * index + i) for i in range(16)]

    def _node(self, level: int, index: int) -> Digest:
        known = self._levels[level]
        return known[index] if index < len(known) else self._padding[level]

    @cached_property
    def _padding(self) -> list[Digest]:
        """The node over nothing, for every level."""
        nodes = [_ZERO]
        for _ in range(self.depth):
            nodes.append(keccak256(nodes[-1] + nodes[-1]))
        return nodes

    @cached_property
    def _levels(self) -> list[list[Digest]]:
        """Nodes that stand over at least one leaf, leaves first."""
        level = [leaf_digest(self.window, index, leaf) for index, leaf in enumerate(self.leaves)]
        levels = [level]
        for height in range(self.depth):
            if len(level) % 2:
                level = [*level, self._padding[height]]
            level = [keccak256(level[i] + level[i + 1]) for i in range(0, len(level), 2)]
            levels.append(level)
        return levels
