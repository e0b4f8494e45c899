"""From what a window paid to weights [C]: integers alone, so that all validators say the same of one settlement."""

from collections.abc import Mapping
from dataclasses import dataclass

from grail.chain.bittensor.base import U16, Reason, Rules, Vector, WeightsRefused
from grail.chain.bittensor.binding import Bound
from grail.protocol.units import Address


@dataclass(frozen=True, slots=True)
class Row:
    """A line of what will be set. `score`: worth that a settled window pays for."""

    uid: int
    hotkey: str
    score: int
    u16: int


def rows_of(scores: Mapping[Address, int], whole: int, bound: Bound, burn_uid: int | None) -> list[Row]:
    """Each bound miner's worth, and what its weight is: the largest score becomes 65,535, the others in proportion,
    rounded down; zeros are left out. With a `burn_uid`, what of `whole` no bound miner earned is its score.

    Raises WeightsRefused where nobody has any.
    """
    by_uid: dict[int, int] = {}
    for account, score in scores.items():
        peer = bound.peers.get(account)
        if peer is not None and score > 0:
            by_uid[peer.uid] = by_uid.get(peer.uid, 0) + score
    if burn_uid is not None:
        rest = whole - sum(by_uid.values())
        by_uid[burn_uid] = by_uid.get(burn_uid, 0) + max(0, rest)
    largest = max(by_uid.values(), default=0)
    if largest <= 0:
        raise WeightsRefused(Reason.NO_SETTLEMENT, "the window pays no miner that is bound to a hotkey")
    found = [Row(uid, bound.hotkeys.get(uid, ""), score, score * U16 // largest) for uid, score in by_uid.items()]
    return sorted((row for row in found if row.u16), key=lambda row: row.uid)


def vector_of(rows: list[Row], rules: Rules, own_uid: int) -> Vector:
    """What is sent. Raises WeightsRefused where the subnet would not take it: too few weights are not filled up, too
    large ones not cut, for then they would say what no settlement says.
    """
    vector = tuple((row.uid, row.u16) for row in rows)
    if vector == ((own_uid, U16),):
        return vector  # the chain excepts a weight for oneself
    if len(vector) < rules.min_weights:
        raise WeightsRefused(
            Reason.TOO_FEW, f"the subnet wants {rules.min_weights} weights, a window paid {len(vector)}"
        )
    total = sum(weight for _, weight in vector)
    if rules.max_weight * total < U16 * U16:
        raise WeightsRefused(
            Reason.TOO_LARGE,
            f"one weight is {100 * U16 / total:.1f} % of all, the subnet takes {rules.max_weight}/65535",
        )
    return vector
