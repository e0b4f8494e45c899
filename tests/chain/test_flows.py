"""Every flow of the contracts through Python: stake, work, settlement and its refutation, court, pause.

The same on the embedded chain and on anvil; refusals are readable on both.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import pytest

from grail.chain.accounts import Signer
from grail.chain.base import Chain
from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.errors import Reverted
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.leaf import RolloutLeaf
from grail.protocol.records import (
    Ballot,
    CaseState,
    CheckpointRecord,
    Commitment,
    FaultKind,
    Moment,
    ProposalState,
    Role,
    ScoreReveal,
    Terms,
)
from grail.protocol.schedule import Schedule
from grail.settlement.payouts import Settlement, Share, payout_key
from grail.settlement.scores import ScoreSheet, key_of
from simulation.network import ANVIL_KEY
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
        root = leaf.digest() if leaf else keccak256(b"root")
        entry = Commitment(
            window=window, miner=self.miner.address, root=root, blob_digest=keccak256(b"blob"),
            n_groups=4, checkpoint_version=1,
        )  # fmt: skip
        self.subnet.commit(self.miner, entry)
        return entry

    def score(self, window: int, scores: list[int]) -> list[ScoreSheet]:
        """All validators score the miner; the reveals are over afterwards."""
        schedule = self.subnet.schedule
        sheets = [
            ScoreSheet(window, v.address, {self.miner.address: s}) for v, s in zip(self.validators, scores, strict=True)
        ]
        self.to(schedule.challenge_block(window))
        self.subnet.draw_randomness(self.ann, window, Moment.SEAL)
        for who, sheet in zip(self.validators, sheets, strict=True):
            words = encode_static(window, who.address, sheet.root, sheet.tree.total, bytes(32), bytes(32))
            self.subnet.commit_scores(who, window, keccak256(words))
        self.to(schedule.score_deadline(window))
        for who, sheet in zip(self.validators, sheets, strict=True):
            self.subnet.reveal_scores(who, window, sheet.root, sheet.tree.total, bytes(32), bytes(32))
        self.to(schedule.reveal_deadline(window))
        return sheets

    def terms(self, window: int, score: int, amount: int) -> tuple[Settlement, Terms, list[ScoreReveal]]:
        settlement = Settlement(window, {(Share.MINER, self.miner.address): amount}, {self.miner.address: score})
        reveals = self.subnet.reveals(window)
        terms = Terms(
            score_root=settlement.score_tree.root,
            score_sum=score,
            payout_root=settlement.tree.root,
            payout_sum=amount,
            payout_size=1,
            counted=(1 << len(reveals)) - 1,
            table=keccak256(settlement.table()),
        )
        return settlement, terms, reveals

    def column(self, window: int, settlement: Settlement, sheets: list[ScoreSheet]) -> dict:
        key = key_of(self.miner.address)
        return {
            "miner": self.miner.address,
            "settled": settlement.score_tree.lookup(key),
            "payout": settlement.tree.lookup(payout_key(Share.MINER, self.miner.address)),
            "sheets": [sheet.tree.lookup(key) for sheet in sheets],
        }

    def ballot(self, case: int, round_: int, word: Ballot, jurors: list[Signer]) -> None:
        for juror in jurors:
            words = encode_static(case, round_, juror.address, int(word), bytes(32))
            self.subnet.commit_vote(juror, case, keccak256(words))
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


def test_a_settlement_is_proposed_finished_and_claimed(town):
    window = town.next_window()
    town.commit(window)
    town.score(window, [100, 100, 100])
    settlement, terms, reveals = town.terms(window, 100, 600 * GRAIL)
    town.subnet.propose(town.ann, window, terms, reveals)
    proposal = town.subnet.proposal(window)
    assert (proposal.state, proposal.emission) == (ProposalState.PROPOSED, 1_000 * GRAIL)
    assert town.subnet.proposed_terms(window, proposal.digest) == terms
    with pytest.raises(Reverted, match=r"TooEarly.*wait for the stated block"):
        town.subnet.finalize(town.ann, window, terms)
    town.later(proposal.deadline)
    town.subnet.finalize(town.ann, window, terms)
    (entry,) = settlement.entries(town.miner.address)
    before = town.subnet.balance(town.miner.address)
    town.subnet.claim(town.ann, window, entry)
    assert town.subnet.balance(town.miner.address) - before == 600 * GRAIL
    assert town.subnet.is_paid(window, entry.index)
    with pytest.raises(Reverted, match=r"AlreadyClaimed.*nothing to do"):
        town.subnet.claim(town.ann, window, entry)


def test_a_false_payout_is_refuted_by_its_column(town):
    window = town.next_window()
    town.commit(window)
    sheets = town.score(window, [100, 100, 900])
    settlement, terms, reveals = town.terms(window, 900, 600 * GRAIL)
    town.subnet.propose(town.ann, window, terms, reveals)
    v, before = town.validators[0], town.subnet.balance(town.validators[0].address)
    town.subnet.refute(v, window, terms, reveals, **town.column(window, settlement, sheets))
    assert town.subnet.proposal(window).state is ProposalState.NONE
    assert town.subnet.balance(v.address) - before == 250 * GRAIL
    honest, right, _ = town.terms(window, 100, 600 * GRAIL)
    town.subnet.propose(town.ann, window, right, reveals)
    with pytest.raises(Reverted, match=r"NoFault"):
        town.subnet.refute(v, window, right, reveals, **town.column(window, honest, sheets))


def test_an_objection_is_decided_by_the_revealed_stake(town):
    window = town.next_window()
    town.commit(window)
    town.score(window, [100, 100, 100])
    _, wrong, reveals = town.terms(window, 100, 5 * GRAIL)
    _, right, _ = town.terms(window, 100, 600 * GRAIL)
    town.subnet.propose(town.ann, window, wrong, reveals)
    town.subnet.object_to(town.validators[0], window)
    for index in range(2):
        town.subnet.vote_settlement(town.validators[index], window, right, reveals, index)
    proposal = town.subnet.proposal(window)
    assert proposal.state is ProposalState.DECIDED
    assert town.subnet.proposed_terms(window, proposal.digest) == right
    town.later(proposal.deadline)
    town.subnet.finalize(town.ann, window, right)
    assert town.subnet.settlement(window)[1] == 600 * GRAIL


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
        checkpoint_version=1,
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
    assert town.subnet.weight_in(number, accuser.address) == 0
    town.ballot(number, 1, Ballot.GUILTY, jurors)
    town.subnet.rule(town.ann, number)
    assert town.subnet.case(number).ruling is Ballot.GUILTY
    town.subnet.appeal(town.ann, number)
    town.ballot(number, 2, Ballot.GUILTY, jurors)
    town.subnet.execute_case(town.ann, number)
    assert town.subnet.case(number).state is CaseState.CLOSED
    assert town.subnet.neuron(town.miner.address).jailed
    assert town.subnet.vote_of(number, 1, jurors[0].address)[1] is Ballot.GUILTY
    with pytest.raises(Reverted, match="NoFault"):
        town.subnet.fine(town.ann, number, jurors[0].address)


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
