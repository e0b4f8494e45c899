"""Keep the pledge at what this miner is going to deliver: its pay follows from what it delivered of its pledges."""

from grail.protocol.records import Role
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from miner.duties.pace import Pace, working_blocks

LITTLE = 1.25
"""A pledge grows by at least this factor, but for the last step: every change is a transaction."""


class Pledge:
    """Pledges what this miner will deliver, as far as stake and pace allow, whenever that is another number than was
    pledged last. A pace that is a little better than the pledge changes nothing.
    """

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
        most = min(self._groups, subnet.groups_covered(node.address))
        fits = Pace.load(node.journal, node.signer.name).fits(working_blocks(subnet.schedule.commit))
        wanted = most if fits is None else max(1, min(most, fits))
        pledged = subnet.pledged(WindowId(window + 2), node.address)
        if pledged < wanted < min(most, LITTLE * pledged):
            wanted = pledged
        if wanted < most:
            node.log.info("the pace allows fewer groups than set", neuron=node.name, groups=wanted, set=most)
        if wanted != pledged:
            subnet.pledge(node.signer, wanted)
            node.log.info("pledged", neuron=node.name, groups=wanted, before=pledged, in_force=window + 2)
        return {"pledged": wanted}
