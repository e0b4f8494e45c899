"""A validator lies about what it has read: honest miners lose nothing by it, and the liar is found out."""

import json

from hypothesis import given
from hypothesis import strategies as st

from grail.verification.base import Outcome
from grail.verification.evidence import BETS
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from tests.redteam.overstating import overstated
from validator.duties import score
from validator.duties.audit import Audit
from validator.duties.lasting import exceeds
from validator.duties.reports import MOST, PROCESSES, _parsed


def test_inflated_evidence_convicts_nobody_and_is_believed_once(tmp_path, monkeypatch):
    options = LocalnetOptions(windows=3, miners=1, cheats=0, validators=2, groups=4)
    network = LocalNetwork(options, tmp_path / "run")

    monkeypatch.setattr(score, "report_of", overstated("validator-2", 50.0))
    for _ in range(3):
        assert network.advance().right
    assert {row.outcome for row in network.journal.verdicts()} == {Outcome.ACCEPT.value}
    miner = network.parts[0].signer.address
    assert not network.subnet.neuron(miner).jailed and not network.subnet.cases()
    honest, liar = (next(s for s in network.services if s.node.name == f"validator-{i}") for i in (1, 2))
    (audit,) = [duty for duty in honest._duties if isinstance(duty, Audit)]
    assert audit._handed._liars == {liar.node.address}
    assert all(x < 50 for wealth in audit._handed.of(miner).values() for x in wealth)


def test_honest_readings_of_one_place_are_no_overstatement():
    assert not exceeds({"tokens": [1.0] * 6}, {"tokens": [0.5] * 6})
    assert exceeds({"tokens": [0.0] * 5 + [9.0]}, {"tokens": [0.0] * 6})
    assert exceeds({"no-such": [9.0] * 6}, {})


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
        st.lists,
        max_leaves=8,
    )
)
def test_what_is_no_evidence_says_nothing(odd):
    entry = {"added": {"tokens": odd, "fine": [1e9] * len(BETS)}}
    report = json.dumps({"verdicts": {"0x" + "11" * 20: entry, "0x" + "22" * 20: odd}}).encode()
    found = _parsed(report)
    assert found[b"\x11" * 20].get("fine") == [MOST] * len(BETS)
    assert found[b"\x22" * 20] == {} and all(len(wealth) == len(BETS) for wealth in found[b"\x11" * 20].values())


def test_more_processes_than_there_are_say_nothing():
    entry = {"added": {str(n): [0.0] * len(BETS) for n in range(PROCESSES + 1)}}
    assert _parsed(json.dumps({"verdicts": {"0x11": entry}}).encode()) == {b"\x11": {}}
