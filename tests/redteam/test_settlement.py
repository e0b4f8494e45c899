"""A validator proposes a false settlement: the others' services refute it, or object to it, and the liar pays."""

import dataclasses

import pytest

from grail.errors import ObjectMissing
from grail.protocol.records import ProposalState
from grail.runtime.settlement_view import SettlementView
from grail.settlement.payouts import Share
from simulation.cast import POCKET
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from validator.duties.settle import Settle


class Liar(Settle):
    """Proposes, votes for and finishes its own version of a settlement."""

    def __init__(self, node, twist, gainer) -> None:
        super().__init__(node)
        self._twist = twist
        self._gainer = gainer

    def _view(self, proposal) -> SettlementView:
        view = super()._view(proposal)
        return dataclasses.replace(view, settlement=self._twist(view.settlement, self._gainer))


def more_for_a_friend(settlement, _liar):
    """One miner's score is doubled; every amount follows from the false scores."""
    friend = max(settlement.scores)
    scores = {**settlement.scores, friend: 2 * settlement.scores[friend]}
    budget = 600 * 10**18
    amounts = {key: amount for key, amount in settlement.amounts.items() if key[0] is not Share.MINER}
    amounts |= {(Share.MINER, miner): budget * score // sum(scores.values()) for miner, score in scores.items()}
    return dataclasses.replace(settlement, amounts=amounts, scores=scores)


def a_miner_forgotten(settlement, _liar):
    """The scores are right; one miner's payout is simply left out."""
    victim = min(settlement.scores)
    amounts = {key: amount for key, amount in settlement.amounts.items() if key != (Share.MINER, victim)}
    return dataclasses.replace(settlement, amounts=amounts)


def an_invented_miner(settlement, liar):
    """The liar's own address stands among the miners, at the treasury's cost."""
    amounts = {key: amount - 10**18 * (key[0] is Share.TREASURY) for key, amount in settlement.amounts.items()}
    return dataclasses.replace(settlement, amounts=amounts | {(Share.MINER, liar): 10**18})


def all_validators_pay_for_the_liar(settlement, liar):
    """What no single miner's column shows: the validators' share goes to one."""
    amounts = {key: amount for key, amount in settlement.amounts.items() if key[0] is not Share.VALIDATOR}
    return dataclasses.replace(settlement, amounts=amounts | {(Share.VALIDATOR, liar): 250 * 10**18})


def play(tmp_path, twist, *, withhold: bool = False, liars: int = 1):
    options = LocalnetOptions(windows=1, miners=2, cheats=0, validators=3, groups=4)
    network = LocalNetwork(options, tmp_path / "run")
    lying = [s for s in network.services if s.node.name in [f"validator-{i + 1}" for i in range(liars)]]
    liar = lying[0]
    for service in lying:
        service._duties = [
            Liar(service.node, twist, liar.node.address) if isinstance(d, Settle) else d for d in service._duties
        ]
    if withhold:
        real = network.store.put
        tables = []

        def put(blob):
            digest = real(blob)
            if blob[:4] == (2).to_bytes(4, "big"):
                tables.append(digest)
            return digest

        get = network.store.get

        def fetch(digest, limit):
            if tables and digest == tables[0]:
                raise ObjectMissing("withheld")
            return get(digest, limit)

        network.store.put, network.store.get = put, fetch  # type: ignore[method-assign]
    assert network.advance().right
    return network, liar.node


def settled_rightly(network) -> None:
    subnet = network.subnet
    assert subnet.proposal(0).state is ProposalState.FINAL
    claims = [event.fields for event in network.journal.events("Claimed")]
    miners = {p.signer.name.lower() for p in network.parts[:2]}
    assert {f["account"] for f in claims if f["share"] == Share.MINER} == miners
    honest = network.journal.note("validator-2", "audit", 0)["scores"]
    total = sum(honest.values())
    for f in claims:
        if f["share"] == Share.MINER:
            assert int(f["amount"]) == 600 * 10**18 * honest[f["account"]] // total
    validators = [int(f["amount"]) for f in claims if f["share"] == Share.VALIDATOR]
    assert len(set(validators)) == 1, "equal stake, equal work, equal pay"


@pytest.mark.parametrize("twist", [more_for_a_friend, a_miner_forgotten, an_invented_miner])
def test_a_false_miners_payout_is_refuted_by_proof(tmp_path, twist):
    network, liar = play(tmp_path, twist)
    refuted = [event.fields for event in network.journal.events("SettlementRefuted")]
    assert refuted and all(fields["challenger"] != liar.signer.name.lower() for fields in refuted)
    lost = len(refuted) * network.subnet.latest_policy().settlement_bond
    assert network.subnet.balance(liar.address) < POCKET - lost + 100 * 10**18, "a bond for every lie"
    objectors = {event.fields["objector"] for event in network.journal.events("SettlementDisputed")}
    assert objectors <= {liar.signer.name.lower()}, "a proof needs no vote; only the liar objects, to the truth"
    settled_rightly(network)


@pytest.mark.parametrize(
    ("twist", "withhold"),
    [(all_validators_pay_for_the_liar, False), (more_for_a_friend, True)],
    ids=["pay", "withheld"],
)
def test_what_no_column_shows_is_objected_to_and_voted_down(tmp_path, twist, withhold):
    network, liar = play(tmp_path, twist, withhold=withhold)
    (decided,) = network.journal.events("SettlementDecided")
    assert decided.fields["upheld"] is False
    settled_rightly(network)
    objector = network.journal.events("SettlementDisputed")[0].fields["objector"]
    assert objector != liar.signer.name.lower()
    assert network.subnet.balance(liar.address) < network.subnet.balance(bytes.fromhex(objector[2:])), "the liar paid"


def test_what_a_majority_settles_against_us_is_still_paid_to_miners(tmp_path):
    """Two of three validators keep the validators' pay: the residual. Miners' pay is out of their reach."""
    network, liar = play(tmp_path, all_validators_pay_for_the_liar, liars=2)
    claims = [event.fields for event in network.journal.events("Claimed")]
    assert {f["share"] for f in claims} == {Share.MINER, Share.VALIDATOR, Share.TRAINER}
    assert sum(int(f["amount"]) for f in claims if f["share"] == Share.MINER) == pytest.approx(600 * 10**18, abs=10)
    assert [f["account"] for f in claims if f["share"] == Share.VALIDATOR] == [liar.signer.name.lower()]


def test_a_majority_cannot_settle_a_false_miners_payout(tmp_path):
    """Whatever two of three vote for, the third refutes by proof, until the liars' bonds are gone."""
    network, _ = play(tmp_path, more_for_a_friend, liars=2)
    honest = next(p for p in network.parts if p.name == "validator-3").signer.name.lower()
    refuted = [event.fields["challenger"] for event in network.journal.events("SettlementRefuted")]
    assert len(refuted) > 1 and set(refuted) == {honest}
    settled_rightly(network)
