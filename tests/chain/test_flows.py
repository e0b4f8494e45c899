"""Every flow of the contracts through Python: stake, work, settlement and its refutation, court, pause.

The same on the embedded chain and on anvil; refusals are readable on both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.base import Chain
from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.errors import Reverted
from grail.protocol.commitment import commitment_values
from grail.protocol.constants import TAG_SUBMISSION
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.leaf import RolloutLeaf
from grail.protocol.records import (
    Ballot,
    CaseState,
    CheckpointRecord,
    Commitment,
    FaultKind,
    Moment,
    Role,
)
from grail.protocol.schedule import Schedule
from grail.protocol.sum_tree import SumTree
from grail.runtime.reckon import budgets_of, committee_of, reckon
from grail.settlement.evidence import evidence_of
from grail.settlement.leaves import NO_LEAF, UNJUDGED, LeafTree, SettlementLeaf
from grail.settlement.payouts import Share
from grail.settlement.reckoning import Reckoning, terms_digest
from grail.settlement.sheets import Entry, encode_sheet
from tests.anvil import NEEDS_NODE, running_anvil
from tests.chain.test_embedded import GUARDIAN, PLAN

GRAIL = 10**18
WINDOW = Schedule(genesis=0, window=60, commit=10, score=12, reveal=8)


def signer(name: str) -> Signer:
    return Signer.from_key(keccak256(f"flows {name}".encode()))


@dataclass
class Town:
    """A network with a miner, three validators, a trainer and a delegator; a checkpoint is published."""

    chain: Chain
    subnet: Subnet
    holder: Signer
    miner: Signer = field(default_factory=lambda: signer("miner"))
    ann: Signer = field(default_factory=lambda: signer("ann"))
    trainer: Signer = field(default_factory=lambda: signer("trainer"))
    validators: list[Signer] = field(default_factory=lambda: [signer(f"validator {i}") for i in range(3)])

    def settle_in(self) -> None:
        roles = [(self.miner, Role.MINER, 2_000), (self.trainer, Role.TRAINER, 5_000)]
        roles += [(v, Role.VALIDATOR, 10_000) for v in self.validators]
        for who, role, stake in [*roles, (self.ann, Role.NONE, 10_000)]:
            self.chain.send(self.holder, who.address, b"", 10**19)
            self.subnet.transfer(self.holder, who.address, (stake + 3_000) * GRAIL)
            if role is not Role.NONE:
                self.subnet.register(who, role, "", stake * GRAIL)
            if role is Role.MINER:
                self.subnet.pledge(who, 4)
        self.chain.send(self.holder, GUARDIAN.address, b"", 10**19)
        record = CheckpointRecord(
            version=0, fingerprint=b"f" * 32, parent=bytes(32), manifest=bytes(32), rules_hash=bytes(32),
            calibration=bytes(32), proof_scheme="sketch/1", active_from=0, publisher=bytes(20),
        )  # fmt: skip
        self.subnet.publish(self.trainer, record)

    def mine(self, blocks: int) -> None:
        self.chain.mine(blocks)  # type: ignore[attr-defined]

    def next_window(self) -> int:
        """Go to the second block of the next window."""
        head = self.chain.head().number
        current = self.subnet.current_window()
        window = 0 if current is None else current + 1
        self.mine(self.subnet.schedule.start(window) + 1 - head)
        return window

    def to(self, block: int) -> None:
        missing = block - self.chain.head().number
        if missing > 0:
            self.mine(missing)

    def later(self, deadline: int) -> None:
        """Past a deadline of the network's clock."""
        self.mine(max(1, deadline + 1 - self.subnet.clock()))

    def commit(self, window: int, leaf: RolloutLeaf | None = None) -> Commitment:
        tree = (
            SumTree(keccak256(TAG_SUBMISSION.encode()), {int.from_bytes(leaf.digest(), "big"): 3_000}) if leaf else None
        )
        entry = Commitment(
            window=window, miner=self.miner.address, root=tree.root if tree else keccak256(b"root"),
            blob_digest=keccak256(b"blob"), n_groups=4, checkpoint_version=1, worth=3_000,
        )  # fmt: skip
        self.subnet.commit(self.miner, entry)
        return entry

    def score(self, window: int, words: list[Entry]) -> Reckoning:
        """Each validator says its word in all its seats; the reveals are over afterwards."""
        schedule, subnet = self.subnet.schedule, self.subnet
        self.to(schedule.challenge_block(window))
        subnet.draw_randomness(self.ann, window, Moment.SEAL)
        committee = committee_of(subnet, window)
        sheets = [
            encode_sheet([[word] * len(committee.seats_of(0, who.address))])
            for who, word in zip(self.validators, words, strict=True)
        ]
        for who, sheet in zip(self.validators, sheets, strict=True):
            content = encode_static(window, who.address, keccak256(sheet), bytes(32), bytes(32))
            subnet.commit_scores(who, window, keccak256(content))
        self.to(schedule.score_deadline(window))
        for who, sheet in zip(self.validators, sheets, strict=True):
            subnet.reveal_scores(who, window, sheet, bytes(32), bytes(32))
        self.to(schedule.reveal_deadline(window))
        found = reckon(subnet, window)
        assert found is not None
        return found

    def ballot(self, case: int, round_: int, word: Ballot, jurors: list[Signer]) -> None:
        for juror in jurors:
            words = encode_static(case, round_, juror.address, int(word), bytes(32))
            self.subnet.commit_vote(juror, self.subnet.case(case), keccak256(words))
        self.later(self.subnet.case(case).commit_end)
        for juror in jurors:
            self.subnet.reveal_vote(juror, case, word, bytes(32))
        self.later(self.subnet.case(case).reveal_end)


def embedded() -> Iterator[tuple[Chain, Signer]]:
    holder = signer("holder")
    yield EmbeddedChain(holder.address), holder


def anvil() -> Iterator[tuple[Chain, Signer]]:
    with running_anvil() as url:
        yield JsonRpcChain.connect(url), Signer.from_key(ANVIL_KEY)


@pytest.fixture(scope="module", params=[embedded, pytest.param(anvil, marks=NEEDS_NODE)], ids=["embedded", "anvil"])
def town(request) -> Iterator[Town]:
    opened: Callable[[], Iterator[tuple[Chain, Signer]]] = request.param
    for chain, holder in opened():
        schedule = replace(WINDOW, genesis=chain.head().number + 60)
        plan = replace(
            PLAN,
            schedule=schedule,
            holders={holder.address: 10**25},
            trainers=[signer("trainer").address],
            overrides=PLAN.overrides | {"accusation_horizon_blocks": 120, "unbonding_blocks": 310},
        )
        town = Town(chain, Subnet(chain, deploy(chain, holder, plan)), holder)
        town.settle_in()
        yield town


def test_delegation_shares_rewards_by_commission_and_votes(town):
    subnet, v = town.subnet, town.validators[0]
    subnet.stake(town.ann, v.address, 10_000 * GRAIL)
    assert subnet.neuron(v.address).stake == 20_000 * GRAIL
    assert subnet.position(v.address, town.ann.address) == 10_000 * GRAIL
    town.mine(2)
    assert subnet.voting_power(town.ann.address) == 10_000 * GRAIL
    with pytest.raises(Reverted, match=r"StakeTooLow.*stake at least"):
        subnet.request_unstake(v, v.address, 9_900 * GRAIL)
    with pytest.raises(Reverted, match=r"NothingToWithdraw.*unbonding delay"):
        subnet.withdraw(town.ann)
    subnet.request_unstake(town.ann, v.address, 10_000 * GRAIL)
    before = subnet.balance(town.ann.address)
    town.mine(311)
    subnet.withdraw(town.ann)
    assert subnet.balance(town.ann.address) - before == 10_000 * GRAIL


def test_a_settlement_is_stated_finished_and_claimed(town):
    window = town.next_window()
    town.commit(window)
    found, subnet = town.score(window, [Entry.ACCEPT] * 3), town.subnet
    subnet.propose(town.ann, window, found.terms)
    now = subnet.round(window)
    assert (now.emission, now.closed, len(now.standing)) == (1_000 * GRAIL, False, 1)
    assert now.standing[0].digest == terms_digest(window, found.terms)
    assert subnet.stated_terms(window, 0) == found.terms
    with pytest.raises(Reverted, match=r"TooEarly.*wait for the stated block"):
        subnet.finalize(town.ann, window, 0, found.terms)
    town.later(now.deadline)
    subnet.finalize(town.ann, window, 0, found.terms)
    index = found.leaf_of(town.miner.address, validator=False)
    before = subnet.balance(town.miner.address)
    subnet.claim(town.ann, window, index, found.leaves[index], found.tree.path(index))
    assert subnet.balance(town.miner.address) - before == 600 * GRAIL
    assert subnet.is_paid(window, index)
    with pytest.raises(Reverted, match=r"AlreadyClaimed.*nothing to do"):
        subnet.claim(town.ann, window, index, found.leaves[index], found.tree.path(index))
    before = subnet.balance(town.trainer.address)
    subnet.claim_share(town.ann, window, Share.TRAINER)
    assert subnet.balance(town.trainer.address) - before == 100 * GRAIL
    for v in town.validators:
        place = found.leaf_of(v.address, validator=True)
        if found.leaves[place].value:
            subnet.claim(town.ann, window, place, found.leaves[place], found.tree.path(place))
    parts, pool = budgets_of(subnet, window, found), subnet.contracts["RewardPool"]
    assert 0 <= pool.call("unclaimed") - parts.treasury < 10, "all are paid out; the treasury's part waits, and dust"


@pytest.mark.parametrize(
    "words",
    [[Entry.ACCEPT, Entry.SILENT, Entry.REJECT], [Entry.SILENT] * 3, [Entry.ABSTAIN] * 3],
    ids=["mixed", "silent", "withheld"],
)
def test_every_leaf_is_what_the_judge_says(town, words):
    """The twin of the contract: all leaves of a window, whatever its seats say."""
    window = town.next_window()
    town.commit(window)
    found = town.score(window, words)
    judge, before = town.subnet.contracts["SettlementJudge"], NO_LEAF
    for index in [*range(5), len(found.leaves) - 1]:
        before = found.leaves[index - 1] if index else NO_LEAF
        commitments, sheets = evidence_of(found, index)
        shown = ([commitment_values(entry) for entry in commitments], sheets)
        said = judge.call("leafAt", window, index, before.values(), shown)
        assert (
            SettlementLeaf(said["account"], said["value"], said["holds"], said["whole"], said["sum"])
            == (found.leaves[index])
        ), index


def test_a_pledge_that_is_not_kept_costs_pay(town):
    """The judge agrees, and with the record of every window that it needs to be shown."""
    subnet, judge, values = town.subnet, town.subnet.contracts["SettlementJudge"], []
    first = town.next_window()
    town.commit(first)
    subnet.pledge(town.miner, 8)
    assert (subnet.pledged(first + 1, town.miner.address), subnet.pledged(first + 2, town.miner.address)) == (4, 8)
    for _ in range(2):
        window = town.next_window()
        entry = town.commit(window)
        found = town.score(window, [Entry.ACCEPT] * 3)
        shown, sheets = evidence_of(found, 0)
        assert shown[0] == entry and shown[1:] == [subnet.commitment(e.window, e.miner) for e in shown[1:]]
        said = judge.call("leafAt", window, 0, NO_LEAF.values(), ([commitment_values(e) for e in shown], sheets))
        assert said["value"] == found.leaves[0].value and said["whole"] == entry.worth
        values.append(found.leaves[0].value)
    assert values == [3_000, 1_500], "four groups a window are half of eight"
    subnet.pledge(town.miner, 4)
    town.next_window()


def test_a_false_leaf_is_refuted_where_it_is_known(town):
    window = town.next_window()
    town.commit(window)
    found, subnet = town.score(window, [Entry.ACCEPT] * 3), town.subnet
    leaves = (replace(found.leaves[0], value=9_000), *found.leaves[1:])
    tree = LeafTree(window, leaves)
    lie = replace(found.terms, root=tree.root)
    subnet.propose(town.ann, window, lie)
    v, before = town.validators[0], subnet.balance(town.validators[0].address)
    shown = ((NO_LEAF, leaves[0]), ((), tree.path(0)))
    subnet.refute(v, window, 0, lie, 0, *shown, evidence_of(found, 0))
    assert not subnet.round(window).standing
    assert subnet.balance(v.address) - before == 250 * GRAIL
    subnet.propose(town.ann, window, found.terms)
    shown = ((NO_LEAF, found.leaves[0]), ((), found.tree.path(0)))
    with pytest.raises(Reverted, match=r"NoFault"):
        subnet.refute(v, window, 1, found.terms, 0, *shown, evidence_of(found, 0))


def test_a_withheld_tree_loses_a_duel(town):
    window = town.next_window()
    town.commit(window)
    found, subnet = town.score(window, [Entry.ACCEPT] * 3), town.subnet
    lie = replace(found.terms, root=keccak256(b"withheld"))
    subnet.propose(town.ann, window, lie)
    subnet.propose(town.validators[0], window, found.terms)
    subnet.open_duel(town.validators[1], window, 0, lie, 1, found.terms)
    (duel,) = subnet.duels(window)
    assert (duel.ids, duel.depth, duel.named) == ((0, 1), 8, (False, False))
    subnet.name_nodes(town.validators[2], duel.number, 1, found.tree.named(8, 0))
    since = subnet.schedule.reveal_deadline(window)
    assert subnet.named_nodes(duel.number, 1, since) == found.tree.named(8, 0)
    town.later(duel.deadline)
    subnet.timeout(town.validators[2], duel.number)
    assert subnet.duels(window) == [] and [p.number for p in subnet.round(window).standing] == [1]


def test_a_rejection_holds_the_pay_until_a_jury_overturns_it(town):
    window = town.next_window()
    entry = town.commit(window)
    found, subnet = town.score(window, [Entry.REJECT, Entry.ACCEPT, Entry.ACCEPT]), town.subnet
    rejecting, *others = town.validators
    if found.rejecting(0) != [rejecting.address]:
        pytest.skip("the draw gave the validator no seat in this window")
    with pytest.raises(Reverted, match="NotRejected"):
        subnet.contest(town.miner, entry, others[0].address, found.sheets[others[0].address])
    subnet.contest(town.miner, entry, rejecting.address, found.sheets[rejecting.address])
    case = subnet.cases()[-1]
    assert case.contest and case.kind is None and case.accuser == rejecting.address
    town.mine(2)
    town.subnet.draw(town.ann, case.number)
    stake, pocket = subnet.neuron(rejecting.address).stake, subnet.balance(town.miner.address)
    drawn = [who for who in others if subnet.seats_in(case.number, who.address)]
    town.ballot(case.number, 1, Ballot.INNOCENT, drawn)
    subnet.rule(town.ann, case.number)
    town.later(subnet.case(case.number).commit_end)
    subnet.execute_case(town.ann, case.number)
    assert subnet.overturned(window, town.miner.address) == found.leaves[0].holds == 1
    assert stake - subnet.neuron(rejecting.address).stake == 50 * GRAIL
    assert subnet.balance(town.miner.address) - pocket == 75 * GRAIL, "its bond, and half of the validator's fine"


def test_what_nobody_judged_is_paid_when_a_jury_has_read_it(town):
    window = town.next_window()
    entry = town.commit(window)
    found, subnet = town.score(window, [Entry.SILENT] * 3), town.subnet
    assert found.leaves[0].holds == found.holds(0) == UNJUDGED
    sheets = [found.sheets.get(holder, b"") for holder in found.holders(0)]
    pocket = subnet.balance(town.miner.address)
    subnet.contest_silence(town.miner, entry, sheets)
    case = subnet.cases()[-1]
    assert case.contest and not any(case.accuser)
    town.mine(2)
    subnet.draw(town.ann, case.number)
    jurors = [who for who in town.validators if subnet.seats_in(case.number, who.address)]
    town.ballot(case.number, 1, Ballot.INNOCENT, jurors)
    subnet.rule(town.ann, case.number)
    town.later(subnet.case(case.number).commit_end)
    subnet.execute_case(town.ann, case.number)
    assert subnet.overturned(window, town.miner.address) == UNJUDGED
    assert subnet.balance(town.miner.address) == pocket, "its bond is back"


def test_a_hotkey_signs_and_two_signatures_for_one_window_are_a_fault(town):
    hot, subnet = signer("hotkey"), town.subnet
    cheat = signer("equivocator")
    for who in (hot, cheat):
        town.chain.send(town.holder, who.address, b"", 10**18)
    subnet.transfer(town.holder, cheat.address, 2_000 * GRAIL)
    subnet.register(cheat, Role.MINER, "", 2_000 * GRAIL)
    subnet.propose_hotkey(cheat, hot.address)
    subnet.accept_hotkey(hot, cheat.address)
    assert subnet.worker_of(hot.address) == cheat.address and subnet.worker_of(cheat.address) is None
    window = town.next_window()
    first = Commitment(
        window=window, miner=cheat.address, root=keccak256(b"a"), blob_digest=b"b" * 32, n_groups=1,
        checkpoint_version=1, worth=1_000,
    )  # fmt: skip
    second = replace(first, root=keccak256(b"b"))
    subnet.commit_for(town.ann, first, subnet.sign_commitment(hot, first))
    assert subnet.commitment(window, cheat.address) == first
    subnet.require_stored(first)
    with pytest.raises(Reverted):
        subnet.commit_for(town.ann, second, subnet.sign_commitment(town.ann, second))
    signature = subnet.sign_commitment(hot, second)
    charge = subnet.schedule.start(window)
    subnet.prove_equivocation(town.ann, first, second, signature, charge)
    assert subnet.neuron(cheat.address).jailed and subnet.is_convicted(window, cheat.address)
    with pytest.raises(Reverted, match="AlreadyConvicted"):
        subnet.prove_equivocation(town.ann, first, second, signature, charge)


def test_a_jury_convicts_after_an_appeal_in_vain(town):
    window = town.next_window()
    entry = town.commit(window)
    accuser, *jurors = town.validators
    town.subnet.accuse(accuser, entry, FaultKind.REPLAY, b"e" * 32)
    number = town.subnet.cases()[-1].number
    with pytest.raises(Reverted, match=r"AlreadyAccused.*one accusation"):
        town.subnet.accuse(accuser, entry, FaultKind.REPLAY, b"e" * 32)
    town.mine(2)
    town.subnet.draw(accuser, number)
    assert sum(town.subnet.seats_in(number, juror.address) for juror in jurors) == 7
    assert town.subnet.weight_in(town.subnet.case(number), accuser.address) == 0
    drawn = [juror for juror in jurors if town.subnet.seats_in(number, juror.address)]
    town.ballot(number, 1, Ballot.GUILTY, drawn)
    town.subnet.rule(town.ann, number)
    assert town.subnet.case(number).ruling is Ballot.GUILTY
    town.subnet.appeal(town.ann, number)
    town.ballot(number, 2, Ballot.GUILTY, jurors)
    town.subnet.execute_case(town.ann, number)
    assert town.subnet.case(number).state is CaseState.CLOSED
    assert town.subnet.neuron(town.miner.address).jailed
    assert town.subnet.vote_of(number, 1, drawn[0].address)[1] is Ballot.GUILTY
    with pytest.raises(Reverted, match="NoFault"):
        town.subnet.fine(town.ann, number, drawn[0].address)


def test_a_pause_stops_value_and_says_until_when(town):
    switch = town.subnet.contracts["PauseSwitch"]
    switch.send(GUARDIAN, "pause")
    clock = town.subnet.clock()
    town.mine(5)
    assert town.subnet.clock() == clock
    with pytest.raises(Reverted, match=r"Paused\(until = \d+\): the guardian has stopped value"):
        town.subnet.collect(town.ann, town.validators[0].address)
    switch.send(GUARDIAN, "resume")
    with pytest.raises(Reverted, match="TooEarly"):
        switch.send(GUARDIAN, "pause")
