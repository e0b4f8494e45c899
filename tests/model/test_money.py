"""Random histories of everybody's money, on the contracts and in the model: equal to the wei after each step.

pytest tests/model                  500 histories, by a fixed seed
pytest tests/model -m slow          10,000
"""

from dataclasses import replace

import pytest

pytest.importorskip("pyrevm", reason="NOTICE: no pyrevm (it has no wheel for Python 3.13): its tests are SKIPPED")

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule, run_state_machine_as_test

from grail.chain.accounts import Signer
from grail.chain.address_book import NAMES, AddressBook
from grail.chain.contract import deployment_data
from grail.chain.deployment import NetworkPlan, constructor_values, predicted_address
from grail.chain.subnet import Subnet
from grail.protocol.constants import BPS
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.records import CheckpointRecord, Commitment, FaultKind, Moment, Role
from grail.protocol.schedule import Schedule
from grail.runtime.reckon import budgets_of, committee_of, reckon
from grail.settlement.payouts import Share
from grail.settlement.sheets import Entry, encode_sheet
from tests.chain.test_embedded import PLAN
from tests.model.revm_chain import RevmChain
from tests.model.vault import Pool, Vault

GRAIL = 10**18
MINERS, VALIDATORS, TRAINER = ("mia", "max"), ("vera", "vito"), "tess"
NEURONS = (*MINERS, *VALIDATORS)
PEOPLE = (*NEURONS, TRAINER, "ann", "bob")
STAKES = {Role.MINER: 300 * GRAIL, Role.VALIDATOR: 2_000 * GRAIL, Role.TRAINER: 2_000 * GRAIL}
PHASES = [Phase.generate]
"""Histories are short, and a step of one takes a millisecond: shrinking would take minutes."""
POCKET = 5_000 * GRAIL
WORD = st.sampled_from([Entry.SILENT, Entry.ACCEPT, Entry.ACCEPT, Entry.REJECT, Entry.ABSTAIN])
WORTH = st.integers(0, 10**9)


def signer(name: str) -> Signer:
    return Signer(keccak256(name.encode())[:20], None)  # type: ignore[arg-type]


JUDGE, VOTE = signer("judge"), signer("vote")


class Town:
    """A network on pyrevm, made anew now and then; every history begins where it was made."""

    def __init__(self) -> None:
        self.make()

    def make(self) -> None:
        self.chain, holder = RevmChain(), signer("holder")
        schedule = Schedule(genesis=200, window=40, commit=8, score=8, reveal=6)
        changed = {"unbonding_blocks": 200, "accusation_horizon_blocks": 30, "reliability_windows": 2}
        plan = replace(
            PLAN,
            schedule=schedule,
            holders={holder.address: 10**25},
            trainers=[signer(TRAINER).address],
            overrides=PLAN.overrides | changed,
        )
        self.book = _deployed(self.chain, holder, plan)
        subnet = Subnet(self.chain, self.book)
        for name in PEOPLE:
            role = Role.MINER if name in MINERS else Role.VALIDATOR if name in VALIDATORS else Role.TRAINER
            stake = 0 if name in ("ann", "bob") else STAKES[role]
            subnet.transfer(holder, signer(name).address, stake + POCKET)
            if stake:
                subnet.register(signer(name), role, "", stake)
            if name in MINERS:
                subnet.pledge(signer(name), 4)
        record = CheckpointRecord(
            version=0, fingerprint=b"f" * 32, parent=bytes(32), manifest=bytes(32), rules_hash=bytes(32),
            calibration=bytes(32), proof_scheme="sketch/1", active_from=0, publisher=bytes(20),
        )  # fmt: skip
        subnet.publish(signer(TRAINER), record)
        self.chain.mine(schedule.genesis - self.chain.head().number)
        self.start = self.chain.mark()


def _deployed(chain: RevmChain, holder: Signer, plan: NetworkPlan) -> AddressBook:
    """The network, but for two plain accounts in the places of jury and timelock, whose word is taken as given here."""
    began = chain.nonce(holder.address)
    places = {name: predicted_address(holder.address, began + i) for i, name in enumerate(NAMES)}
    book = AddressBook(chain.chain_id, places, 0)
    values = constructor_values(places | {"Jury": JUDGE.address, "TimelockController": VOTE.address}, plan)
    for name in NAMES:
        chain.send(holder, None, deployment_data(name, *values[name]))
    return book


@pytest.fixture(scope="module")
def town() -> Town:
    return Town()


class Money(RuleBasedStateMachine):
    """The model knows every balance; nothing on chain may differ from it."""

    town: Town

    def __init__(self) -> None:
        super().__init__()
        self.town.chain.go_back(self.town.start)
        if self.town.chain.is_worn:
            self.town.make()
        self.chain = self.town.chain
        self.town.start = self.chain.mark()
        self.subnet = Subnet(self.chain, self.town.book)
        self.policy = self.subnet.latest_policy()
        self.balance = dict.fromkeys(PEOPLE, POCKET)
        self.treasury = self.burnt = 0
        self.supply = self.subnet.contracts["GrailToken"].call("totalSupply")
        pools = {}
        for name in (*NEURONS, TRAINER):
            role = self.role(name)
            pools[name] = Pool(getattr(self.policy, f"min_stake_{role.name.lower()}"))
        self.vault = Vault(pools)
        for name, pool in pools.items():
            self.vault.stake(name, name, STAKES[self.role(name)])
            assert pool.stake == STAKES[self.role(name)]
        self.jailed: set[str] = set()
        self.window = -1
        self.committed: set[tuple[int, str]] = set()
        self.convicted: set[tuple[int, str]] = set()
        self.unclaimed = 0

    @staticmethod
    def role(name: str) -> Role:
        return Role.MINER if name in MINERS else Role.VALIDATOR if name in VALIDATORS else Role.TRAINER

    def read(self, contract: str, signature: str, *values: bytes) -> int:
        """One word from a view, without the codec of the contracts: a step reads a hundred of them."""
        data = keccak256(signature.encode())[:4] + encode_static(*values)
        return int.from_bytes(self.chain.call(self.town.book.addresses[contract], data)[:32], "big")

    @property
    def clock(self) -> int:
        """Of the block in which the next transaction is made."""
        return self.chain.head().number + 1

    # What people do with their own

    @rule(who=st.sampled_from(PEOPLE), neuron=st.sampled_from(NEURONS), part=st.integers(1, 10**6))
    def stake(self, who, neuron, part):
        amount = self.balance[who] * part // (2 * 10**6)
        if amount == 0 or not self.vault.takes(neuron):
            return
        self.subnet.stake(signer(who), signer(neuron).address, amount)
        self.vault.stake(neuron, who, amount)
        self.balance[who] -= amount

    @rule(who=st.sampled_from(PEOPLE), neuron=st.sampled_from(NEURONS), part=st.integers(1, 10**6))
    def unstake(self, who, neuron, part):
        amount = self.vault.pools[neuron].position(who) * part // 10**6
        if not self.vault.may_unstake(neuron, who, amount):
            return
        ready_at = self.clock + self.policy.unbonding_blocks
        self.subnet.request_unstake(signer(who), signer(neuron).address, amount)
        self.vault.unstake(neuron, who, amount, ready_at)

    @rule(who=st.sampled_from(PEOPLE))
    def withdraw(self, who):
        if not any(ready_at <= self.clock for _, ready_at, _, _ in self.vault.queue.get(who, [])):
            return
        clock = self.clock
        self.subnet.withdraw(signer(who))
        self.balance[who] += self.vault.withdraw(who, clock)

    @rule(who=st.sampled_from(PEOPLE), neuron=st.sampled_from(NEURONS))
    def collect(self, who, neuron):
        if self.vault.collectable(neuron, who) == 0:
            return
        self.subnet.collect(signer(who), signer(neuron).address)
        self.balance[who] += self.vault.collect(neuron, who)

    @rule(neuron=st.sampled_from(NEURONS), bps=st.integers(0, BPS))
    def announce(self, neuron, bps):
        clock = self.clock
        self.subnet.contracts["StakeVault"].send(signer(neuron), "announceCommission", bps)
        self.vault.announce(neuron, bps, clock, self.policy.commission_notice_blocks)

    @rule(blocks=st.integers(1, 150))
    def time_passes(self, blocks):
        self.chain.mine(blocks)

    # Work and pay

    @rule(
        words=st.lists(WORD, min_size=4, max_size=4),
        lazy=st.sampled_from([(), (), (), MINERS[:1], MINERS]),
        worths=st.tuples(WORTH, WORTH),
    )
    def work(self, words, lazy, worths):
        """A window from commitments to claims: each validator says its words, by turns, of the submissions in order."""
        subnet, schedule = self.subnet, self.subnet.schedule
        window = self.window = (self.chain.head().number - schedule.genesis) // schedule.window + 1
        self._to(schedule.start(window))
        for name, worth in zip(MINERS, worths, strict=True):
            if name not in lazy and subnet.groups_allowed(window, signer(name).address) >= 4:
                entry = Commitment(
                    window=window, miner=signer(name).address, root=keccak256(b"root"), blob_digest=keccak256(b"blob"),
                    n_groups=4, checkpoint_version=1, worth=min(worth, 4 * self.policy.max_group_worth),
                )  # fmt: skip
                subnet.commit(signer(name), entry)
                self.committed.add((window, name))
        commitments = subnet.commitments(window)
        if not commitments:
            return
        self._to(schedule.challenge_block(window))
        subnet.draw_randomness(signer("ann"), window, Moment.SEAL)
        committee = committee_of(subnet, window)
        active = {place.holder for place in committee.line}
        works = {v for v in VALIDATORS if subnet.is_active(signer(v).address, Role.VALIDATOR)}
        seated = [v for v in VALIDATORS if signer(v).address in active and v in works]
        sheets = {}
        for number, name in enumerate(seated):
            entries = [
                words[(number + index) % len(words)]
                for index in range(len(commitments))
                for _ in committee.seats_of(index, signer(name).address)
            ]
            sheets[name] = encode_sheet([entries])
            words_of = encode_static(window, signer(name).address, keccak256(sheets[name]), bytes(32), bytes(32))
            subnet.commit_scores(signer(name), window, keccak256(words_of))
        self._to(schedule.score_deadline(window))
        for name, sheet in sheets.items():
            subnet.reveal_scores(signer(name), window, sheet, bytes(32), bytes(32))
        self._to(schedule.reveal_deadline(window))
        self._settle(window)

    def _settle(self, window):
        subnet = self.subnet
        found = reckon(subnet, window)
        bond = subnet.policy(window).settlement_bond
        if self.balance["bob"] < bond:
            return
        subnet.propose(signer("bob"), window, found.terms)
        emission = subnet.emission(window)
        self._to(subnet.round(window).deadline)
        subnet.finalize(signer("ann"), window, 0, found.terms)
        parts = budgets_of(subnet, window, found)
        assert parts.whole == found.terms.whole and emission <= subnet.policy(window).emission_per_window
        minted = parts.minted(found.terms)
        self.supply += minted
        self.burnt += parts.burn
        self.unclaimed += minted
        for index, leaf in enumerate(found.leaves):
            miner = index < len(found.commitments)
            amount = parts.miner(leaf.value) if miner else parts.validator(leaf.value)
            name = next((n for n in NEURONS if signer(n).address == leaf.account), None)
            if name is None or amount == 0 or leaf.holds or (window, name) in self.convicted:
                continue
            clock = self.clock
            subnet.claim(signer("ann"), window, index, leaf, found.tree.path(index))
            self._pay(name, amount, clock)
        if found.terms.whole:
            clock = self.clock
            subnet.claim_share(signer("ann"), window, Share.TRAINER)
            self._pay(TRAINER, parts.trainer, clock)
            subnet.claim_share(signer("ann"), window, Share.TREASURY)
            self.treasury += parts.treasury
            self.unclaimed -= parts.treasury

    def _pay(self, name, amount, clock):
        own, _ = self.vault.divide(name, amount, clock)
        self.balance[name] += own
        self.unclaimed -= amount

    # Justice

    @precondition(lambda self: self.committed - self.convicted)
    @rule(pick=st.integers(0, 100), accuser=st.sampled_from(PEOPLE))
    def convict(self, pick, accuser):
        """By the jury, whose word is taken as given here; so is the vote that lets the miner work again."""
        open_ = sorted(self.committed - self.convicted)
        window, name = open_[pick % len(open_)]
        contracts, policy = self.subnet.contracts, self.policy
        court, registry = contracts["FaultCourt"], contracts["NeuronRegistry"]
        clock = self.clock
        sentence = self.vault.slashable(name, clock) * policy.slash_bps // BPS
        values = (window, signer(name).address, int(FaultKind.REPLAY), signer(accuser).address)
        court.send(JUDGE, "convict", *values)
        slashed, own = self.vault.slash(name, sentence, clock)
        to_accuser, burnt = own * policy.slash_accuser_bps // BPS, slashed * policy.slash_burn_bps // BPS
        self.balance[accuser] += to_accuser
        self.burnt += burnt
        self.supply -= burnt
        self.treasury += slashed - to_accuser - burnt
        self.convicted.add((window, name))
        registry.send(VOTE, "release", signer(name).address)

    @rule(name=st.sampled_from(VALIDATORS), amount=st.integers(0, 100 * GRAIL))
    def fine(self, name, amount):
        """What the jury fines and burns."""
        clock = self.clock
        self.subnet.contracts["StakeVault"].send(JUDGE, "slash", signer(name).address, amount)
        slashed, _ = self.vault.slash(name, amount, clock)
        self.subnet.contracts["GrailToken"].send(JUDGE, "burn", slashed)
        self.burnt += slashed
        self.supply -= slashed

    # What must be equal

    @invariant()
    def the_same_to_the_wei(self):
        at = {name: signer(name).address for name in PEOPLE}
        for name in PEOPLE:
            assert self.read("GrailToken", "balanceOf(address)", at[name]) == self.balance[name], name
        for neuron in NEURONS:
            pool = self.vault.pools[neuron]
            assert self.read("StakeVault", "stakeOf(address)", at[neuron]) == pool.stake, neuron
            assert self.read("StakeVault", "poolOf(address)", at[neuron]) == pool.all_shares, neuron
            for name in PEOPLE:
                held = self.read("StakeVault", "positionOf(address,address)", at[neuron], at[name])
                owed = self.read("StakeVault", "collectable(address,address)", at[neuron], at[name])
                assert (held, owed) == (pool.position(name), self.vault.collectable(neuron, name)), (neuron, name)
        assert self.read("GrailToken", "balanceOf(address)", VOTE.address) == self.treasury
        assert self.read("GrailToken", "totalSupply()") == self.supply
        assert self.read("RewardPool", "unclaimed()") == self.unclaimed
        assert self.read("ScoreBoard", "bondsHeld()") == 0

    def teardown(self):
        """What is on its way out, at the history's end."""
        clock, vault = self.clock, self.subnet.contracts["StakeVault"]
        for name in PEOPLE:
            assert list(vault.call("exitsOf", signer(name).address)[1]) == self.vault.exit_worth(name, clock), name

    def _to(self, block):
        self.chain.mine(max(0, block - self.chain.head().number))


def play(town: Town, histories: int, number: int) -> None:
    machine = type("SeededMoney", (Money,), {"town": town})
    run = seed(number)(machine)
    run_state_machine_as_test(
        run,
        settings=settings(
            max_examples=histories, stateful_step_count=10, deadline=None, database=None, phases=PHASES,
            suppress_health_check=list(HealthCheck),
        ),
    )  # fmt: skip


def test_five_hundred_histories(town):
    play(town, 500, 1)


@pytest.mark.slow
@pytest.mark.timeout(3_600)
def test_ten_thousand_histories(town):
    play(town, 10_000, 2)
