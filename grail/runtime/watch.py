"""The duty that tells an operator in time: one warning in the log for each new concern, and gauges of all kinds."""

from collections import Counter

from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.concerns import KINDS, concerns_of
from grail.runtime.duty import Note
from grail.runtime.node import Node


class Watch:
    """At every new block: `run` never returns a note."""

    name = "watch"

    def __init__(self, node: Node) -> None:
        self._node = node
        self._told: set[tuple[str, str]] = set()
        self._block = -1

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """At any block of the newest window that has begun."""
        return schedule.window_of(block) == window and block != self._block

    def run(self, window: WindowId) -> Note | None:
        """Tell what is new; forget what has passed, so that it is told again when it comes back."""
        node = self._node
        self._block = node.subnet.chain.head().number
        found = concerns_of(node.subnet, node.address)
        for concern in found:
            if (concern.kind, concern.about) not in self._told:
                node.log.warning(concern.text, neuron=node.name, concern=concern.kind, blocks_left=concern.blocks_left)
        self._told = {(concern.kind, concern.about) for concern in found}
        counts = Counter(concern.kind for concern in found)
        node.meters.note(node.name, self.name, window, {kind: counts[kind] for kind in KINDS})
        return None
