"""A validator whose reports overstate what it has read."""

from collections.abc import Callable

from grail.protocol.reports import WEALTH_UNIT, AuditReport
from grail.protocol.units import WindowId
from grail.runtime.node import Node
from validator.duties.reports import report_of


def overstated(by: str, wealth: float) -> Callable[[Node, WindowId], bytes]:
    """`report_of`, where the validator named `by` says that every bet against every miner has this log wealth."""

    def report(node: Node, window: WindowId) -> bytes:
        honest = report_of(node, window)
        if node.name != by:
            return honest
        found = AuditReport.decode(honest, len(honest))
        word = round(wealth * WEALTH_UNIT)
        return found.model_copy(
            update={
                "verdicts": {
                    miner: said.model_copy(update={"added": {name: (word,) * len(x) for name, x in said.added.items()}})
                    for miner, said in found.verdicts.items()
                }
            }
        ).encode()

    return report
