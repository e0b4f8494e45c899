"""Merkle trees in OpenZeppelin's standard layout [C]: sorted leaves, sorted pairs, complete binary tree.

Byte-identical to npm `@openzeppelin/merkle-tree` and to `MerkleProof.sol`. Leaves are 32-byte hashes that were
hashed twice (`leaf.py`), so an inner node can never pass for a leaf.
"""

from collections.abc import Sequence

from grail.errors import BadInput
from grail.protocol.hashing import keccak256
from grail.protocol.units import Digest

MAX_DEPTH = 64
"""No honest path is longer: 2^64 leaves. Bounds the work of checking a foreign path."""


def hash_pair(a: Digest, b: Digest) -> Digest:
    """keccak256 of the two nodes in ascending order."""
    return keccak256(a + b if a < b else b + a)


class MerkleTree:
    """All nodes of one tree. The nodes are an array: children of i are 2i + 1 and 2i + 2, leaves fill the end."""

    def __init__(self, leaves: Sequence[Digest]) -> None:
        """Build from at least one 32-byte leaf, in any order. Raises BadInput when empty or on another size."""
        if not leaves:
            raise BadInput("expected at least one leaf, got none: an empty submission has no root")
        if any(len(leaf) != 32 for leaf in leaves):
            raise BadInput("expected 32-byte leaves")
        ordered = sorted(leaves)
        size = 2 * len(ordered) - 1
        self._nodes: list[Digest] = [b""] * size
        self._place: dict[Digest, int] = {}
        for offset, leaf in enumerate(ordered):
            self._nodes[size - 1 - offset] = leaf
            self._place[leaf] = size - 1 - offset
        for i in range(size - 1 - len(ordered), -1, -1):
            self._nodes[i] = hash_pair(self._nodes[2 * i + 1], self._nodes[2 * i + 2])

    @property
    def root(self) -> Digest:
        """The 32-byte root."""
        return self._nodes[0]

    def path(self, leaf: Digest) -> list[Digest]:
        """Siblings from `leaf` up to the root. Raises BadInput when the tree has no such leaf."""
        if leaf not in self._place:
            raise BadInput(f"expected a leaf of this tree, got {leaf.hex()}")
        i, siblings = self._place[leaf], []
        while i:
            siblings.append(self._nodes[i - 1 if i % 2 == 0 else i + 1])
            i = (i - 1) // 2
        return siblings


def verify(root: Digest, leaf: Digest, path: Sequence[Digest]) -> bool:
    """Does `path` lead from `leaf` to `root`? False, not an error, for a path that is too long."""
    if len(path) > MAX_DEPTH:
        return False
    node = leaf
    for sibling in path:
        node = hash_pair(node, sibling)
    return node == root
