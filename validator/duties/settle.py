"""Compute the settlement from the revealed sheets and attest its root."""

from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.settlement_view import view_settlement


class Settle:
    """Attests once; the deciding attestation settles the window on chain."""

    name = "settle"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the last block of the reveals on; the transaction lands one block later."""
        return block >= schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Attest, unless the window is settled or this validator did not reveal."""
        node, subnet = self._node, self._node.subnet
        if subnet.settlement(window) is not None:
            return {"attested": False}
        if all(reveal.validator != node.address for reveal in subnet.reveals(window)):
            return {"attested": False}
        if not subnet.has_attested(window, node.address):
            settlement = view_settlement(node, window).settlement
            subnet.attest(node.signer, window, settlement.root, settlement.total)
        return {"attested": True}
