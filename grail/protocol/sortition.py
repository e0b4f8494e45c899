"""Seats by stake, for everything that is drawn [C]. Twin of Sortition.sol.

Each seat is a point of the cumulative stake, drawn apart: whoever's stake it falls on has the seat. Cutting stake into
pieces changes neither the mean nor the variance of the seats that they have together.
"""

from grail.protocol.constants import TAG_JURY, TAG_SEAT
from grail.protocol.hashing import tagged_hash
from grail.protocol.units import Address, Digest


def jury_seed(chain_id: int, jury: Address, case: int, block_hash: Digest) -> Digest:
    """Seed of a case's draw; `block_hash` is that of the block after the accusation."""
    return tagged_hash(TAG_JURY, chain_id, jury, case, block_hash)


def point(seed: Digest, seat: int, total: int) -> int:
    """The point of seat number `seat`, in [0, total)."""
    return int.from_bytes(tagged_hash(TAG_SEAT, seed, seat), "big") % total


def seats(seed: Digest, start: int, stake: int, total: int, count: int) -> int:
    """How many of `count` points lie in the `stake` points from `start` on, of `total`."""
    if stake == 0:
        return 0
    return sum(start <= point(seed, seat, total) < start + stake for seat in range(count))
