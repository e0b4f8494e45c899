"""Bounds and cross rules; defaults satisfy the bond inequality."""

import pytest

from grail.errors import SettingsError
from grail.governance.policy import PARAMETERS, Policy
from grail.settlement.economics import SAFETY_FACTOR, cheat_outlook


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
    outlook = cheat_outlook(Policy.defaults(), miners=8, groups=64, fake_groups=1)
    assert outlook.margin >= SAFETY_FACTOR, outlook


def test_more_fakes_are_surer_to_be_seen_and_an_audit_of_everything_sees_all():
    found = [
        cheat_outlook(Policy.defaults(), miners=8, groups=64, fake_groups=n, rollouts_needed=3).detection
        for n in (1, 4, 16, 64)
    ]
    assert found == sorted(found) and found[0] < 0.2 and found[-1] == 1
    everything = Policy.defaults(audit_rollouts=64 * 8)
    assert cheat_outlook(everything, miners=8, groups=64, fake_groups=1).detection == 1


def test_a_tiny_bond_is_reported_as_too_small():
    policy = Policy.defaults(bond_per_group=10**15, audit_rollouts=4)
    assert cheat_outlook(policy, miners=2, groups=64, fake_groups=1).margin < 1
