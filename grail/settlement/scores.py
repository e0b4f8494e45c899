"""Score sheets [C]: what a validator says of each miner, as leaves, root and canonical bytes (spec: settlement).

A score is the number of verified tokens: the submission's sampled tokens when accepted, zero when rejected or
faulty. A miner that the validator abstained on is not on the sheet at all.
"""

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grail.errors import BadInput
from grail.protocol.constants import TAG_SCORE
from grail.protocol.hashing import keccak256, tagged_hash
from grail.protocol.merkle import MerkleTree
from grail.protocol.units import Address, Digest

MAX_SCORES = 65_536
_ENTRY = struct.Struct(">20sQ")
MAX_SHEET_BYTES = MAX_SCORES * _ENTRY.size


def score_leaf(window: int, validator: Address, miner: Address, score: int) -> Digest:
    """Leaf of one score; doubly hashed like every leaf."""
    return keccak256(tagged_hash(TAG_SCORE, window, validator, miner, score))


@dataclass(frozen=True)
class ScoreSheet:
    """One validator's scores of one window: miner address to verified tokens (uint64)."""

    window: int
    validator: Address
    scores: Mapping[Address, int]

    @cached_property
    def root(self) -> Digest:
        """Merkle root over the leaves; of an empty sheet, the hash of the bare tag."""
        leaves = [score_leaf(self.window, self.validator, miner, score) for miner, score in self.scores.items()]
        return MerkleTree(leaves).root if leaves else tagged_hash(TAG_SCORE, self.window, self.validator)

    def encode(self) -> bytes:
        """Canonical bytes: entries sorted by address, 20-byte address and big-endian uint64 each."""
        return b"".join(_ENTRY.pack(miner, self.scores[miner]) for miner in sorted(self.scores))


def decode_sheet(blob: bytes, window: int, validator: Address) -> ScoreSheet:
    """Parse a foreign sheet. Raises BadInput unless it is canonical: whole entries, strictly ascending addresses."""
    if len(blob) % _ENTRY.size or len(blob) > MAX_SHEET_BYTES:
        raise BadInput(f"expected whole entries of {_ENTRY.size} bytes, at most {MAX_SCORES}, got {len(blob)} bytes")
    entries = list(_ENTRY.iter_unpack(blob))
    miners = [miner for miner, _ in entries]
    if any(a >= b for a, b in itertools.pairwise(miners)):
        raise BadInput("expected a score sheet with strictly ascending addresses")
    return ScoreSheet(window, validator, dict(entries))
