"""Sum trees [C]: Merkle trees over leaves sorted by key whose root also commits to the sum of all values.

Twin of SumTree.sol. A node hashes both children and both sums, so whatever leaves can be shown under a root, their
values never exceed its sum. Leaves hash three words, nodes four.
"""

import bisect
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grail.protocol.constants import TAG_SUM_TREE
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.units import Digest

_TAG = keccak256(TAG_SUM_TREE.encode())
MAX_DEPTH = 40
"""Bounds the work of following a foreign path."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One leaf with its path; field order is SumTree.sol's. `path`: hash and sum of each sibling, from the leaf up."""

    key: int
    value: int
    index: int
    path: tuple[int, ...]

    def values(self) -> tuple:
        """As the contract's struct."""
        return (self.key, self.value, self.index, list(self.path))


def sealed(size: int, top: Digest, total: int) -> Digest:
    """Root of a tree: size, top node and sum in one word."""
    return keccak256(encode_static(_TAG, size, top, total))


@dataclass(frozen=True)
class SumTree:
    """A tree over `leaves` (key to value, uint256 to uint128) whose leaves are bound to a 32-byte `context`."""

    context: Digest
    leaves: Mapping[int, int]

    @cached_property
    def keys(self) -> list[int]:
        """Keys in ascending order: the order of the leaves."""
        return sorted(self.leaves)

    @property
    def total(self) -> int:
        """Sum of all values."""
        return sum(self.leaves.values())

    @property
    def root(self) -> Digest:
        """32 bytes; also an empty tree has one."""
        return sealed(len(self.keys), self.top, self.total)

    @property
    def top(self) -> Digest:
        """Hash of the top node; zero over nothing."""
        return self._levels[-1][0][0] if self.keys else bytes(32)

    def entry(self, key: int) -> Entry:
        """Leaf and path of a key. Raises KeyError when the tree lacks it."""
        place = index = bisect.bisect_left(self.keys, key)
        if place == len(self.keys) or self.keys[place] != key:
            raise KeyError(key)
        path: list[int] = []
        for level in self._levels[:-1]:
            if index ^ 1 < len(level):
                node, total = level[index ^ 1]
                path += [int.from_bytes(node, "big"), total]
            index >>= 1
        return Entry(key, self.leaves[key], place, tuple(path))

    @cached_property
    def _levels(self) -> list[list[tuple[Digest, int]]]:
        """(hash, sum) of all nodes, leaves first; an odd node rises unchanged."""
        level = [_leaf(self.context, key, self.leaves[key]) for key in self.keys]
        levels = [level]
        while len(level) > 1:
            level = [_join(*level[i : i + 2]) for i in range(0, len(level), 2)]
            levels.append(level)
        return levels


def root_of(context: Digest, size: int, entry: Entry) -> Digest:
    """Root of the tree of `size` leaves in which this is an entry. Raises ValueError for one that cannot be."""
    index, steps, width = entry.index, iter(entry.path), size
    if not 0 <= index < size or len(entry.path) > 2 * MAX_DEPTH:
        raise ValueError("no such leaf")
    node = _leaf(context, entry.key, entry.value)
    while width > 1:
        if index % 2 or index + 1 < width:
            hashed, total = next(steps, None), next(steps, None)
            if hashed is None or total is None:
                raise ValueError("a path that ends too early")
            other = (hashed.to_bytes(32, "big"), total)
            node = _join(other, node) if index % 2 else _join(node, other)
        index, width = index // 2, (width + 1) // 2
    if next(steps, None) is not None:
        raise ValueError("a path that is too long")
    return sealed(size, *node)


def _leaf(context: Digest, key: int, value: int) -> tuple[Digest, int]:
    return keccak256(encode_static(context, key, value)), value


def _join(left: tuple[Digest, int], right: tuple[Digest, int] | None = None) -> tuple[Digest, int]:
    if right is None:
        return left
    return keccak256(encode_static(*left, *right)), left[1] + right[1]
