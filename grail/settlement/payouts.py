"""Payouts [C]: emission split over consensus → a sum tree of (share, account) → amount. Twin of Payouts.sol.

Rounding: every share is rounded down; what the divisions leave over is never minted.
"""

import struct
from collections.abc import Mapping
from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

from grail.errors import BadInput
from grail.governance.policy import Policy
from grail.protocol.constants import BPS, TAG_PAYOUT
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.units import Address
from grail.settlement.consensus import Consensus
from grail.settlement.scores import MAX_SCORES, MAX_SHEET_BYTES, ScoreSheet, decode_sheet
from grail.settlement.sum_tree import Entry, SumTree

_PAYOUT = struct.Struct(">B20s16s")
NOBODY = bytes(20)
MAX_TABLE_BYTES = 4 + MAX_SHEET_BYTES + 2 * MAX_SCORES * _PAYOUT.size
"""Every miner and as many others."""
_TAG = keccak256(TAG_PAYOUT.encode())


class Share(IntEnum):
    """Whose part of the emission; the numbers are Payouts.sol's."""

    MINER = 1
    VALIDATOR = 2
    TRAINER = 3
    TREASURY = 4


def payout_key(share: Share, account: Address) -> int:
    """What a payout's leaf is sorted by: first the share, then the account."""
    return share << 160 | int.from_bytes(account, "big")


@dataclass(frozen=True)
class Settlement:
    """What a window pays: (share, account) to wei, only positive amounts; and the scores that it follows from."""

    window: int
    amounts: Mapping[tuple[Share, Address], int]
    scores: Mapping[Address, int]

    @property
    def total(self) -> int:
        """Sum in wei: exactly what the pool mints and keeps for claims."""
        return sum(self.amounts.values())

    @cached_property
    def tree(self) -> SumTree:
        """Sum tree of the payouts."""
        leaves = {payout_key(share, account): amount for (share, account), amount in self.amounts.items()}
        return SumTree(keccak256(encode_static(_TAG, self.window)), leaves)

    @cached_property
    def score_tree(self) -> SumTree:
        """Sum tree of the settled scores: a sheet of nobody."""
        return ScoreSheet(self.window, NOBODY, self.scores).tree

    def entries(self, account: Address) -> list[Entry]:
        """Leaf and path of everything that the window pays this account."""
        return [self.tree.entry(payout_key(s, a)) for s, a in sorted(self.amounts) if a == account]

    def table(self) -> bytes:
        """All leaves as bytes, for the object store: settled scores, then payouts, each sorted."""
        scores = ScoreSheet(self.window, NOBODY, self.scores).encode()
        amounts = b"".join(
            _PAYOUT.pack(share, account, self.amounts[share, account].to_bytes(16, "big"))
            for share, account in sorted(self.amounts)
        )
        return struct.pack(">I", len(self.scores)) + scores + amounts


def decode_table(blob: bytes, window: int) -> Settlement:
    """Parse somebody's table. Raises BadInput on bytes that are no table; whether it is right shows its roots."""
    entry = 28
    count = int.from_bytes(blob[:4], "big")
    rest = blob[4 + count * entry :]
    if len(blob) < 4 + count * entry or len(rest) % _PAYOUT.size:
        raise BadInput("expected a settlement table: a count, scores, payouts")
    scores = decode_sheet(blob[4 : 4 + count * entry], window, NOBODY).scores
    amounts = {}
    for share, account, amount in _PAYOUT.iter_unpack(rest):
        if share not in set(Share):
            raise BadInput(f"expected a share among {[int(s) for s in Share]}, got {share}")
        amounts[Share(share), account] = int.from_bytes(amount, "big")
    return Settlement(window, amounts, scores)


def settle(
    window: int, outcome: Consensus, policy: Policy, emission: int, trainer: Address | None, treasury: Address
) -> Settlement:
    """Divide what a window may mint (`emission`, wei; RewardPool.emissionOf).

    Miners share by consensus score, validators by weight; the trainer is the publisher of the window's checkpoint.
    A window in which no miner earned a score pays nobody: there was no work to check, train on or settle.
    """
    amounts: dict[tuple[Share, Address], int] = {}
    scores = dict(outcome.scores)
    if sum(scores.values()) == 0:
        return Settlement(window, amounts, scores)
    _divide(amounts, Share.MINER, emission * policy.split_miners_bps // BPS, scores)
    _divide(amounts, Share.VALIDATOR, emission * policy.split_validators_bps // BPS, outcome.weights)
    if trainer is not None:
        _divide(amounts, Share.TRAINER, emission * policy.split_trainer_bps // BPS, {trainer: 1})
    _divide(amounts, Share.TREASURY, emission * policy.split_treasury_bps // BPS, {treasury: 1})
    return Settlement(window, amounts, scores)


def _divide(
    amounts: dict[tuple[Share, Address], int], share: Share, budget: int, weights: Mapping[Address, int]
) -> None:
    whole = sum(weights.values())
    for account, weight in weights.items():
        amount = budget * weight // whole if whole else 0
        if amount:
            amounts[share, account] = amount
