"""Fix the window's challenge on chain, as soon as its block exists. Anyone may; the first validator does."""

from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node


class Seal:
    """Seals, or notes that somebody else has."""

    name = "seal"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """Once the challenge block is mined."""
        return block >= schedule.challenge_block(window)

    def run(self, window: WindowId) -> Note | None:
        """Seal if need be."""
        challenge = self._node.subnet.challenge(window)
        if challenge is None:
            self._node.subnet.seal(self._node.signer, window)
        return {}
