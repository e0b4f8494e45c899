"""Challenge → which rollouts of a submission a validator opens, and in which order [C]."""

from collections.abc import Sequence

from grail.protocol.constants import TAG_DEAL
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256, tagged_hash
from grail.protocol.keys import audit_key
from grail.protocol.units import Address, Digest

Places = list[tuple[int, int]]


def dealt_order(
    challenge: Digest,
    miner: Address,
    groups: int,
    group_size: int,
    *,
    mine: Sequence[int],
    seats: int,
    rollouts: int,
) -> tuple[Places, int]:
    """(all (group, index) places in the order in which a seat holder opens them, how many of them it must open).

    One order of all places is dealt to the seats, `rollouts` to each (less where there are not enough), without
    overlap. A holder opens those of its seats (`mine`) first, and goes on through the others' while what it sees is
    suspicious.
    """
    places = groups * group_size
    each = min(rollouts, -(-places // seats))
    order = Draws(tagged_hash(TAG_DEAL, challenge, miner)).permutation(places)
    own = [place for seat in mine for place in order[seat * each : (seat + 1) * each]]
    taken = set(own)
    rest = [place for place in order if place not in taken]
    return [divmod(place, group_size) for place in own + rest], len(own)


def audit_order(challenge_w: Digest, validator: Address, miner: Address, groups: int, group_size: int) -> Places:
    """All places in the order in which a validator without a seat opens them: an order of its own."""
    key = keccak256(audit_key(challenge_w, validator) + miner)
    return [divmod(place, group_size) for place in Draws(key).permutation(groups * group_size)]
