"""Propose the window's settlement, check the one that somebody else proposed, and see it through to the end."""

from grail.errors import Reverted
from grail.protocol.records import Proposal, ProposalState
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.settlement_view import SettlementView, view_settlement
from validator.duties.refute import refutation

SOMEBODY_WAS_FIRST = ("AlreadyProposed", "AlreadySettled", "NotProposed", "AlreadyVoted", "NotDisputed", "WrongTerms")
WAITING = ("TooEarly", "Paused")


class Settle:
    """Not done until the window is final; each tick takes the step that the chain's state asks for."""

    name = "settle"

    def __init__(self, node: Node) -> None:
        self._node = node
        self._views: dict[tuple[int, int], SettlementView] = {}

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the last block of the reveals on; the transaction lands one block later."""
        return block >= schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Propose, check, vote or finish; a note once nothing is left to do."""
        proposal = self._node.subnet.proposal(window)
        if proposal.state is ProposalState.FINAL:
            self._views = {key: view for key, view in self._views.items() if key[0] != window}
            return {"settled": True}
        steps = {
            ProposalState.NONE: self._propose,
            ProposalState.PROPOSED: self._check,
            ProposalState.DISPUTED: self._vote,
            ProposalState.DECIDED: self._check,
        }
        try:
            return steps[proposal.state](window, proposal)
        except Reverted as error:
            if error.error_name not in SOMEBODY_WAS_FIRST + WAITING:
                raise
            return None

    def _view(self, proposal: Proposal) -> SettlementView:
        """This validator's own settlement, computed once for each emission that a proposal fixed."""
        key = (proposal.window, proposal.emission)
        if key not in self._views or proposal.state is ProposalState.NONE:
            self._views[key] = view_settlement(self._node, proposal.window)
        return self._views[key]

    def _propose(self, window: WindowId, proposal: Proposal) -> Note | None:
        """Propose, unless too little stake revealed: then nobody can, and the window pays nobody."""
        node, view = self._node, self._view(proposal)
        if not view.terms.counted:
            return {"settled": False}
        node.store.put(view.settlement.table())
        try:
            node.subnet.propose(node.signer, window, view.terms, view.reveals)
        except Reverted as error:
            if error.error_name == "NoQuorum":
                return {"settled": False}
            raise
        return None

    def _check(self, window: WindowId, proposal: Proposal) -> Note | None:
        """Finish what is right; refute what a proof can show to be wrong; object to what else differs."""
        node, subnet, view = self._node, self._node.subnet, self._view(proposal)
        terms = subnet.proposed_terms(window, proposal.digest)
        if terms == view.terms:
            if subnet.clock() < proposal.deadline:
                return None
            subnet.finalize(node.signer, window, terms)
            return {"settled": True}
        column = refutation(node, window, terms, view)
        if column is not None:
            node.log.warning("refuting a settlement", window=window, miner=column["miner"].hex())
            subnet.refute(node.signer, window, terms, view.reveals, **column)
        elif proposal.state is ProposalState.PROPOSED and subnet.clock() < proposal.deadline:
            node.log.warning("objecting to a settlement", window=window, proposer=proposal.proposer.hex())
            subnet.object_to(node.signer, window)
        elif subnet.clock() >= proposal.deadline:
            subnet.finalize(node.signer, window, terms)
        return None

    def _vote(self, window: WindowId, proposal: Proposal) -> Note | None:
        """Say what this validator computed; let a dispute lapse that nobody decided."""
        node, subnet, view = self._node, self._node.subnet, self._view(proposal)
        own = [place for place, reveal in enumerate(view.reveals) if reveal.validator == node.address]
        if subnet.clock() >= proposal.deadline:
            subnet.lapse(node.signer, window)
        elif own:
            node.store.put(view.settlement.table())
            subnet.vote_settlement(node.signer, window, view.terms, view.reveals, own[0])
        return None
