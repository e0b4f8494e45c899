"""Score sheets [C]: what a validator says of each miner, as leaves, root and canonical bytes (spec: settlement).

A score is the number of verified tokens, weighted by what their environments earn: the submission's sampled tokens
when accepted, zero when rejected or faulty. A miner that the validator abstained on is not on the sheet at all.
"""

import itertools
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grail.errors import BadInput
from grail.protocol.constants import TAG_SCORE
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.units import Address, Digest
from grail.settlement.sum_tree import SumTree

MAX_SCORES = 65_536
_TAG = keccak256(TAG_SCORE.encode())
_ENTRY = struct.Struct(">20sQ")
MAX_SHEET_BYTES = MAX_SCORES * _ENTRY.size


def score_context(window: int, validator: Address) -> Digest:
    """What a sheet's leaves are bound to; the settled scores are a sheet of validator zero."""
    return keccak256(encode_static(_TAG, window, validator))


def key_of(account: Address) -> int:
    """An account as the key of a sum tree."""
    return int.from_bytes(account, "big")


@dataclass(frozen=True)
class ScoreSheet:
    """One validator's scores of one window: miner address to score (uint64)."""

    window: int
    validator: Address
    scores: Mapping[Address, int]

    @cached_property
    def tree(self) -> SumTree:
        """Sum tree over the scores, keyed by miner."""
        return SumTree(
            score_context(self.window, self.validator), {key_of(miner): score for miner, score in self.scores.items()}
        )

    @property
    def root(self) -> Digest:
        """Sealed root of the tree."""
        return self.tree.root

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
