"""Keep a place among the active validators, without which nothing that this validator does counts; leave it to rest."""

from grail.errors import Reverted
from grail.protocol.records import Role
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node

NOTHING_TO_DO = ("AlreadySeated", "StakeTooLow", "SetTooLarge", "NotActive")


class Seat:
    """Once a window: a free place, or that of a smaller validator; it counts from the next window on. Where its owner
    has announced a rest for this window, it leaves."""

    name = "seat"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """In the window itself."""
        return schedule.window_of(block) == window

    def run(self, window: WindowId) -> Note | None:
        """Take a place, or say in the log why there is none."""
        node, subnet = self._node, self._node.subnet
        rest = subnet.rest_of(node.address)
        if rest.taken:
            return {"seated": False}
        if subnet.is_seated(node.address):
            if not rest.announced or rest.window != window:
                return {"seated": True}
            subnet.rest(node.signer, node.address)
            node.log.info("rests: no seats from the next window on", neuron=node.name, window=window)
            return {"seated": False}
        own = subnet.weight_due(node.address)
        others = subnet.active_validators()
        full = len(others) >= subnet.latest_policy().max_validators
        if not subnet.is_active(node.address, Role.VALIDATOR):
            node.log.warning("no seat: this validator may not work (jail, or too little own stake)", stake=own)
            return {"seated": False}
        if full and own <= min(others.values()):
            node.log.warning("no seat: the active set is full of larger stakes", stake=own, least=min(others.values()))
            return {"seated": False}
        try:
            subnet.sit(node.signer, node.address)
        except Reverted as error:
            if error.error_name not in NOTHING_TO_DO:
                raise
        return {"seated": subnet.is_seated(node.address)}
