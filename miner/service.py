"""A miner's duties, in the order of the window."""

from grail.runtime.claim import Claim
from grail.runtime.node import Node
from grail.runtime.service import Service
from miner.duties.solve import Solve


def miner_service(node: Node, *, groups: int, solve: type[Solve] = Solve, watchdog_seconds: float = 60.0) -> Service:
    """The service of one miner; `solve` is the way it works."""
    return Service(node, [solve(node, groups), Claim(node)], watchdog_seconds=watchdog_seconds)
