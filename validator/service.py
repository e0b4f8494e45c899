"""A validator's duties, in the order of the window."""

from grail.runtime.ahead import Ahead
from grail.runtime.claim import Claim
from grail.runtime.duty import Duty
from grail.runtime.node import Node
from grail.runtime.service import Service
from grail.runtime.watch import Watch
from validator.duties.accuse import Accuse
from validator.duties.audit import Audit
from validator.duties.jury import JuryService
from validator.duties.score import CommitScores, RevealScores
from validator.duties.seal import Seal
from validator.duties.seat import Seat
from validator.duties.settle import Settle


def validator_service(node: Node, *, watchdog_seconds: float = 60.0) -> Service:
    """The service of one validator."""
    duties: list[Duty] = [
        Watch(node),
        Seat(node),
        Seal(node),
        Audit(node),
        CommitScores(node),
        RevealScores(node),
        Accuse(node),
        JuryService(node),
        Settle(node),
        Claim(node),
        Ahead(node),
    ]
    return Service(node, duties, watchdog_seconds=watchdog_seconds)
