"""From scores to payouts: laws that must hold for any scores and stakes."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from grail.errors import BadInput
from grail.governance.policy import Policy
from grail.settlement.consensus import consensus
from grail.settlement.payouts import decode_table, settle
from grail.settlement.scores import ScoreSheet, decode_sheet

POLICY = Policy.defaults()
EMISSION = POLICY.emission_per_window
MINERS = [bytes([i]) * 20 for i in range(1, 6)]
VALIDATORS = [bytes([i]) * 20 for i in range(101, 106)]
TRAINER, TREASURY = b"t" * 20, b"y" * 20

score_tables = st.lists(
    st.dictionaries(st.sampled_from(MINERS), st.integers(0, 10**9)), min_size=1, max_size=len(VALIDATORS)
)
stakes = st.lists(st.integers(1, 10**27), min_size=len(VALIDATORS), max_size=len(VALIDATORS))


def sheets(tables):
    return [ScoreSheet(3, validator, table) for validator, table in zip(VALIDATORS, tables, strict=False)]


@given(score_tables, stakes)
def test_payouts_never_exceed_the_emission_and_every_proof_holds(tables, held):
    outcome = consensus(sheets(tables), dict(zip(VALIDATORS, held, strict=True)), POLICY.kappa_bps)
    settlement = settle(3, outcome, POLICY, EMISSION, TRAINER, TREASURY)
    assert settlement.total <= EMISSION
    assert all(amount > 0 for amount in settlement.amounts.values())
    assert settlement.tree.total == settlement.total
    assert settlement.score_tree.total == sum(outcome.scores.values())
    assert decode_table(settlement.table(), 3) == settlement
    for share, account in settlement.amounts:
        assert settlement.amounts[share, account] in [entry.value for entry in settlement.entries(account)]


@given(st.integers(0, 10**9), st.integers(1, 10**24))
def test_a_minority_of_stake_cannot_move_a_score(lie, stake):
    honest = {MINERS[0]: 100}
    tables = [honest, honest, {MINERS[0]: lie}]
    held = dict(zip(VALIDATORS, [stake, stake, stake], strict=False))
    assert consensus(sheets(tables), held, POLICY.kappa_bps).scores[MINERS[0]] == 100


def test_a_liar_earns_less_than_the_honest():
    tables = [{MINERS[0]: 100}, {MINERS[0]: 100}, {MINERS[0]: 900}]
    held = dict.fromkeys(VALIDATORS[:3], 10**18)
    weights = consensus(sheets(tables), held, POLICY.kappa_bps).weights
    assert weights[VALIDATORS[2]] == 10**18 * 100 // 900 < weights[VALIDATORS[0]] == 10**18


def test_abstaining_costs_the_validator_and_not_the_miner():
    tables = [{MINERS[0]: 100, MINERS[1]: 50}, {MINERS[0]: 100, MINERS[1]: 50}, {MINERS[0]: 100}]
    held = dict.fromkeys(VALIDATORS[:3], 10**18)
    outcome = consensus(sheets(tables), held, POLICY.kappa_bps)
    assert outcome.scores == {MINERS[0]: 100, MINERS[1]: 50}
    assert outcome.weights[VALIDATORS[2]] < outcome.weights[VALIDATORS[0]]


def test_a_window_without_accepted_work_pays_nobody():
    outcome = consensus(sheets([{MINERS[0]: 0}]), {VALIDATORS[0]: 1}, POLICY.kappa_bps)
    settlement = settle(3, outcome, POLICY, EMISSION, TRAINER, TREASURY)
    assert settlement.total == 0 and not settlement.amounts


@given(st.dictionaries(st.binary(min_size=20, max_size=20), st.integers(0, 2**64 - 1), max_size=20))
def test_sheets_have_one_encoding(scores):
    sheet = ScoreSheet(3, VALIDATORS[0], scores)
    again = decode_sheet(sheet.encode(), 3, VALIDATORS[0])
    assert again.root == sheet.root and dict(again.scores) == scores


@pytest.mark.parametrize("blob", [b"x" * 27, (b"b" * 20 + bytes(8)) * 2, b"b" * 20 + bytes(8) + b"a" * 20 + bytes(8)])
def test_sheets_that_are_not_canonical(blob):
    with pytest.raises(BadInput):
        decode_sheet(blob, 3, VALIDATORS[0])
