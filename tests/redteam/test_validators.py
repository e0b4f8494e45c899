"""Validators who cheat, below and above half the stake: what holds, and what does not."""

import pytest

from grail.governance.policy import ETHER, Policy
from grail.settlement.consensus import consensus
from grail.settlement.payouts import settle
from grail.settlement.scores import ScoreSheet

HONEST, LIAR = [b"h" * 20, b"i" * 20], b"l" * 20
MINER, CHEAT, NOBODY = b"m" * 20, b"c" * 20, b"n" * 20
TRUTH = {MINER: 1_000, CHEAT: 0}
POLICY = Policy.defaults()


def paid(lie: dict[bytes, int], liars_share: int) -> dict[bytes, int]:
    """Payouts when the liar holds `liars_share` per cent of the stake and the others tell the truth."""
    stakes = {LIAR: liars_share * ETHER} | dict.fromkeys(HONEST, (100 - liars_share) * ETHER // 2)
    sheets = [ScoreSheet(0, LIAR, lie), *(ScoreSheet(0, v, TRUTH) for v in HONEST)]
    outcome = consensus(sheets, stakes, POLICY.kappa_bps)
    amounts = settle(0, outcome, POLICY, POLICY.emission_per_window, None, b"t" * 20).amounts
    return {account: sum(v for (_, a), v in amounts.items() if a == account) for _, account in amounts}


@pytest.mark.parametrize("share", [1, 49])
@pytest.mark.parametrize("score", [1, 2**64 - 1])
def test_a_miner_that_nobody_else_scored_is_paid_nothing(share, score):
    """The theft that a median over the scoring stake alone allows: the liar's own address, scored by the liar only."""
    for invented in (NOBODY, LIAR):
        found = paid(TRUTH | {invented: score}, share)
        assert invented not in found or invented == LIAR
        assert found[MINER] == POLICY.emission_per_window * POLICY.split_miners_bps // 10_000
        assert found.get(LIAR, 0) <= paid(TRUTH, share)[LIAR]


@pytest.mark.parametrize("share", [1, 33, 49])
def test_below_half_the_stake_a_lie_moves_nothing_and_costs_the_liar(share):
    honest = paid(TRUTH, share)
    for lie in ({MINER: 0, CHEAT: 9_999}, {MINER: 9_999, CHEAT: 9_999}, {CHEAT: 1_000}, {}):
        found = paid(lie, share)
        assert CHEAT not in found and found[MINER] == honest[MINER]
        assert found.get(LIAR, 0) < honest[LIAR]


def test_a_lazy_validator_that_accepts_all_earns_less_than_an_honest_one():
    assert paid({MINER: 1_000, CHEAT: 1_000}, 33)[LIAR] < paid(TRUTH, 33)[LIAR]


def test_above_half_the_stake_the_liars_settle_as_they_like():
    """The known residual: nothing in the protocol prevents it; every sheet and every audit is public."""
    found = paid({MINER: 0, CHEAT: 1_000}, 51)
    assert CHEAT in found and MINER not in found


def test_one_validator_that_abstains_neither_hurts_the_miner_nor_decides_for_it():
    found = paid({}, 33)
    assert found[MINER] == paid(TRUTH, 33)[MINER]
