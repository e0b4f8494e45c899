"""A miner's duties, in the order of the window."""

from grail.runtime.ahead import Ahead
from grail.runtime.claim import Claim
from grail.runtime.defend import Defend
from grail.runtime.duty import Duty
from grail.runtime.node import Node
from grail.runtime.service import Service
from grail.runtime.watch import Watch
from miner.duties.contest import Contest
from miner.duties.pledge import Pledge
from miner.duties.solve import Solve


def miner_service(
    node: Node, *, groups: int, solve: type[Solve] = Solve, defend: bool = True, watchdog_seconds: float = 60.0
) -> Service:
    """The service of one miner; `solve` is the way it works, `defend` whether it goes to court."""
    duties: list[Duty] = [Watch(node), Pledge(node, groups), solve(node, groups), Claim(node)]
    if defend:
        duties += [Contest(node), Defend(node)]
    duties.append(Ahead(node))
    return Service(node, duties, watchdog_seconds=watchdog_seconds)
