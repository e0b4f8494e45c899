"""The duty of everybody who is paid: claim one's part of a settled window."""

from grail.errors import Reverted
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, Digest, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.settlement_view import published_settlement, view_settlement
from grail.settlement.payouts import Settlement


class Claim:
    """Waits for the settlement, recomputes it, and claims what it pays this neuron."""

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
        settlement = self._settlement(window, settled[0])
        if settlement is None:
            return None
        entries = settlement.entries(node.address)
        for entry in entries:
            if not node.subnet.is_paid(window, entry.index):
                try:
                    node.subnet.claim(node.signer, window, entry)
                except Reverted as error:
                    if error.error_name != "AlreadyClaimed":
                        raise
        return {"amount": str(sum(entry.value for entry in entries))}

    def _settlement(self, window: WindowId, root: Digest) -> Settlement | None:
        """What was settled: one's own reckoning, or, where the stake decided otherwise, the published table."""
        node = self._node
        own = view_settlement(node, window).settlement
        if own.tree.root == root:
            return own
        node.log.warning("the settled root is not ours", window=window, settled=root.hex())
        terms = node.subnet.proposed_terms(window, node.subnet.proposal(window).digest)
        return published_settlement(node, window, terms)
