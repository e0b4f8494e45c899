"""Money: statements of what a window pays and their refutation, emission, claims."""

from collections.abc import Sequence
from typing import Any

from grail.chain.accounts import Signer
from grail.chain.address_book import AddressBook
from grail.chain.base import Chain, Receipt
from grail.chain.subnet.remembered import Remembered
from grail.chain.subnet.windows import Windows
from grail.errors import ChainError
from grail.protocol.commitment import commitment_values
from grail.protocol.records import Commitment, Duel, Proposal, Round, Terms
from grail.protocol.units import BlockNumber, Digest, Wei, WindowId
from grail.settlement.leaves import SettlementLeaf
from grail.settlement.payouts import Share
from grail.settlement.reckoning import Reckoning

Evidence = tuple[Sequence[Commitment], Sequence[bytes]]
"""Commitments and sheets that one leaf follows from."""

RECKONINGS = 16
"""That are remembered: of the windows that settle now."""


class Money(Windows):
    """The settlement half of the ScoreBoard, and the RewardPool."""

    def __init__(self, chain: Chain, book: AddressBook) -> None:
        super().__init__(chain, book)
        self._ended_duels: set[int] = set()
        self.reckonings: Remembered[int, Reckoning] = Remembered(RECKONINGS)
        """What windows pay whose reveals are over: it can no longer change."""

    def forget(self) -> None:
        """See Windows.forget."""
        super().forget()
        self._ended_duels.clear()
        self.reckonings.clear()

    def emission(self, window: WindowId) -> Wei:
        """What a window may mint: as its statements fixed it, else as they would now."""
        found = self.round(window)
        if found.standing or found.closed:
            return found.emission
        return Wei(self.contracts["RewardPool"].call("emissionOf", window))

    # Statements

    def round(self, window: WindowId) -> Round:
        """All statements of what a window pays."""
        raw, proposals = self._board.call("roundOf", window)
        return Round(
            window=window,
            emission=Wei(raw["emission"]),
            bond=Wei(raw["bond"]),
            deadline=self._board.call("deadlineOf", window) if raw["deadline"] else 0,
            closed=raw["closed"],
            proposals=tuple(
                Proposal(
                    number=number,
                    digest=found["digest"],
                    proposer=found["proposer"],
                    duels=found["duels"],
                    standing=found["standing"],
                )
                for number, found in enumerate(proposals)
            ),
        )

    def stated_terms(self, window: WindowId, number: int) -> Terms:
        """The terms of a statement, from its event. Raises ChainError when the node has none."""
        first = BlockNumber(self.schedule.reveal_deadline(window) + 1)
        for fields in self._logged("SettlementProposed", first):
            if (fields["window"], fields["id"]) == (window, number):
                raw = fields["terms"]
                return Terms(root=raw["root"], whole=raw["whole"], due=raw["due"], earned=raw["earned"])
        raise ChainError(f"expected an event with the terms of statement {number} of window {window}: none found")

    def propose(self, signer: Signer, window: WindowId, terms: Terms) -> Receipt:
        """State what a window pays, with a bond."""
        self._allow(signer, self._board.address, self.policy(window).settlement_bond)
        return self._board.send(signer, "propose", window, _terms(terms), self.emission(window))

    def finalize(self, signer: Signer, window: WindowId, number: int, terms: Terms) -> Receipt:
        """Make the only statement that stands final."""
        return self._board.send(signer, "finalize", window, number, _terms(terms))

    # Refutations

    def refute(
        self,
        signer: Signer,
        window: WindowId,
        number: int,
        terms: Terms,
        index: int,
        leaves: tuple[SettlementLeaf, SettlementLeaf],
        paths: tuple[Sequence[Digest], Sequence[Digest]],
        evidence: Evidence,
    ) -> Receipt:
        """Fell a statement by one of its leaves; `leaves` and `paths` are of the leaf before it and of itself."""
        shown = [leaf.values() for leaf in leaves]
        values = (window, number, _terms(terms), index, shown, [list(path) for path in paths], _evidence(evidence))
        return self._board.send(signer, "refute", *values)

    def refute_sums(
        self,
        signer: Signer,
        window: WindowId,
        number: int,
        terms: Terms,
        *,
        miners: bool,
        leaf: SettlementLeaf,
        path: Sequence[Digest],
    ) -> Receipt:
        """Fell a statement whose sums are not those that its leaves end in."""
        values = (window, number, _terms(terms), miners, leaf.values(), list(path))
        return self._board.send(signer, "refuteSums", *values)

    def open_duel(self, signer: Signer, window: WindowId, a: int, terms_a: Terms, b: int, terms_b: Terms) -> Receipt:
        """Set two statements against each other."""
        return self._board.send(signer, "openDuel", window, a, _terms(terms_a), b, _terms(terms_b))

    def name_nodes(self, signer: Signer, duel: int, side: int, nodes: Sequence[Digest]) -> Receipt:
        """Name the sixteen nodes under a side's node."""
        return self._board.send(signer, "name", duel, side, list(nodes))

    def descend(self, signer: Signer, duel: int, a: Sequence[Digest], b: Sequence[Digest]) -> Receipt:
        """Go down to the first of the sixteen that differs."""
        return self._board.send(signer, "descend", duel, list(a), list(b))

    def decide(
        self,
        signer: Signer,
        duel: int,
        side: int,
        terms: Terms,
        before: SettlementLeaf,
        path: Sequence[Digest],
        evidence: Evidence,
    ) -> Receipt:
        """Decide a duel at the first leaf that differs; `before` stands in the tree of `side`, with these terms."""
        values = (duel, side, _terms(terms), before.values(), list(path), _evidence(evidence))
        return self._board.send(signer, "decide", *values)

    def timeout(self, signer: Signer, duel: int) -> Receipt:
        """End a duel whose time is over, or one side of which has fallen elsewhere."""
        return self._board.send(signer, "timeout", duel)

    def duels(self, window: WindowId) -> list[Duel]:
        """The open duels of a window. What has ended stays ended: it is read once."""
        numbers = range(self._board.call("duelCount"))
        found = [self._duel(number) for number in numbers if number not in self._ended_duels]
        self._ended_duels |= {duel.number for duel in found if duel.ended}
        return [duel for duel in found if duel.window == window and not duel.ended]

    def named_nodes(self, duel: int, side: int, since: BlockNumber) -> list[Digest]:
        """The nodes that somebody named last for a side. Raises ChainError when the node has no such event."""
        named = [f for f in self._logged("NodesNamed", since) if (f["duel"], f["side"]) == (duel, side)]
        if not named:
            raise ChainError(f"expected an event that names nodes of duel {duel}, side {side}: none found")
        return [bytes(node) for node in named[-1]["nodes"]]

    def _logged(self, name: str, since: BlockNumber) -> list[dict[str, Any]]:
        """Fields of all the board's events of this name from a block on, oldest first."""
        logs = self.chain.logs([self._board.address], since, self.chain.head().number)
        return [event.fields for event in map(self._board.event, logs) if event is not None and event.name == name]

    def _duel(self, number: int) -> Duel:
        raw = self._board.call("duelOf", number)
        return Duel(
            number=number,
            window=WindowId(raw["window"]),
            ids=tuple(raw["ids"]),
            nodes=tuple(raw["nodes"]),
            index=raw["index"],
            depth=raw["depth"],
            deadline=raw["deadline"],
            named=tuple(raw["named"]),
            ended=raw["ended"],
        )

    # Claims

    def settlement(self, window: WindowId) -> Digest | None:
        """Root of a settled window's leaves; None before that."""
        raw = self.contracts["RewardPool"].call("settlementOf", window)
        return raw["root"] if raw["expiresAt"] else None

    def claim(
        self, signer: Signer, window: WindowId, index: int, leaf: SettlementLeaf, path: Sequence[Digest]
    ) -> Receipt:
        """Pay out one leaf of a window, to whom it is due."""
        return self.contracts["RewardPool"].send(signer, "claim", window, index, leaf.values(), list(path))

    def claim_share(self, signer: Signer, window: WindowId, share: Share) -> Receipt:
        """Pay the trainer or the treasury its part of a window."""
        return self.contracts["RewardPool"].send(signer, "claimShare", window, int(share))

    def is_paid(self, window: WindowId, index: int) -> bool:
        """Was leaf number `index` of a window paid? Behind the leaves come the trainer and the treasury."""
        return self.contracts["RewardPool"].call("isPaid", window, index)

    def expire(
        self, signer: Signer, window: WindowId, index: int, leaf: SettlementLeaf, path: Sequence[Digest]
    ) -> Receipt:
        """Send a leaf that nobody claimed in time to the treasury."""
        return self.contracts["RewardPool"].send(signer, "expire", window, index, leaf.values(), list(path))


def _terms(terms: Terms) -> tuple[Any, ...]:
    return (terms.root, terms.whole, terms.due, terms.earned)


def _evidence(evidence: Evidence) -> tuple[Any, ...]:
    commitments, sheets = evidence
    return ([commitment_values(entry) for entry in commitments], list(sheets))
