"""A validator's duties, in the order of the window."""

from grail.runtime.ahead import Ahead
from grail.runtime.claim import Claim
from grail.runtime.defend import Defend
from grail.runtime.duty import Duty
from grail.runtime.node import Node
from grail.runtime.service import Service
from grail.runtime.watch import Watch
from validator.duties.accuse import Accuse
from validator.duties.alpha import ReadAlpha
from validator.duties.audit import Audit
from validator.duties.check import CheckAudits
from validator.duties.jury import JuryService
from validator.duties.score import CommitScores, RevealScores
from validator.duties.seal import Seal
from validator.duties.seat import Seat
from validator.duties.settle import Settle


def validator_service(
    node: Node, *, audit: type[Audit] = Audit, defend: bool = True, watchdog_seconds: float = 60.0
) -> Service:
    """The service of one validator; `audit` is the way it audits, `defend` whether it appeals when it is convicted."""
    duties: list[Duty] = [
        Watch(node),
        Seat(node),
        ReadAlpha(node),
        Seal(node),
        audit(node),
        CommitScores(node),
        RevealScores(node),
        Accuse(node),
        CheckAudits(node),
        JuryService(node),
        Settle(node),
        Claim(node),
        Ahead(node),
    ]
    if defend:
        duties.append(Defend(node))
    return Service(node, duties, watchdog_seconds=watchdog_seconds)
