"""Challenge + validator → the order in which that validator opens leaves [C]."""

from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.keys import audit_key
from grail.protocol.units import Address, Digest


def audit_order(
    challenge_w: Digest, validator: Address, miner: Address, groups: int, group_size: int
) -> list[tuple[int, int]]:
    """All (group, index) places of a miner's submission in the order that `validator` must draw them.

    An audit takes a prefix. Validators draw different orders, so coverage adds up and copied verdicts show.
    """
    key = keccak256(audit_key(challenge_w, validator) + miner)
    return [divmod(place, group_size) for place in Draws(key).permutation(groups * group_size)]
