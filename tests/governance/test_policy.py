"""Bounds and cross rules; defaults satisfy the bond inequality."""

import pytest

from grail.errors import SettingsError
from grail.governance.policy import PARAMETERS, Policy
from grail.settlement.economics import bond_margin


def test_defaults_are_within_their_bounds():
    assert Policy.defaults().as_dict() == {p.name: p.default for p in PARAMETERS}


@pytest.mark.parametrize(
    "change",
    [
        {"group_size": 1},
        {"split_miners_bps": 9_000},
        {"unbonding_blocks": 10},
        {"slash_accuser_bps": 4_500, "slash_burn_bps": 9_000},
    ],
)
def test_bad_values_say_what_is_wrong(change):
    with pytest.raises(SettingsError, match="expected"):
        Policy.defaults(**change)


def test_unknown_names_are_refused():
    with pytest.raises(SettingsError, match="no_such_thing"):
        Policy.defaults(no_such_thing=1)


def test_faking_one_group_does_not_pay_under_the_defaults():
    margin = bond_margin(Policy.defaults(), miners=8, validators=3, groups_each=64)
    assert margin.margin >= 1, margin


def test_a_tiny_bond_is_reported_as_too_small():
    policy = Policy.defaults(bond_per_group=10**15, audit_rollouts=4)
    assert bond_margin(policy, miners=2, validators=1, groups_each=64).margin < 1
