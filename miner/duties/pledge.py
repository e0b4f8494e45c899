"""Keep the pledge at what this miner is going to deliver: its pay follows from what it delivered of its pledges."""

from grail.protocol.records import Role
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node


class Pledge:
    """Pledges the miner's groups, as many as its stake covers, whenever they are others than those pledged last."""

    name = "pledge"

    def __init__(self, node: Node, groups: int) -> None:
        """`groups`: that this miner means to deliver in every window."""
        self._node = node
        self._groups = groups

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """At any block of the newest window."""
        return schedule.window_of(block) == window

    def run(self, window: WindowId) -> Note | None:
        """Compare with what is in force two windows later, since no pledge acts sooner."""
        node, subnet = self._node, self._node.subnet
        if not subnet.is_active(node.address, Role.MINER):
            return {}
        wanted = min(self._groups, subnet.groups_covered(node.address))
        pledged = subnet.pledged(WindowId(window + 2), node.address)
        if wanted != pledged:
            subnet.pledge(node.signer, wanted)
            node.log.info("pledged", neuron=node.name, groups=wanted, before=pledged, in_force=window + 2)
        return {"pledged": wanted}
