"""The game of auditors and checkers: its chances are those of the draws, and honesty is the best reply."""

from fractions import Fraction

import numpy as np
import pytest

from grail.governance.policy import ETHER, Policy
from grail.settlement.audit_game import AuditGame
from validator.duties.check import ONE_IN


def game(miners: int = 8, validators: int = 4, cost: Fraction = Fraction(1), **policy) -> AuditGame:
    return AuditGame(Policy.defaults(**policy), miners, validators, ONE_IN, cost)


@pytest.mark.parametrize(("miners", "validators"), [(8, 3), (8, 4), (40, 5), (400, 20)])
def test_the_chance_of_a_check_is_no_more_than_the_draws_give(miners, validators):
    """Draws are without replacement, so the true chance is at least what is printed, and not much more."""
    played = game(miners, validators)
    chance, runs = np.random.default_rng(0), 4_000
    own = miners * played.policy.audit_seats // validators
    others = np.repeat(np.arange(validators - 1), own)  # the lazy one is number 0 of a checker's others
    found = sum(
        any((chance.choice(others, played.checks, replace=False) == 0).any() for _ in range(validators - 1))
        for _ in range(runs)
    )
    assert float(played.found) - 0.025 < found / runs < float(played.found) + 0.06


@pytest.mark.parametrize("validators", [3, 10, 128])
@pytest.mark.parametrize("miners", [1, 30, 1_000])
def test_reading_is_the_best_reply_whatever_audits_cost(miners, validators):
    for row in game(miners, validators).outlooks()[1:4]:
        assert row.margin is not None and row.margin > 10, row


def test_two_validators_cannot_judge_each_other():
    assert game(validators=2).found == 0


def test_stakes_too_small_are_said_to_be():
    thin = game(min_stake_validator=100 * ETHER, emission_per_window=10**6 * ETHER)
    assert thin.outlooks()[1].margin < 1


def test_checks_pay_long_before_laziness_is_common():
    assert 0 < game().laziness < Fraction(1, 10)
    assert game(miners=1_000, validators=128).laziness < Fraction(1, 1_000)
