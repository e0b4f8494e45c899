"""The accused in court: appeals against a ruling that it knows to be wrong."""

from grail.errors import Reverted
from grail.protocol.records import Ballot, Case, CaseState
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node

NOTHING_TO_DO = ("AlreadyResolved", "NotDecided", "TooLate", "Paused")


class Defend:
    """Not done once a window but at every tick: `run` never returns a note."""

    name = "defend"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """At any block of the newest window that has begun."""
        return schedule.window_of(block) == window

    def run(self, window: WindowId) -> Note | None:
        """Appeal while a ruling waits."""
        node = self._node
        for case in node.subnet.cases():
            if case.accused == node.address:
                self._appeal(case)
        return None

    def _appeal(self, case: Case) -> None:
        subnet = self._node.subnet
        if case.state is CaseState.RULED and case.ruling is Ballot.GUILTY and subnet.clock() <= case.commit_end:
            try:
                subnet.appeal(self._node.signer, case.number)
            except Reverted as error:
                if error.error_name not in NOTHING_TO_DO:
                    raise
