"""What a window pays, from chain data alone [C]. Twin of SettlementJudge.sol, which judges any single leaf of it.

Integers only. Worth is what the submissions claim in their commitments; a false one is a fault that one opening proves.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from grail.protocol.committee import Committee
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.pledges import Record
from grail.protocol.records import Commitment, Terms
from grail.protocol.units import Address, Digest
from grail.settlement.leaves import NO_LEAF, PLACES, UNJUDGED, LeafTree, SettlementLeaf, page_count
from grail.settlement.sheets import PAGE, Entry, entry_of

JUDGED = (Entry.ACCEPT, Entry.REJECT)


def terms_digest(window: int, terms: Terms) -> Digest:
    """What the ScoreBoard keeps of a statement."""
    return keccak256(encode_static(window, terms.root, terms.whole, terms.due, terms.earned))


@dataclass(frozen=True)
class Reckoning:
    """A window's chain data: commitments in order, who held which seat, the revealed sheets, who was convicted up to
    the reveal deadline, and every committer's record."""

    window: int
    commitments: Sequence[Commitment]
    committee: Committee
    sheets: Mapping[Address, bytes]
    convicted: frozenset[Address]
    records: Mapping[Address, Record]

    @cached_property
    def leaves(self) -> tuple[SettlementLeaf, ...]:
        """All leaves, in order."""
        made: list[SettlementLeaf] = []
        before = NO_LEAF
        for leaf in self._made():
            before = leaf(before)
            made.append(before)
        return tuple(made)

    @cached_property
    def tree(self) -> LeafTree:
        """The tree over them."""
        return LeafTree(self.window, self.leaves)

    @property
    def terms(self) -> Terms:
        """What the ScoreBoard is told."""
        miners, last = self.leaves[len(self.commitments) - 1], self.leaves[-1]
        return Terms(root=self.tree.root, whole=miners.whole, due=miners.sum, earned=last.sum)

    def accepted(self) -> list[Commitment]:
        """Submissions that a seat accepts and none rejects, paid in full or not."""
        return [
            entry
            for index, entry in enumerate(self.commitments)
            if entry.miner not in self.convicted and self._words(index) == {Entry.ACCEPT}
        ]

    def leaf_of(self, account: Address, *, validator: bool) -> int | None:
        """Where an account's pay stands: a miner's own leaf, a validator's last; None when it has none."""
        first = len(self.commitments) if validator else 0
        last = len(self.leaves) if validator else first + len(self.commitments)
        places = [i for i in range(first, last) if self.leaves[i].account == account]
        return places[-1] if places else None

    def rejecting(self, index: int) -> list[Address]:
        """Validators that reject submission number `index` (from zero)."""
        return [holder for holder in self.holders(index) if Entry.REJECT in self.said(index, holder)]

    def holds(self, index: int) -> int | None:
        """What holds the pay of submission number `index`: so many rejections, or `UNJUDGED` where no seat answers.
        None where nothing is payable: more than half of the seats, unanswered as they are, abstain.
        """
        if self._words(index):
            return len(self.rejecting(index))
        words = [word for holder in self.holders(index) for word in self.said(index, holder)]
        return None if 2 * words.count(Entry.ABSTAIN) > self.committee.seats else UNJUDGED

    def holders(self, index: int) -> list[Address]:
        """Who holds a submission's seats, in the order in which seats first name them."""
        return list(dict.fromkeys(self.committee.holders(index)))

    def said(self, index: int, holder: Address) -> list[Entry]:
        """A holder's entries on one submission; silence where it revealed no sheet."""
        sheet = self.sheets.get(holder)
        first = self._rank(index, holder)
        count = self.committee.holders(index).count(holder)
        if sheet is None:
            return [Entry.SILENT] * count
        return [entry_of(sheet, index // PAGE, first + rank) for rank in range(count)]

    def in_page(self, page: int, holder: Address) -> list[int]:
        """Submissions of a page (numbers from zero) in which a validator has seats."""
        numbers = range(page * PAGE, min((page + 1) * PAGE, len(self.commitments)))
        return [index for index in numbers if holder in self.committee.holders(index)]

    def _made(self) -> Iterator:
        for index in range(len(self.commitments)):
            yield lambda before, index=index: self._miner(index, before)
        for place in range(PLACES):
            for page in range(page_count(len(self.commitments))):
                yield lambda before, place=place, page=page: self._validator(place, page, before)

    def _miner(self, index: int, before: SettlementLeaf) -> SettlementLeaf:
        entry = self.commitments[index]
        if entry.miner in self.convicted:
            return SettlementLeaf(entry.miner, 0, 0, before.whole, before.sum)
        holds = self.holds(index)
        value = 0 if holds is None else self.records[entry.miner].paid(entry.worth, entry.n_groups)
        due = value if holds == 0 else 0
        return SettlementLeaf(entry.miner, value, holds or 0, before.whole + entry.worth, before.sum + due)

    def _validator(self, place: int, page: int, before: SettlementLeaf) -> SettlementLeaf:
        holder = self.committee.line[place].holder
        worth = 0
        if holder in self.sheets and self.committee.line[place].stake:
            for index in self.in_page(page, holder):
                answered = sum(word in JUDGED for word in self.said(index, holder))
                if self.commitments[index].miner not in self.convicted:
                    worth += answered * self.commitments[index].worth
        own = 0 if page == 0 else before.value
        total = 0 if place == page == 0 else before.sum
        return SettlementLeaf(holder, own + worth, 0, before.whole, total + worth)

    def _words(self, index: int) -> set[Entry]:
        """Verdicts that seats of a submission have given."""
        return {word for holder in self.holders(index) for word in self.said(index, holder)} & set(JUDGED)

    def _rank(self, index: int, holder: Address) -> int:
        """Entries of a holder on the page before this submission's."""
        return self._ranks[index].get(holder, 0)

    @cached_property
    def _ranks(self) -> list[dict[Address, int]]:
        ranks: list[dict[Address, int]] = []
        counts: dict[Address, int] = {}
        for index in range(len(self.commitments)):
            if index % PAGE == 0:
                counts = {}
            ranks.append(dict(counts))
            for holder in self.committee.holders(index):
                counts[holder] = counts.get(holder, 0) + 1
        return ranks
