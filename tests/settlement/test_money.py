"""From sheets to payouts: laws that must hold for any sheets, stakes and convictions."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grail.governance.policy import Policy
from grail.protocol.committee import NOBODY, Committee, Place
from grail.protocol.hashing import keccak256
from grail.protocol.pledges import Past, Record
from grail.protocol.records import Commitment
from grail.settlement.economics import committee_outlook
from grail.settlement.evidence import evidence_of
from grail.settlement.leaves import PLACES, UNJUDGED, LeafTree, join, leaf_count, leaf_digest, page_count
from grail.settlement.payouts import budgets
from grail.settlement.reckoning import Reckoning
from grail.settlement.sheets import PAGE, Entry, encode_sheet, entry_of

POLICY = Policy.defaults()
EMISSION = POLICY.emission_per_window
VALIDATORS = [bytes([i]) * 20 for i in range(101, 106)]


def commitment(number: int, worth: int) -> Commitment:
    miner = keccak256(number.to_bytes(4, "big"))[:20]
    return Commitment(
        window=3, miner=miner, root=bytes(32), blob_digest=bytes(32), n_groups=1, checkpoint_version=1, worth=worth
    )


def committee(stakes: list[int]) -> Committee:
    held = dict(zip((5, 0, 17, 80, 127), stakes, strict=True))
    line = [Place(VALIDATORS[list(held).index(i)], held[i]) if held.get(i) else Place(NOBODY, 0) for i in range(PLACES)]
    return Committee(keccak256(b"challenge"), line, POLICY.audit_seats)


def sheet(seats: Committee, commitments: list[Commitment], who: bytes, words: list[Entry]) -> bytes:
    """Sheet of one validator that says `words[i]` in all its seats on submission i."""
    pages: list[list[Entry]] = [[] for _ in range(page_count(len(commitments)))]
    for index in range(len(commitments)):
        pages[index // PAGE] += [words[index % len(words)]] * len(seats.seats_of(index, who))
    return encode_sheet(pages)


def kept(commitments: list[Commitment]) -> dict[bytes, Record]:
    """Everybody delivered all that it had pledged, so far."""
    return {entry.miner: Record(entry.n_groups, [Past(entry.n_groups, entry)]) for entry in commitments}


@st.composite
def histories(draw, entry):
    past = [
        Past(draw(st.integers(0, 4)), replace(entry, n_groups=draw(st.integers(1, 4))) if draw(st.booleans()) else None)
        for _ in range(draw(st.integers(0, 4)))
    ]
    return Record(draw(st.integers(0, 4)), past)


@dataclass(frozen=True)
class Said(Reckoning):
    """A reckoning whose seats say `words`, whoever holds them."""

    words: Sequence[Entry]

    def holders(self, index):
        return [bytes([seat]) for seat in range(len(self.words))]

    def said(self, index, holder):
        return [self.words[holder[0]]]


def reckoning(commitments, seats, sheets) -> Reckoning:
    return Reckoning(3, commitments, seats, sheets, frozenset(), kept(commitments))


@st.composite
def windows(draw):
    worths = draw(st.lists(st.integers(0, 10**7), min_size=1, max_size=70))
    commitments = [commitment(i, worth) for i, worth in enumerate(worths)]
    seats = committee(draw(st.lists(st.integers(0, 10**24), min_size=5, max_size=5)))
    sheets = {}
    for who in VALIDATORS:
        words = draw(st.lists(st.sampled_from(Entry), min_size=1, max_size=4))
        if draw(st.integers(0, 4)):
            sheets[who] = sheet(seats, commitments, who, words)
    if draw(st.booleans()):
        sheets[VALIDATORS[0]] = draw(st.binary(max_size=40))
    convicted = frozenset(entry.miner for entry in commitments if draw(st.integers(0, 9)) == 0)
    records = {entry.miner: draw(histories(entry)) for entry in commitments}
    return Reckoning(3, commitments, seats, sheets, convicted, records)


@given(windows())
@settings(max_examples=60, deadline=None)
def test_payouts_never_exceed_the_emission_and_the_parts_sum_up(found):
    parts, terms, n = budgets(POLICY, EMISSION, found.terms, trainer=True), found.terms, len(found.commitments)
    miners, places = found.leaves[:n], found.leaves[n:]
    assert terms.due <= terms.whole and terms.earned <= POLICY.audit_seats * terms.whole
    assert parts.minted(terms) + parts.burn <= EMISSION
    paid = sum(parts.miner(leaf.value) for leaf in miners if not leaf.holds)
    held = sum(parts.miner(leaf.value) for leaf in miners if leaf.holds)
    last = [places[page_count(n) * (place + 1) - 1] for place in range(PLACES)]
    judged = sum(parts.validator(leaf.value) for leaf in last)
    assert paid + held <= parts.miners and judged <= parts.validators
    assert paid + judged <= max(0, parts.minted(terms) - (parts.trainer + parts.treasury) * (terms.whole > 0))
    assert sum(leaf.value for leaf in last) == terms.earned
    for entry, leaf in zip(found.commitments, miners, strict=True):
        assert leaf.account == entry.miner
        assert leaf.value in (0, found.records[entry.miner].paid(entry.worth, entry.n_groups))
        assert leaf.value <= entry.worth and (entry.miner not in found.convicted or leaf.value == 0)


@given(windows(), st.integers(0, 10**6))
@settings(max_examples=20, deadline=None)
def test_every_leaf_is_under_the_root(found, which):
    tree, index = found.tree, which % len(found.leaves)
    node = leaf_digest(3, index, found.leaves[index])
    for height, sibling in enumerate(tree.path(index)):
        node = keccak256(sibling + node) if index >> height & 1 else keccak256(node + sibling)
    assert node == tree.root and leaf_count(len(found.commitments)) == len(found.leaves)
    assert join(tree.named(tree.depth, 0)) == tree.root


def test_two_trees_differ_first_where_their_leaves_do():
    found = reckoning([commitment(i, 100) for i in range(9)], committee([1] * 5), {})
    for wrong in (0, 8, 9, 100, len(found.leaves) - 1):
        leaves = list(found.leaves)
        leaves[wrong] = found.leaves[wrong].__class__(b"x" * 20, 1, 0, 0, 0)
        other, index, depth = LeafTree(3, tuple(leaves)), 0, found.tree.depth
        while depth:
            pairs = zip(found.tree.named(depth, index), other.named(depth, index), strict=True)
            index = 16 * index + next(i for i, (a, b) in enumerate(pairs) if a != b)
            depth -= 4
        assert index == wrong


@given(st.lists(st.lists(st.sampled_from(Entry), max_size=30), max_size=4))
def test_a_sheet_says_what_was_put_in_and_nothing_behind_its_end(pages):
    made = encode_sheet(pages)
    for page, entries in enumerate(pages):
        assert [entry_of(made, page, rank) for rank in range(len(entries))] == entries
        assert entry_of(made, page, len(entries)) is Entry.SILENT
    assert entry_of(made, len(pages), 0) is Entry.SILENT


@given(st.binary(max_size=64), st.integers(0, 6), st.integers(0, 300))
def test_any_bytes_are_a_sheet(blob, page, rank):
    assert entry_of(blob, page, rank) in Entry


def test_one_seat_that_rejects_holds_the_pay_and_leaves_everybody_elses_as_it_is():
    """Rejecting a rival gains nothing: its worth stays in the denominator."""
    commitments, seats = [commitment(0, 1_000), commitment(1, 3_000)], committee([10**21] * 5)
    honest = {who: sheet(seats, commitments, who, [Entry.ACCEPT]) for who in VALIDATORS}
    liar = seats.holders(0)[0]
    words = [Entry.REJECT, Entry.ACCEPT]
    found = reckoning(commitments, seats, honest | {liar: sheet(seats, commitments, liar, words)})
    right = reckoning(commitments, seats, honest)
    assert found.rejecting(0) == [liar] and found.leaves[0].holds == 1 and found.leaves[0].value == 1_000
    assert found.leaves[1].value == right.leaves[1].value and found.terms.whole == right.terms.whole
    assert [c.miner for c in found.accepted()] == [commitments[1].miner]


def test_silence_costs_the_silent_alone():
    commitments, seats = [commitment(i, 1_000) for i in range(40)], committee([10**21] * 5)
    sheets = {who: sheet(seats, commitments, who, [Entry.ACCEPT]) for who in VALIDATORS}
    silent = VALIDATORS[0]
    found = reckoning(commitments, seats, {w: s for w, s in sheets.items() if w != silent})
    right = reckoning(commitments, seats, sheets)
    for who in VALIDATORS:
        mine, due = found.leaf_of(who, validator=True), right.leaf_of(who, validator=True)
        assert found.leaves[mine].value == (0 if who == silent else right.leaves[due].value)


def test_what_nobody_judged_waits_for_a_jury_unless_its_seats_could_not_fetch_it():
    commitments, seats = [commitment(0, 1_000), commitment(1, 3_000)], committee([10**21] * 5)
    for words, holds in (
        ([Entry.SILENT] * 5, UNJUDGED),
        ([Entry.ABSTAIN] * 2 + [Entry.SILENT] * 3, UNJUDGED),
        ([Entry.ABSTAIN] * 3 + [Entry.SILENT] * 2, None),
        ([Entry.ABSTAIN] * 4 + [Entry.REJECT], 1),
        ([Entry.ABSTAIN] * 4 + [Entry.ACCEPT], 0),
    ):
        said = Said(3, commitments, seats, {}, frozenset(), kept(commitments), words)
        assert said.holds(0) == holds
        leaf = said.leaves[0]
        assert (leaf.value, leaf.holds) == (0 if holds is None else 1_000, holds or 0)
        assert said.terms.whole == 4_000 and said.terms.due == (4_000 if holds == 0 else 0)
        assert bool(said.accepted()) == (holds == 0), "nobody trains on what nobody has accepted"


def test_evidence_of_a_silent_validator_is_an_empty_sheet():
    commitments, seats = [commitment(0, 1_000)], committee([10**21, 0, 0, 0, 0])
    found = reckoning(commitments, seats, {})
    assert evidence_of(found, 0) == (commitments * 2, [b""]), "itself, and the miner's only one before"
    assert evidence_of(found, 1) == ([], [b""])


@pytest.mark.parametrize("share", [Fraction(n, 10) for n in range(1, 6)])
def test_a_committee_is_no_majority_vote(share):
    found = committee_outlook(POLICY, share)
    assert found.p_no_honest_seat == share**POLICY.audit_seats
    assert 0 < found.p_jury_captured <= Fraction(1, 2)
    assert found.p_appeal_fails == (share > (1 - share) / 2)
