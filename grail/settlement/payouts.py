"""Payouts [C]: emission split over consensus → a Merkle tree of (window, account, amount).

Rounding: every share is rounded down; what the divisions leave over is never minted.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from grail.governance.policy import Policy
from grail.protocol.constants import BPS
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.merkle import MerkleTree
from grail.protocol.units import Address, Digest, Wei
from grail.settlement.consensus import Consensus


def payout_leaf(window: int, account: Address, amount: Wei | int) -> Digest:
    """keccak(keccak(abi.encode(window, account, amount))), as RewardPool.claim computes it."""
    return keccak256(keccak256(encode_static(window, account, amount)))


@dataclass(frozen=True)
class Settlement:
    """What a window pays: account to wei, only positive amounts."""

    window: int
    amounts: Mapping[Address, int]

    @property
    def total(self) -> int:
        """Sum in wei: exactly what the pool mints."""
        return sum(self.amounts.values())

    @cached_property
    def _tree(self) -> MerkleTree:
        return MerkleTree([payout_leaf(self.window, account, amount) for account, amount in self.amounts.items()])

    @property
    def root(self) -> Digest:
        """Merkle root; 32 zero bytes when nobody is paid."""
        return self._tree.root if self.amounts else bytes(32)

    def proof(self, account: Address) -> list[Digest]:
        """Merkle path of one account's payout. Raises KeyError when it is paid nothing."""
        return self._tree.path(payout_leaf(self.window, account, self.amounts[account]))


def settle(window: int, outcome: Consensus, policy: Policy, trainer: Address | None, treasury: Address) -> Settlement:
    """Divide the window's emission.

    Miners share by consensus score, validators by weight; the trainer is the publisher of the window's checkpoint.
    A window in which no miner earned a score pays nobody: there was no work to check, train on or settle.
    """
    amounts: dict[Address, int] = {}
    if sum(outcome.scores.values()) == 0:
        return Settlement(window, amounts)
    emission = policy.emission_per_window
    _share(amounts, emission * policy.split_miners_bps // BPS, outcome.scores)
    _share(amounts, emission * policy.split_validators_bps // BPS, outcome.weights)
    if trainer is not None:
        _share(amounts, emission * policy.split_trainer_bps // BPS, {trainer: 1})
    _share(amounts, emission * policy.split_treasury_bps // BPS, {treasury: 1})
    return Settlement(window, amounts)


def _share(amounts: dict[Address, int], budget: int, weights: Mapping[Address, int]) -> None:
    whole = sum(weights.values())
    for account, weight in weights.items():
        amount = budget * weight // whole if whole else 0
        if amount:
            amounts[account] = amounts.get(account, 0) + amount
