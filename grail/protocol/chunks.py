"""Chunked roots [C]: the commitment to an array of any length, a chunk of which can be shown by itself.

Twin of Chunks.sol. The bytes in pieces of CHUNK, hashed as leaves of a binary tree in their order; a node without a
sibling goes up as it is. Leaves and inner nodes are hashed with different first bytes (RFC 6962), and the root names
the length, so one root has one array.
"""

from collections.abc import Sequence

from grail.protocol.constants import TAG_CHUNKS
from grail.protocol.hashing import keccak256, tagged_hash
from grail.protocol.units import Digest

CHUNK = 4_096
"""Bytes: 1,024 token ids, a few cents of calldata."""
_LEAF, _NODE = b"\x00", b"\x01"


def chunk_root(data: bytes) -> Digest:
    """Of the whole array; an empty one has a root, too."""
    return tagged_hash(TAG_CHUNKS, len(data), _levels(data)[-1][0])


def chunk_path(data: bytes, index: int) -> list[Digest]:
    """Siblings of chunk `index`, from the leaf up. Raises IndexError where there is no such chunk."""
    levels = _levels(data)
    if not 0 <= index < len(levels[0]):
        raise IndexError(f"expected a chunk below {len(levels[0])}, got {index}")
    path = []
    for level in levels[:-1]:
        if index ^ 1 < len(level):
            path.append(level[index ^ 1])
        index >>= 1
    return path


def is_chunk(root: Digest, length: int, index: int, chunk: bytes, path: Sequence[Digest]) -> bool:
    """Is `chunk` the piece number `index` of the array of `length` bytes with this root?"""
    width = max(1, -(-length // CHUNK))
    if not 0 <= index < width or len(chunk) != min(CHUNK, length - index * CHUNK):
        return False
    node, rest = keccak256(_LEAF + chunk), list(path)
    while width > 1:
        if index ^ 1 < width:
            if not rest:
                return False
            sibling = rest.pop(0)
            node = keccak256(_NODE + (sibling + node if index & 1 else node + sibling))
        index, width = index >> 1, (width + 1) >> 1
    return not rest and tagged_hash(TAG_CHUNKS, length, node) == root


def _levels(data: bytes) -> list[list[Digest]]:
    """Nodes by level, the leaves first, the one top node last."""
    pieces = [data[at : at + CHUNK] for at in range(0, len(data), CHUNK)] or [b""]
    levels = [[keccak256(_LEAF + piece) for piece in pieces]]
    while len(levels[-1]) > 1:
        below = levels[-1]
        pairs = [keccak256(_NODE + below[at] + below[at + 1]) for at in range(0, len(below) - 1, 2)]
        levels.append(pairs + below[len(pairs) * 2 :])
    return levels
