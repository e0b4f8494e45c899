"""Every adversary of the local network against the real pipeline: audit, jury, slashing."""

import pytest

from grail.protocol.records import Ballot, CaseState, FaultKind
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions


@pytest.mark.parametrize("seed", [1, 2])
def test_each_cheat_is_convicted_in_its_first_window(tmp_path, seed):
    options = LocalnetOptions(windows=1, miners=1, cheats=3, validators=3, groups=32, seed=seed)
    network = LocalNetwork(options, tmp_path / "run")
    assert network.advance().right
    for part in network.parts:
        assert network.subnet.neuron(part.signer.address).jailed == (part.cheat is not None), part.name


def test_a_lone_accuser_of_an_honest_miner_loses_its_bond(tmp_path):
    """A validator that lies about one miner: two honest jurors refute it; the miner gains, the liar pays."""
    options = LocalnetOptions(windows=2, miners=1, cheats=0, validators=3, groups=4)
    network = LocalNetwork(options, tmp_path / "run")
    network.advance()
    liar = next(part for part in network.parts if part.name == "validator-1")
    miner = network.parts[0]
    before = network.subnet.balance(liar.signer.address)
    entry = network.subnet.commitment(0, miner.signer.address)
    network.subnet.accuse(liar.signer, entry, FaultKind.REPLAY, bytes(32))
    money = network.advance()
    assert money.right
    case = network.subnet.case(0)
    assert case.state is CaseState.CLOSED and case.ruling is Ballot.INNOCENT
    assert not network.subnet.neuron(miner.signer.address).jailed
    claims = [event.fields for event in network.journal.events("Claimed")]
    earned = sum(
        int(f["amount"]) for f in claims if f["account"] == "0x" + liar.signer.address.hex() and f["window"] == 1
    )
    assert network.subnet.balance(liar.signer.address) < before + earned
    refuted = [event.name for event in network.journal.events("Resolved")]
    assert refuted == ["Resolved"]


def test_a_broken_verifier_abstains_and_nobody_is_hurt(tmp_path, monkeypatch):
    """A crash in one validator's engine is no verdict: the miner is paid by the others and keeps its stake."""
    options = LocalnetOptions(windows=1, miners=3, cheats=0, validators=3, groups=2)
    network = LocalNetwork(options, tmp_path / "run")
    broken = next(s for s in network.services if s.node.name == "validator-1")

    def crash(*_args, **_kwargs):
        raise RuntimeError("out of memory")

    monkeypatch.setattr(broken.node.engines.__class__, "engine", patched_for(broken.node, crash))
    assert network.advance().right
    outcomes = {row.validator: row.outcome for row in network.journal.verdicts()}
    assert outcomes[broken.node.signer.name] == "abstain"
    assert sorted(outcomes.values()) == ["abstain", "accept", "accept"]
    miner = network.parts[0].signer.address
    assert not network.subnet.neuron(miner).jailed
    assert network.journal.note("miner-1", "claim", 0)["amount"] != "0"


def patched_for(node, crash):
    """EngineCache.engine that fails only while `node` is judging."""
    from validator.duties import auditing

    real_engine = node.engines.__class__.engine
    real_judge = auditing._judge
    state = {"judging": None}

    def judge(who, *args):
        state["judging"] = who.name
        try:
            return real_judge(who, *args)
        finally:
            state["judging"] = None

    auditing._judge = judge

    def engine(self, checkpoint):
        if state["judging"] == node.name:
            crash()
        return real_engine(self, checkpoint)

    return engine
