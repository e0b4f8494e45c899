"""A validator lies about what it has read: honest miners lose nothing by it, and the liar is found out."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grail.errors import BadInput
from grail.protocol.reports import MOST, PROCESSES, AuditReport, Said, audit_report
from grail.protocol.units import WindowId
from grail.verification.base import Outcome
from grail.verification.evidence import BETS
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from tests.redteam.overstating import overstated
from validator.duties import score
from validator.duties.audit import Audit
from validator.duties.lasting import exceeds
from validator.duties.reports import _added


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


MINER, VALIDATOR = "0x" + "11" * 20, "0x" + "22" * 20


def written(said: object) -> bytes:
    whole = {"version": 1, "window": 7, "validator": VALIDATOR, "verdicts": {MINER: said}}
    return json.dumps(whole, sort_keys=True, separators=(",", ":")).encode()


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.integers() | st.text(),
        st.lists,
        max_leaves=8,
    )
)
def test_what_is_no_report_says_nothing_whatever_it_is(odd):
    for said in (odd, {"outcome": "accept", "check": "replay", "added": {"tokens": odd}}):
        try:
            report = AuditReport.decode(written(said), 1 << 20)
        except BadInput:
            continue
        (wealth,) = report.verdicts[MINER].added.values()
        assert all(type(x) is int and abs(x) <= MOST for x in wealth)


def test_evidence_of_another_shape_or_of_too_many_processes_says_nothing():
    assert _added(Said(outcome="accept", check="replay", added={"tokens": (1,), "flips": (5_000,) * 7})) == {
        "flips": [0.5] * len(BETS)
    }
    added = {str(n): [0] * len(BETS) for n in range(PROCESSES + 1)}
    with pytest.raises(BadInput, match="added"):
        AuditReport.decode(written({"outcome": "accept", "check": "replay", "added": added}), 1 << 20)


def test_a_report_is_one_validators_of_one_window_written_in_one_way():
    data = AuditReport(version=1, window=7, validator=VALIDATOR, verdicts={}).encode()
    assert audit_report(data, WindowId(7), b"\x22" * 20, 0).encode() == data
    for window, validator in ((8, b"\x22" * 20), (7, b"\x11" * 20)):
        with pytest.raises(BadInput, match="report of window"):
            audit_report(data, WindowId(window), validator, 0)
    for other in (data + b" ", b" " + data, data.replace(b'"window":7', b'"window":7.0'), data[:-1], b"", b"\xff"):
        with pytest.raises(BadInput):
            audit_report(other, WindowId(7), b"\x22" * 20, 0)
    with pytest.raises(BadInput, match="at most"):
        audit_report(data + b" " * 5_000, WindowId(7), b"\x22" * 20, 0)
