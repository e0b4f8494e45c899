"""A validator whose reports overstate what it has read."""

import json
from collections.abc import Callable

from grail.protocol.units import WindowId
from grail.runtime.node import Node
from validator.duties.reports import report_of


def overstated(by: str, wealth: float) -> Callable[[Node, WindowId], bytes]:
    """`report_of`, where the validator named `by` says that every bet against every miner has this log wealth."""

    def report(node: Node, window: WindowId) -> bytes:
        found = json.loads(report_of(node, window))
        if node.name == by:
            for entry in found["verdicts"].values():
                entry["added"] = {name: [wealth] * len(said) for name, said in entry["added"].items()}
        return json.dumps(found).encode()

    return report
