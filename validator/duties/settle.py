"""See a window's settlement to its end: state what it pays, fell what is false, make final what stands."""

from grail.errors import Reverted
from grail.protocol.records import Duel, Proposal, Round
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, Digest, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.reckon import reckon
from grail.settlement.evidence import evidence_of
from grail.settlement.leaves import NO_LEAF
from grail.settlement.reckoning import Reckoning, terms_digest

SOMEBODY_WAS_FIRST = (
    "AlreadyProposed", "AlreadySettled", "AlreadyNamed", "AlreadyResolved", "NotNamed", "NotStanding", "NothingToDo",
    "StillDisputed", "NoFault",
)  # fmt: skip
WAITING = ("TooEarly", "Paused")


class Settle:
    """Not done until the window is final, or can no longer be; each tick takes the step that the chain asks for.

    Anyone may move for any side of a duel. This validator moves for the truth, whoever stated it.
    """

    name = "settle"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the last block of the reveals on; the transaction lands one block later."""
        return block >= schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """State, duel, or finish; a note once nothing is left to do."""
        subnet = self._node.subnet
        now = subnet.round(window)
        if now.closed:
            return {"settled": True}
        if not subnet.commitments(window):
            return {"settled": False}
        found = self._reckon(window)
        if found is None:
            return None
        try:
            return self._step(now, found)
        except Reverted as error:
            if error.error_name not in SOMEBODY_WAS_FIRST + WAITING:
                raise
            return None

    def _reckon(self, window: WindowId) -> Reckoning | None:
        """What this validator states."""
        return reckon(self._node.subnet, window)

    def _step(self, now: Round, found: Reckoning) -> Note | None:
        node, subnet, window = self._node, self._node.subnet, now.window
        clock, own = subnet.clock(), terms_digest(window, found.terms)
        mine = next((stated for stated in now.standing if stated.digest == own), None)
        if mine is None:
            return self._state(now, found, clock)
        for other in now.standing:
            if other.number != mine.number:
                self._challenge(window, found, mine, other)
        for duel in subnet.duels(window):
            if mine.number in duel.ids:
                self._move(found, duel, duel.ids.index(mine.number), clock)
        if len(now.standing) == 1 and mine.duels == 0 and clock >= now.deadline:
            subnet.finalize(node.signer, window, mine.number, found.terms)
            return {"settled": True}
        return None

    def _state(self, now: Round, found: Reckoning, clock: int) -> Note | None:
        """State the truth while that can be done. Where it cannot, what others stated is out of reach."""
        if now.deadline and clock >= now.deadline:
            if now.standing:
                self._node.log.error("a false settlement stands, and it is too late", window=now.window)
                return None
            return {"settled": False}
        try:
            self._node.subnet.propose(self._node.signer, now.window, found.terms)
        except Reverted as error:
            if error.error_name == "TooLate":
                return {"settled": False}
            raise
        return None

    def _challenge(self, window: WindowId, found: Reckoning, mine: Proposal, other: Proposal) -> None:
        """Set the truth against another statement: its own leaves where it only sums them up falsely, else a duel."""
        node, subnet = self._node, self._node.subnet
        claimed = subnet.stated_terms(window, other.number)
        if claimed.root != found.terms.root:
            if not any(set(duel.ids) == {mine.number, other.number} for duel in subnet.duels(window)):
                node.log.warning("challenging a settlement", window=window, proposer=other.proposer.hex())
                subnet.open_duel(node.signer, window, mine.number, found.terms, other.number, claimed)
            return
        miners = (claimed.whole, claimed.due) != (found.terms.whole, found.terms.due)
        index = len(found.commitments) - 1 if miners else len(found.leaves) - 1
        leaf, path = found.leaves[index], found.tree.path(index)
        subnet.refute_sums(node.signer, window, other.number, claimed, miners=miners, leaf=leaf, path=path)

    def _move(self, found: Reckoning, duel: Duel, side: int, clock: int) -> None:
        """The next move of a duel, for the side that is right."""
        node, subnet, tree = self._node, self._node.subnet, found.tree
        if duel.depth == 0:
            self._decide(found, duel, side)
        elif not duel.named[side]:
            subnet.name_nodes(node.signer, duel.number, side, tree.named(duel.depth, duel.index))
        elif duel.named[1 - side]:
            theirs = self._named(duel, 1 - side)
            sides = (tree.named(duel.depth, duel.index), theirs)
            subnet.descend(node.signer, duel.number, *(sides if side == 0 else sides[::-1]))
        elif clock > duel.deadline:
            subnet.timeout(node.signer, duel.number)

    def _named(self, duel: Duel, side: int) -> list[Digest]:
        subnet = self._node.subnet
        since = BlockNumber(subnet.schedule.reveal_deadline(duel.window))
        return subnet.named_nodes(duel.number, side, since)

    def _decide(self, found: Reckoning, duel: Duel, side: int) -> None:
        index = duel.index
        inside = 0 < index <= len(found.leaves)
        before = found.leaves[index - 1] if inside else NO_LEAF
        path = found.tree.path(index - 1) if inside else []
        evidence = evidence_of(found, index) if index < len(found.leaves) else ((), ())
        self._node.subnet.decide(self._node.signer, duel.number, side, found.terms, before, path, evidence)
