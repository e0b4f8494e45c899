"""All validators are away while they should judge: honest work is paid all the same, once a jury has read it."""

from grail.protocol.records import Ballot
from grail.settlement.leaves import UNJUDGED
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from validator.duties.score import CommitScores


def test_honest_work_that_nobody_judged_is_paid_after_a_jury(tmp_path, monkeypatch):
    network = LocalNetwork(LocalnetOptions(windows=5, miners=1, cheats=0, validators=2, groups=4), tmp_path / "run")
    awake = CommitScores.run
    monkeypatch.setattr(CommitScores, "run", lambda duty, window: {} if window == 0 else awake(duty, window))
    miner, subnet = network.parts[0].signer.address, network.subnet
    for _ in range(5):
        network.advance()
    (case,) = subnet.cases()
    assert case.contest and case.window == 0 and not any(case.accuser) and case.ruling is Ballot.INNOCENT
    assert subnet.overturned(0, miner) == UNJUDGED
    assert subnet.is_paid(0, 0), "the whole window's pay, late"
    assert not subnet.neuron(miner).jailed
