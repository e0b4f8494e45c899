"""The duty of everybody who is paid: claim one's part of a settled window."""

from grail.errors import Reverted
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.settlement_view import view_settlement


class Claim:
    """Waits for the settlement, recomputes it, and claims what it pays this node."""

    name = "claim"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the end of the reveals on."""
        return block > schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Claim, or note that there is nothing to claim."""
        node = self._node
        settled = node.subnet.settlement(window)
        if settled is None:
            return None
        settlement = view_settlement(node, window).settlement
        if settlement.root != settled[0]:
            node.log.warning("the settled root is not ours", window=window, settled=settled[0].hex())
            return None
        amount = settlement.amounts.get(node.address, 0)
        if amount and not node.subnet.has_claimed(window, node.address):
            try:
                node.subnet.claim(node.signer, window, node.address, amount, settlement.proof(node.address))
            except Reverted as error:
                if error.error_name != "AlreadyClaimed":
                    raise
        return {"amount": str(amount)}
