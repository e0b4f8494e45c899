"""Seats on a jury by stake [C]. Twin of Sortition.sol."""

from grail.protocol.constants import TAG_JURY, TAG_SEAT
from grail.protocol.hashing import tagged_hash
from grail.protocol.units import Address, Digest


def jury_seed(chain_id: int, jury: Address, case: int, block_hash: Digest) -> Digest:
    """Seed of a case's draw; `block_hash` is that of the block after the accusation."""
    return tagged_hash(TAG_JURY, chain_id, jury, case, block_hash)


def seats(seed: Digest, juror: Address, stake: int, total: int, jury_seats: int) -> int:
    """floor(jury_seats * stake / total), and one more with a probability of the fraction."""
    if total == 0:
        return 0
    whole, rest = divmod(jury_seats * stake, total)
    ticket = int.from_bytes(tagged_hash(TAG_SEAT, seed, juror), "big") % total
    return whole + (ticket < rest)
