"""The duty of everybody who is paid: claim one's part of a settled window."""

from collections.abc import Callable

from grail.chain.base import Receipt
from grail.errors import Reverted
from grail.protocol.records import Role
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.reckon import budgets_of, reckon
from grail.settlement.payouts import Share
from grail.settlement.reckoning import Reckoning

DONE = ("AlreadyClaimed", "NotPayable", "Convicted", "ClaimExpired")


class Claim:
    """Waits for the settlement, recomputes it, and claims what it pays this neuron. A trainer sees to the treasury's
    part, too."""

    name = "claim"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the end of the reveals on."""
        return block > schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Claim, or note that there is nothing to claim."""
        node, subnet = self._node, self._node.subnet
        settled = subnet.settlement(window)
        if settled is None:
            return None
        found = reckon(node.subnet, window)
        if found is None or found.terms.root != settled:
            node.log.error("the settled root is not ours", window=window, settled=settled.hex())
            return {"amount": "0"}
        role = subnet.neuron(node.address).role
        if role is Role.TRAINER:
            return self._shares(window, found)
        index = found.leaf_of(node.address, validator=role is Role.VALIDATOR)
        if index is None or found.leaves[index].value == 0:
            return {"amount": "0"}
        leaf, parts = found.leaves[index], budgets_of(node.subnet, window, found)
        amount = parts.validator(leaf.value) if role is Role.VALIDATOR else parts.miner(leaf.value)
        if leaf.holds > subnet.overturned(window, node.address) and role is Role.MINER:
            return self._held(window, amount)
        if amount == 0:
            return {"amount": "0"}
        path = found.tree.path(index)
        return self._claimed(amount, lambda: subnet.claim(node.signer, window, index, leaf, path))

    def _held(self, window: WindowId, amount: int) -> Note | None:
        """Wait while a jury may still let the pay go."""
        node, subnet = self._node, self._node.subnet
        mine = (window, node.address, True)
        pending = any((c.window, c.accused, c.contest) == mine and c.ruling == 0 for c in subnet.cases())
        last = subnet.schedule.start(WindowId(window + 1)) + subnet.policy(window).accusation_horizon_blocks
        if pending or subnet.chain.head().number <= last:
            return None
        node.log.warning("pay is held for good", neuron=node.name, window=window, amount=amount)
        return {"amount": "0", "held": str(amount)}

    def _shares(self, window: WindowId, found: Reckoning) -> Note:
        node, subnet = self._node, self._node.subnet
        record, parts = subnet.active_checkpoint(window), budgets_of(node.subnet, window, found)
        self._claimed(parts.treasury, lambda: subnet.claim_share(node.signer, window, Share.TREASURY))
        if record is None or record.publisher != node.address:
            return {"amount": "0"}
        return self._claimed(parts.trainer, lambda: subnet.claim_share(node.signer, window, Share.TRAINER))

    def _claimed(self, amount: int, send: Callable[[], Receipt]) -> Note:
        if amount == 0:
            return {"amount": "0"}
        try:
            send()
        except Reverted as error:
            if error.error_name not in DONE:
                raise
            if error.error_name != "AlreadyClaimed":
                return {"amount": "0"}
        return {"amount": str(amount)}
