"""Windows that draw from drand: call the round, wait for it, bring it. Whoever needs the randomness first does."""

import time

from grail.errors import Reverted
from grail.protocol.records import Moment
from grail.protocol.units import WindowId
from grail.runtime.node import Node


def opened(node: Node, window: WindowId) -> bool:
    """Is the window's beacon fixed, and its block buried as deep as this node wants? Goes one step towards it."""
    if node.subnet.chain.head().number < node.subnet.schedule.start(window) + node.confirmations:
        return False
    return not node.subnet.draws_from_drand(window) or _drawn(node, window, Moment.OPEN)


def sealed(node: Node, window: WindowId) -> bool:
    """Is the window's challenge fixed? Goes one step towards it where it is not."""
    return _drawn(node, window, Moment.SEAL)


def _drawn(node: Node, window: WindowId, moment: Moment) -> bool:
    subnet = node.subnet
    if subnet.drawn(window, moment) is not None:
        return True
    called = subnet.round_called(window, moment)
    if called is None:
        subnet.draw_randomness(node.signer, window, moment)
        return subnet.drawn(window, moment) is not None
    if time.time() < called.published_at:
        return False
    for signature in node.drand.signatures(called.number):
        try:
            subnet.bring_round(node.signer, window, moment, signature)
        except Reverted as error:
            if error.error_name != "WrongRound":
                raise
            node.log.warning("a drand relay lied", neuron=node.name, window=window, round=called.number)
        else:
            return True
    return False
