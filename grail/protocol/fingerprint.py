"""Fingerprint [C]: one root over everything that makes a checkpoint what it is (spec section 7).

Leaves: every tensor by (name, dtype, shape, bytes), every side file (config, tokenizer, generation rules) by
(name, bytes). One changed bit, a renamed tensor or another dtype changes the root.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from grail.protocol.constants import TAG_CHECKPOINT, TAG_FILE, TAG_TENSOR
from grail.protocol.hashing import encode_static, keccak256, tagged_hash
from grail.protocol.merkle import MerkleTree
from grail.protocol.units import Digest


@dataclass(frozen=True, slots=True)
class TensorBytes:
    """One tensor as stored: dtype by its safetensors name ("F32", "BF16"), little-endian contiguous bytes."""

    name: str
    dtype: str
    shape: tuple[int, ...]
    data: bytes | memoryview


def tensor_leaf(tensor: TensorBytes) -> Digest:
    """Leaf of one tensor."""
    shape = keccak256(encode_static(len(tensor.shape), *tensor.shape))
    name, dtype = keccak256(tensor.name.encode()), keccak256(tensor.dtype.encode())
    return keccak256(tagged_hash(TAG_TENSOR, name, dtype, shape, keccak256(bytes(tensor.data))))


def file_leaf(name: str, data: bytes) -> Digest:
    """Leaf of one side file."""
    return keccak256(tagged_hash(TAG_FILE, keccak256(name.encode()), keccak256(data)))


def fingerprint(tensors: Iterable[TensorBytes], files: Mapping[str, bytes]) -> Digest:
    """The checkpoint's fingerprint, 32 bytes: tag and leaf count bind the Merkle root."""
    leaves = [tensor_leaf(tensor) for tensor in tensors]
    leaves += [file_leaf(name, data) for name, data in files.items()]
    return tagged_hash(TAG_CHECKPOINT, len(leaves), MerkleTree(leaves).root)
