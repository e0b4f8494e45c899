"""Somebody without any role states what a window pays, falsely, and moves for it in duels."""

import contextlib
import dataclasses
from collections.abc import Callable

from grail.chain.accounts import Signer
from grail.errors import Reverted
from grail.protocol.records import Duel
from grail.protocol.units import Address, WindowId
from grail.runtime.node import Node
from grail.settlement.leaves import LeafTree, SettlementLeaf
from grail.settlement.reckoning import Reckoning
from simulation.cast import GRAIL
from simulation.liars.base import Liar, Stage
from simulation.options import Lie
from validator.duties.settle import Settle

POCKET = 1_000 * GRAIL
Twist = Callable[[tuple[SettlementLeaf, ...], Address], tuple[SettlementLeaf, ...]]


class FalseReckoning(Reckoning):
    """The right chain data, other leaves."""

    def __init__(self, right: Reckoning, twist: Twist, liar: Address) -> None:
        super().__init__(**{f.name: getattr(right, f.name) for f in dataclasses.fields(Reckoning)})
        # over the cached properties of the right one
        self.__dict__["leaves"] = twist(right.leaves, liar)
        self.__dict__["tree"] = LeafTree(right.window, self.__dict__["leaves"])


class FalseSettle(Settle):
    """States, moves for and finishes its own version of a settlement; a silent one does not move."""

    def __init__(self, node: Node, twist: Twist, *, silent: bool = False) -> None:
        super().__init__(node)
        self._twist, self._silent = twist, silent

    def _reckon(self, window: WindowId) -> Reckoning | None:
        right = super()._reckon(window)
        return None if right is None else FalseReckoning(right, self._twist, self._node.address)

    def _move(self, found: Reckoning, duel: Duel, side: int, clock: int) -> None:
        if not self._silent:
            super()._move(found, duel, side, clock)


def pay_me(leaves: tuple[SettlementLeaf, ...], liar: Address) -> tuple[SettlementLeaf, ...]:
    """The liar stands in the first miner's place."""
    return (dataclasses.replace(leaves[0], account=liar), *leaves[1:])


class LyingProposer(Liar):
    """The first to state what a window pays: to itself, what the first miner earned."""

    kind = "lying-proposer"

    def __init__(self, network: Stage, lie: Lie, name: str) -> None:
        super().__init__(network, lie, name)
        self._settle: FalseSettle | None = None

    @property
    def funds(self) -> int:
        """Tokens for two bonds."""
        return POCKET

    def labels(self) -> list[str]:
        """One account without a role."""
        return ["account"]

    def join(self, holder: Signer) -> None:
        """Tokens for bonds."""
        self.fund(holder, self.accounts[0], POCKET)

    def lie_in(self, window: WindowId, phase: str) -> None:
        """Before anybody else in each step of the settlement."""
        if phase != "settling":
            return
        if self._settle is None:
            node = dataclasses.replace(self.network.services[0].node, name=self.name, signer=self.accounts[0])
            self._settle = FalseSettle(dataclasses.replace(node, subnet=self.subnet), pay_me)
        with contextlib.suppress(Reverted):  # out of money for another bond
            self._settle.run(window)
