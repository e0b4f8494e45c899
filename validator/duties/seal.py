"""Fix the window's challenge on chain, as soon as its block exists. Anyone may; the first validator does."""

from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.randomness import sealed


class Seal:
    """Seals, or notes that somebody else has."""

    name = "seal"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """Once the challenge block is mined."""
        return block >= schedule.challenge_block(window)

    def run(self, window: WindowId) -> Note | None:
        """Seal if need be; not done while a drand round is waited for."""
        return {} if sealed(self._node, window) else None
