"""A miner pleads against rejections of its work, and silence about it: both hold its pay until a jury has read it."""

from collections.abc import Callable
from functools import partial

from grail.chain.base import Receipt
from grail.errors import Reverted
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.reckon import reckon
from grail.settlement.leaves import UNJUDGED

NOTHING_TO_DO = ("AlreadyAccused", "AlreadyConvicted", "TooLate")


class Contest:
    """Once a window: one plea for each validator that rejects the submission, or one where no seat judged it. An honest
    miner wins, and gets its bond and half of a validator's fine besides its pay."""

    name = "contest"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the end of the reveals on."""
        return block >= schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Plead against everything that holds the pay."""
        node, subnet = self._node, self._node.subnet
        entry = subnet.commitment(window, node.address)
        found = reckon(node.subnet, window) if entry is not None else None
        if entry is None or found is None or subnet.is_convicted(window, node.address):
            return {"contested": 0}
        index = [c.miner for c in found.commitments].index(node.address)
        rejecting = found.rejecting(index)
        for validator in rejecting:
            node.log.warning("rejected: contesting", neuron=node.name, window=window, validator=validator.hex())
            self._plead(partial(subnet.contest, node.signer, entry, validator, found.sheets[validator]))
        if found.holds(index) != UNJUDGED or not node.takes_work(window):
            return {"contested": len(rejecting)}
        node.log.warning("judged by nobody: asking a jury", neuron=node.name, window=window)
        sheets = [found.sheets.get(holder, b"") for holder in found.holders(index)]
        self._plead(partial(subnet.contest_silence, node.signer, entry, sheets))
        return {"contested": 1}

    def _plead(self, send: Callable[[], Receipt]) -> None:
        try:
            send()
        except Reverted as error:
            if error.error_name not in NOTHING_TO_DO:
                raise
