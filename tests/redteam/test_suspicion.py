"""Suspicion as a lever: who can make others suspicious makes them read everything. What that costs is bounded."""

import math

from grail.verification.base import Outcome
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from tests.redteam.overstating import overstated
from validator.duties import lasting, score
from validator.duties.audit import Audit

WORD = math.log(1e3)
"""Too little for a rejection, which would have whoever believes it read the earlier places itself."""


def test_a_validators_word_about_a_rival_costs_others_no_more_than_an_epochs_share(tmp_path, monkeypatch):
    options = LocalnetOptions(windows=3, miners=1, cheats=0, validators=2, groups=16)
    network = LocalNetwork(options, tmp_path / "run")

    monkeypatch.setattr(score, "report_of", overstated("validator-2", WORD))
    monkeypatch.setattr(lasting, "FURTHER_WINDOWS", 1)
    for _ in range(options.windows):
        assert network.advance().right
    rows = network.journal.verdicts()
    assert {row.outcome for row in rows} == {Outcome.ACCEPT.value}
    everything = options.groups * network.subnet.policy(0).group_size
    (audit,) = [d for s in network.services if s.node.name == "validator-1" for d in s._duties if isinstance(d, Audit)]
    miner = network.parts[0].signer.address
    assert audit._handed.of(miner), "it was believed"
    further = audit._handed._further[miner]
    assert further == network.subnet.policy(0).audit_rollouts
    read = [row.rollouts for row in rows if row.window == 2]
    assert read and max(read) < everything, "the last window's audits read what was dealt"
