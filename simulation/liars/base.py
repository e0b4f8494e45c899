"""What a lie is: who tells it, in which windows, with which accounts, and what it came to."""

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Protocol

from grail.chain.accounts import Signer
from grail.chain.base import Chain, Receipt
from grail.chain.subnet import Subnet
from grail.protocol.units import Address, BlockNumber, WindowId
from grail.runtime.service import Service
from grail.telemetry.run_log import RunLog
from simulation.cast import GAS_MONEY, signer_of
from simulation.options import Lie, LocalnetOptions


class Stage(Protocol):
    """The network that is lied in: what a liar needs of LocalNetwork."""

    options: LocalnetOptions
    chain: Chain
    funder: Signer
    subnet: Subnet
    run_log: RunLog
    services: list[Service]


class Recorded:
    """A chain that tells what was sent through it."""

    def __init__(self, chain: Chain, liar: "Liar") -> None:
        self._chain, self._liar = chain, liar

    def __getattr__(self, name: str) -> Any:
        return getattr(self._chain, name)

    def send(
        self, signer: Signer, to: Address | None, data: bytes, value: int = 0, *, last: BlockNumber | None = None
    ) -> Receipt:
        """Send, and put it on record."""
        receipt = self._chain.send(signer, to, data, value, last=last)
        self._liar.acted(receipt)
        return receipt


class Liar(ABC):
    """One attacker with all its accounts. `act` is called in every phase of its windows."""

    kind: ClassVar[str]

    def __init__(self, network: Stage, lie: Lie, name: str) -> None:
        self.network, self.lie, self.name = network, lie, name
        self.accounts = [signer_of(network.options.seed, f"{name} {label}") for label in self.labels()]
        self._window: WindowId | None = None

    @property
    @abstractmethod
    def funds(self) -> int:
        """What all its accounts were given, in wei."""

    @abstractmethod
    def labels(self) -> list[str]:
        """Names of its accounts."""

    @abstractmethod
    def join(self, holder: Signer) -> None:
        """Fund and register the accounts, before genesis."""

    @abstractmethod
    def lie_in(self, window: WindowId, phase: str) -> None:
        """Lie, if this is the phase for it: mining, auditing, revealing, settling or claiming."""

    def act(self, window: WindowId, phase: str) -> None:
        """`lie_in`, on record."""
        self._window = window
        try:
            self.lie_in(window, phase)
        finally:
            self._window = None

    @property
    def subnet(self) -> Subnet:
        """The network, seen through a chain that keeps record."""
        return Subnet(Recorded(self.network.chain, self), self.network.subnet.book)

    def fund(self, holder: Signer, account: Signer, amount: int) -> None:
        """Tokens and gas money from the holder."""
        self.network.chain.send(self.network.funder, account.address, b"", GAS_MONEY)
        self.network.subnet.transfer(holder, account.address, amount)

    def acted(self, receipt: Receipt) -> None:
        """Put a transaction on record."""
        if self._window is not None:
            transaction = "0x" + receipt.transaction.hex()
            self.network.run_log.add("lie", self._window, name=self.name, attack=self.kind, transaction=transaction)

    def wealth(self) -> int:
        """What all its accounts have now: tokens, and stake of their own, active, unbonding or due; in wei."""
        subnet, vault = self.network.subnet, self.network.subnet.contracts["StakeVault"]
        found = 0
        for account in self.accounts:
            pools = vault.call("poolsOf", account.address)
            found += subnet.balance(account.address) + sum(subnet.position(pool, account.address) for pool in pools)
            found += sum(subnet.collectable(pool, account.address) for pool in pools)
            found += sum(vault.call("exitsOf", account.address)[1])
        return found
