"""A miner in court: shows what is demanded of it, and appeals against a ruling that it knows to be wrong."""

from grail.errors import Reverted
from grail.protocol.records import Ballot, Case, CaseState, Demand
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.submissions import fetch_submission

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
        """Answer open demands; appeal while a ruling waits."""
        node = self._node
        for demand in node.subnet.demands():
            if demand.miner == node.address and not demand.closed:
                self._answer(demand)
        for case in node.subnet.cases():
            if case.accused == node.address:
                self._appeal(case)
        return None

    def _answer(self, demand: Demand) -> None:
        node = self._node
        entry = node.subnet.commitment(demand.window, node.address)
        if entry is None:
            return
        submission = fetch_submission(node, entry)
        leaf, path = submission.opening(demand.group, demand.index)
        rollout = submission.groups[demand.group].rollouts[demand.index]
        try:
            node.subnet.answer_opening(node.signer, demand.number, entry, leaf, path, rollout.contents())
        except Reverted as error:
            if error.error_name not in NOTHING_TO_DO:
                raise

    def _appeal(self, case: Case) -> None:
        subnet = self._node.subnet
        if case.state is CaseState.RULED and case.ruling is Ballot.GUILTY and subnet.clock() <= case.commit_end:
            try:
                subnet.appeal(self._node.signer, case.number)
            except Reverted as error:
                if error.error_name not in NOTHING_TO_DO:
                    raise
