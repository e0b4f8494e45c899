"""Money: proposed settlements and their challenge, emission, claims."""

from collections.abc import Sequence
from typing import Any

from grail.chain.accounts import Signer
from grail.chain.base import Receipt
from grail.chain.subnet.windows import Windows
from grail.errors import ChainError
from grail.protocol.records import Proposal, ProposalState, ScoreReveal, Terms
from grail.protocol.units import Address, BlockNumber, Digest, Wei, WindowId
from grail.settlement.sum_tree import Entry, Lookup


class Money(Windows):
    """The settlement half of the ScoreBoard, and the RewardPool."""

    def emission(self, window: WindowId) -> Wei:
        """What a window may mint: as its proposal fixed it, else as it would be fixed now."""
        proposal = self.proposal(window)
        if proposal.state is not ProposalState.NONE:
            return proposal.emission
        return Wei(self.contracts["RewardPool"].call("emissionOf", window))

    def proposal(self, window: WindowId) -> Proposal:
        """A window's proposed settlement; state NONE when there is none."""
        raw = self.contracts["ScoreBoard"].call("proposalOf", window)
        return Proposal(
            window=window,
            state=ProposalState(raw["state"]),
            digest=raw["digest"],
            emission=Wei(raw["emission"]),
            bond=Wei(raw["bond"]),
            proposer=raw["proposer"],
            objector=raw["objector"],
            deadline=raw["deadline"],
            round=raw["round"],
        )

    def terms_digest(self, window: WindowId, terms: Terms) -> Digest:
        """What a proposal stores of its terms."""
        return self.contracts["ScoreBoard"].call("digestOf", window, _terms(terms))

    def proposed_terms(self, window: WindowId, digest: Digest) -> Terms:
        """The terms behind a proposal's digest, from the event that named them. Raises ChainError when none did."""
        board = self.contracts["ScoreBoard"]
        first = BlockNumber(self.schedule.reveal_deadline(window) + 1)
        logs = self.chain.logs([board.address], first, self.chain.head().number)
        for event in map(board.event, logs):
            if event and event.name in ("SettlementProposed", "SettlementVoted") and event.fields["digest"] == digest:
                raw = event.fields["terms"]
                return Terms(
                    score_root=raw["scoreRoot"],
                    score_sum=raw["scoreSum"],
                    payout_root=raw["payoutRoot"],
                    payout_sum=raw["payoutSum"],
                    payout_size=raw["payoutSize"],
                    counted=raw["counted"],
                    table=raw["table"],
                )
        raise ChainError(f"expected an event with the settlement terms 0x{digest.hex()} of window {window}: none found")

    def propose(self, signer: Signer, window: WindowId, terms: Terms, reveals: Sequence[ScoreReveal]) -> Receipt:
        """Propose a settlement with a bond."""
        self._allow(signer, self.contracts["ScoreBoard"].address, self.latest_policy().settlement_bond)
        return self.contracts["ScoreBoard"].send(signer, "propose", window, _terms(terms), _reveals(reveals))

    def refute(
        self,
        signer: Signer,
        window: WindowId,
        terms: Terms,
        reveals: Sequence[ScoreReveal],
        *,
        miner: Address,
        settled: Lookup,
        payout: Lookup,
        sheets: Sequence[Lookup],
    ) -> Receipt:
        """Void a settlement by one miner's column."""
        column = (miner, settled.values(), payout.values(), [sheet.values() for sheet in sheets])
        values = (window, _terms(terms), _reveals(reveals), column)
        return self.contracts["ScoreBoard"].send(signer, "refute", *values)

    def object_to(self, signer: Signer, window: WindowId) -> Receipt:
        """Object to a proposal with a bond."""
        self._allow(signer, self.contracts["ScoreBoard"].address, self.proposal(window).bond)
        return self.contracts["ScoreBoard"].send(signer, "object", window)

    def vote_settlement(
        self, signer: Signer, window: WindowId, terms: Terms, reveals: Sequence[ScoreReveal], index: int
    ) -> Receipt:
        """A validator's word on a disputed window; `index` is its reveal's."""
        values = (window, _terms(terms), _reveals(reveals), index)
        return self.contracts["ScoreBoard"].send(signer, "voteSettlement", *values)

    def lapse(self, signer: Signer, window: WindowId) -> Receipt:
        """End a dispute that nobody decided in time."""
        return self.contracts["ScoreBoard"].send(signer, "lapse", window)

    def finalize(self, signer: Signer, window: WindowId, terms: Terms) -> Receipt:
        """Make a settlement final."""
        return self.contracts["ScoreBoard"].send(signer, "finalize", window, _terms(terms))

    def settlement(self, window: WindowId) -> tuple[Digest, int] | None:
        """(root, total in wei) of a settled window; None before that."""
        raw = self.contracts["RewardPool"].call("settlementOf", window)
        return (raw["root"], raw["total"]) if raw["expiresAt"] else None

    def claim(self, signer: Signer, window: WindowId, entry: Entry) -> Receipt:
        """Pay out one leaf of a window, to whom it is due."""
        return self.contracts["RewardPool"].send(signer, "claim", window, entry.values())

    def is_paid(self, window: WindowId, index: int) -> bool:
        """Was leaf number `index` of a window's payouts claimed?"""
        return self.contracts["RewardPool"].call("isPaid", window, index)

    def expire(self, signer: Signer, window: WindowId, entry: Entry) -> Receipt:
        """Send a leaf that nobody claimed in time to the treasury."""
        return self.contracts["RewardPool"].send(signer, "expire", window, entry.values())


def _terms(terms: Terms) -> tuple[Any, ...]:
    return (
        terms.score_root,
        terms.score_sum,
        terms.payout_root,
        terms.payout_sum,
        terms.payout_size,
        terms.counted,
        terms.table,
    )


def _reveals(reveals: Sequence[ScoreReveal]) -> list[tuple[Any, ...]]:
    return [(reveal.validator, reveal.root, reveal.total, reveal.stake) for reveal in reveals]
