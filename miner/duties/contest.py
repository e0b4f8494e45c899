"""A miner pleads against rejections of its work: they hold its pay until a jury has replayed what was read."""

from grail.errors import Reverted
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.reckon import reckon

NOTHING_TO_DO = ("AlreadyAccused", "AlreadyConvicted", "TooLate")


class Contest:
    """Once a window: one plea for each validator that rejects the submission. An honest miner wins, and gets its bond
    and half of the validator's fine besides its pay."""

    name = "contest"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the end of the reveals on."""
        return block >= schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Plead against every rejection."""
        node, subnet = self._node, self._node.subnet
        entry = subnet.commitment(window, node.address)
        found = reckon(node.subnet, window) if entry is not None else None
        if entry is None or found is None or subnet.is_convicted(window, node.address):
            return {"contested": 0}
        rejecting = found.rejecting([c.miner for c in found.commitments].index(node.address))
        for validator in rejecting:
            node.log.warning("rejected: contesting", neuron=node.name, window=window, validator=validator.hex())
            try:
                subnet.contest(node.signer, entry, validator, found.sheets[validator])
            except Reverted as error:
                if error.error_name not in NOTHING_TO_DO:
                    raise
        return {"contested": len(rejecting)}
