"""What a subnet is to us: its hotkeys, its rules, and why it takes no weights now."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from grail.errors import ChainError
from grail.protocol.units import Address

U16 = 65_535
RAO = 10**9
"""Units of a token on the native side; in the EVM it has 18 decimals."""

Vector = tuple[tuple[int, int], ...]
"""Weights: (uid, u16) by uid, no zeros, the largest 65,535."""


class Reason(StrEnum):
    """Why no weights are set, or not those that were sent."""

    NOT_REGISTERED = "not_registered"
    NO_PERMIT = "no_permit"
    BELOW_STAKE = "below_stake"
    RATE_LIMITED = "rate_limited"
    VERSION_KEY = "version_key"
    TOO_FEW = "too_few"
    TOO_LARGE = "too_large"
    NO_SETTLEMENT = "no_settlement"
    NO_FEE = "no_fee"
    ALTERED = "altered"
    REFUSED = "refused"


class WeightsRefused(ChainError):
    """The subnet takes no weights of this hotkey now, or not these. `until`: the first block at which it may."""

    def __init__(self, reason: Reason, message: str, until: int | None = None) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.until = until


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A slot of the subnet. `hotkey`, `coldkey`: ss58; `key`: the hotkey's 32 bytes; `evm`: the EVM key that the slot
    has since block `associated_at`; `stake`: alpha in rao; blocks are the native chain's.
    """

    uid: int
    hotkey: str
    key: bytes
    coldkey: str
    registered_at: int
    permit: bool
    stake: int
    last_update: int
    evm: Address | None = None
    associated_at: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """Hyperparameters of a subnet that weights obey. `max_weight`: most of the sum that one may have, of 65,535."""

    tempo: int
    commit_reveal: bool
    rate_limit: int
    min_weights: int
    max_weight: int
    version_key: int
    stake_threshold: int
    reveal_epochs: int


@dataclass(frozen=True, slots=True)
class Metagraph:
    """A subnet, all of it read at one block."""

    netuid: int
    block: int
    block_hash: str
    peers: tuple[Peer, ...]
    rules: Rules

    def by_hotkey(self, hotkey: str) -> Peer | None:
        """The slot of a hotkey."""
        return next((peer for peer in self.peers if peer.hotkey == hotkey), None)

    @property
    def epoch(self) -> int:
        """Number of the epoch that the block is in. Source: pallet-subtensor, blocks_until_next_epoch."""
        return (self.block + self.netuid + 1) // (self.rules.tempo + 1)

    @property
    def blocks_left(self) -> int:
        """Blocks of the epoch that come after this one."""
        return self.rules.tempo - (self.block + self.netuid + 1) % (self.rules.tempo + 1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Signed:
    """A signed submission of weights, before it is sent: `last` is the last block that can hold it; `reveal_round`: of
    drand, where it is a commitment."""

    payload: str
    hash: str
    nonce: int
    last: int
    reveal_round: int | None = None


class NativeChain(Protocol):
    """The native half of Bittensor, for one hotkey."""

    @property
    def hotkey(self) -> str:
        """The ss58 address that signs."""
        ...

    def metagraph(self, netuid: int) -> Metagraph:
        """The subnet as of the newest block. Raises ChainError."""
        ...

    def nonce(self) -> int:
        """The next of the hotkey, as the newest block has it. Raises ChainError."""
        ...

    def sign_weights(self, netuid: int, vector: Vector, version_key: int, blocks: int) -> Signed:
        """Sign weights, good for at most so many blocks; sends nothing. Raises ChainError."""
        ...

    def send(self, signed: Signed) -> None:
        """Send, wait for a block that holds it. Raises WeightsRefused with the chain's reason, ChainError where nobody
        knows what became of it."""
        ...

    def weights_of(self, netuid: int, uid: int) -> Vector:
        """What a validator's weights are. Raises ChainError."""
        ...
