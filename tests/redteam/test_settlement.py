"""A validator states a false settlement: the others fell it, by its own leaves or in a duel, and the liar pays."""

import dataclasses

import pytest

import simulation.network as simulated
from grail.chain.deployment import NetworkPlan
from grail.governance.policy import longest_dispute
from grail.protocol.hashing import keccak256
from grail.protocol.records import Role
from grail.runtime.reckon import reckon
from grail.settlement.payouts import Share
from grail.settlement.reckoning import Reckoning, terms_digest
from simulation.cast import POCKET, signer_of
from simulation.liars.proposing import FalseSettle, pay_me
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from validator.duties.settle import Settle


def more_for_a_friend(leaves, _liar):
    """One miner's worth is doubled, and every sum behind it follows."""
    extra, made = leaves[0].value, []
    for leaf in leaves:
        validator = leaf.account in {one.account for one in leaves[2:]} or not any(leaf.account)
        made.append(dataclasses.replace(leaf, whole=leaf.whole + extra, sum=leaf.sum + (0 if validator else extra)))
    made[0] = dataclasses.replace(made[0], value=2 * extra)
    return tuple(made)


def a_miner_forgotten(leaves, _liar):
    """One miner's worth is simply nothing."""
    return (dataclasses.replace(leaves[0], value=0), *leaves[1:])


def all_validators_pay_for_the_liar(leaves, liar):
    """What was settled by a vote before: the validators' part goes to one."""
    total = leaves[-1].sum
    return tuple(
        dataclasses.replace(leaf, value=total if leaf.account == liar else 0) if i >= 2 and any(leaf.account) else leaf
        for i, leaf in enumerate(leaves)
    )


def play(tmp_path, twist, *, silent: bool = False, liars: int = 1):
    options = LocalnetOptions(windows=1, miners=2, cheats=0, validators=3, groups=4)
    network = LocalNetwork(options, tmp_path / "run")
    lying = [s for s in network.services if s.node.name in [f"validator-{i + 1}" for i in range(liars)]]
    for service in lying:
        service._duties = [
            FalseSettle(service.node, twist, silent=silent) if isinstance(d, Settle) else d for d in service._duties
        ]
    assert network.advance().right
    return network, lying[0].node


def settled_rightly(network) -> Reckoning:
    subnet = network.subnet
    found = reckon(subnet, 0)
    now = subnet.round(0)
    assert now.closed and subnet.settlement(0) == found.terms.root
    claims = [event.fields for event in network.journal.events("Claimed")]
    paid = {f["account"]: int(f["amount"]) for f in claims if f["share"] == Share.MINER}
    miners = [p.signer.address for p in network.parts if p.role is Role.MINER]
    for entry, leaf in zip(found.commitments, found.leaves, strict=False):
        assert paid["0x" + entry.miner.hex()] == 600 * 10**18 * leaf.value // found.terms.whole
    assert len(paid) == len(miners)
    return found


@pytest.mark.parametrize("silent", [False, True], ids=["defended", "withheld"])
@pytest.mark.parametrize("twist", [more_for_a_friend, a_miner_forgotten, pay_me, all_validators_pay_for_the_liar])
def test_a_false_settlement_falls_and_its_bond_is_lost(tmp_path, twist, silent):
    network, liar = play(tmp_path, twist, silent=silent)
    found = settled_rightly(network)
    ended = [event.fields for event in network.journal.events("DuelEnded")]
    assert len(ended) >= 1 and all(f["aStands"] != f["bStands"] for f in ended)
    stated = [event.fields for event in network.journal.events("SettlementProposed")]
    lies = [f for f in stated if f["proposer"] == liar.signer.name.lower()]
    assert lies, "it lied"
    assert all(stated_digest != terms_digest(0, found.terms) for stated_digest in [f["terms"] for f in lies])
    lost = len(lies) * network.subnet.policy(0).settlement_bond
    assert network.subnet.balance(liar.address) < POCKET - lost + 300 * 10**18, "a bond for every lie"


def test_two_liars_of_three_cannot_settle_a_false_payout(tmp_path):
    """What counts is the chain, not a majority: one honest validator is enough, for validators' pay too."""
    network, liar = play(tmp_path, all_validators_pay_for_the_liar, liars=2)
    settled_rightly(network)
    assert network.subnet.balance(liar.address) < POCKET


def test_a_lie_told_as_the_guardian_pauses_falls_after_the_pause(tmp_path, monkeypatch):
    """Deadlines stand still in a pause, and so does what validators look back over: nothing ripens unseen."""
    windows = 8  # of the pause: more than a look-back of blocks would reach
    guardian = signer_of(LocalnetOptions().seed, "funder")
    monkeypatch.setattr(simulated, "NetworkPlan", lambda **kw: NetworkPlan(**kw, guardian=guardian.address))
    plain = LocalnetOptions.policy_overrides

    def overrides(self, schedule):
        values = plain(self, schedule) | {"pause_blocks": windows * schedule.window}
        return values | {"unbonding_blocks": longest_dispute(values, schedule.window)}

    monkeypatch.setattr(LocalnetOptions, "policy_overrides", overrides)
    network = LocalNetwork(LocalnetOptions(windows=1, miners=2, cheats=0, validators=3, groups=4), tmp_path / "run")
    subnet, schedule = network.subnet, network.subnet.schedule
    phases = (schedule.start(0) + 1, Role.MINER), (schedule.challenge_block(0), Role.VALIDATOR)
    for block, role in (*phases, (schedule.score_deadline(0), Role.VALIDATOR)):
        network.mine_to(block)
        network._tick(role)
    network.mine_to(schedule.reveal_deadline(0))
    liar = next(service for service in network.services if service.node.name == "validator-1")
    liar._duties = [duty for duty in liar._duties if not isinstance(duty, Settle)]
    right = reckon(subnet, 0)
    lie = dataclasses.replace(right.terms, root=keccak256(b"withheld"))
    subnet.propose(liar.node.signer, 0, lie)
    subnet.contracts["PauseSwitch"].send(guardian, "pause")
    resumed = subnet.chain.head().number + windows * schedule.window
    while subnet.chain.head().number < resumed:
        network._tick(Role.VALIDATOR)
        network.mine_to(min(resumed, subnet.chain.head().number + schedule.window))
    for _ in range(20 * len(right.leaves)):
        network._tick(Role.VALIDATOR)
        if subnet.round(0).closed:
            break
        network.mine_to(subnet.chain.head().number + 1)
    assert subnet.settlement(0) == right.terms.root, "the truth was stated after the pause, and the lie fell"
