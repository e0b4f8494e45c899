"""Proposal files: read, refused with reasons, and said in words."""

import pytest

from grail.errors import SettingsError
from grail.governance.acts import Act, acts_from, in_words, parse_amount
from grail.governance.policy import ETHER, Policy

NEURON = "0x" + "52" * 20


def test_every_table_becomes_calls_and_words():
    acts = acts_from(
        {
            "description": "all of it",
            "policy": {"audit_rollouts": 96, "settlement_bond": "600.5 GRAIL"},
            "environments": {"arithmetic/1": {"weight": 3, "reward": 1000}, "sums/1": {"weight": 1, "reward": 500}},
            "trainers": {NEURON: False},
            "release": [NEURON],
            "guardian": NEURON,
            "pay": {NEURON: "10 GRAIL"},
        }
    )
    assert [act.function for act in acts] == [
        "setMany", "setEnvironments", "approve", "release", "setGuardian", "transfer",
    ]  # fmt: skip
    assert acts[0].values == (["audit_rollouts", "settlement_bond"], [96, 6005 * ETHER // 10])
    words = [line for act in acts for line in in_words(act, Policy.defaults().as_dict())]
    assert words[0] == "set audit_rollouts to 96 rollouts (now 16 rollouts)"
    assert words[1] == "set settlement_bond to 600.5 GRAIL (now 500 GRAIL)"
    assert words[2] == "environment arithmetic/1: 75.0 % of the problems, 1 × the base rate a token"
    assert "pay 10 GRAIL from the treasury" in words[-1]


def test_a_call_that_nobody_foresaw_is_shown_as_it_is():
    assert in_words(Act("Jury", "recover", (b"\1" * 20, 5)), {}) == [f"Jury.recover(0x{'01' * 20}, 5)"]


@pytest.mark.parametrize(
    "tables",
    [
        {},
        {"description": "nothing"},
        {"polcy": {}},
        {"policy": {"no_such_thing": 1}},
        {"policy": {"audit_rollouts": 5000}},
        {"policy": {"audit_rollouts": "many"}},
        {"environments": {"a/1": {"weight": 1}}},
        {"release": ["0x12"]},
        {"pay": {NEURON: "10 BTC"}},
        {"pay": {NEURON: "9" * 60 + " GRAIL"}},
        {"environments": {"a/1": {"weight": 1 << 32, "reward": 1}}},
        {"environments": {"a/1": {"weight": 1, "reward": -1}}},
    ],
)
def test_what_cannot_be_is_refused(tables):
    with pytest.raises(SettingsError, match="expected"):
        acts_from(tables)


@pytest.mark.parametrize(
    ("text", "wei"),
    [("1 GRAIL", ETHER), ("0.5 GRAIL", ETHER // 2), ("7 wei", 7), ("2000.000000000000000001 GRAIL", 2000 * ETHER + 1)],
)
def test_amounts(text, wei):
    assert parse_amount(text) == wei


@pytest.mark.parametrize(
    "text",
    [
        "",
        "much",
        "-1",
        "1 BTC",
        "1.5 wei",
        "0.0000000000000000001 GRAIL",
        "1e3 GRAIL",
        "nan GRAIL",
        "٣ GRAIL",
        "1  GRAIL",
    ],
)
def test_no_amount(text):
    with pytest.raises(SettingsError, match="expected an amount"):
        parse_amount(text)


@pytest.mark.parametrize("bare", [7, "7", "1.5", 2000, 0.5])
def test_a_bare_number_may_be_either_and_is_refused_with_both_spellings(bare):
    with pytest.raises(SettingsError, match=f'"{bare} GRAIL" or "{bare} wei"'):
        parse_amount(bare)
