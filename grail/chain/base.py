"""The Chain protocol: what we ask of an EVM chain, and the value types of its answers."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from grail.chain.accounts import Signer
from grail.protocol.units import Address, BlockNumber, Digest


@dataclass(frozen=True, slots=True)
class Head:
    """The newest block."""

    number: BlockNumber
    hash: Digest


@dataclass(frozen=True, slots=True)
class Receipt:
    """A mined, successful transaction. `contract` is set by a deployment."""

    transaction: Digest
    block: BlockNumber
    gas_used: int
    contract: Address | None = None


@dataclass(frozen=True, slots=True)
class Log:
    """One raw event."""

    address: Address
    topics: tuple[bytes, ...]
    data: bytes
    block: BlockNumber
    index: int
    transaction: Digest


class Chain(Protocol):
    """Any EVM chain. Every method raises ChainUnavailable after bounded retries; send and call raise Reverted."""

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        ...

    def head(self) -> Head:
        """The newest block."""
        ...

    def block_hash(self, number: BlockNumber) -> Digest:
        """Hash of a mined block. Raises ChainError when it does not exist yet."""
        ...

    def block_time(self, number: BlockNumber) -> int:
        """When a mined block was made by its own word, in seconds since 1970."""
        ...

    def coins(self, address: Address) -> int:
        """What an account has of the chain's own coin, in wei: it pays for gas."""
        ...

    def final_block(self) -> BlockNumber:
        """The newest block that no reorganisation will take away: what is remembered for good is at or below it."""
        ...

    def code(self, address: Address) -> bytes:
        """Runtime code at an address, empty where there is none."""
        ...

    def nonce(self, address: Address) -> int:
        """Transactions that an account has sent, waiting ones included."""
        ...

    def call(self, to: Address, data: bytes) -> bytes:
        """Run a read-only call at the newest block; returns the ABI-encoded answer."""
        ...

    def send(
        self, signer: Signer, to: Address | None, data: bytes, value: int = 0, *, last: BlockNumber | None = None
    ) -> Receipt:
        """Sign, send and wait for one transaction; `to` None deploys. Returns only on success.

        `last`: the last block in which it means anything; raises TooLate as soon as it cannot be mined until then.
        """
        ...

    def logs(self, addresses: Sequence[Address], first: BlockNumber, last: BlockNumber) -> list[Log]:
        """Events of these contracts in blocks [first, last], in chain order."""
        ...
