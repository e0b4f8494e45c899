"""What delegating earned, and what a proposal would have changed: against contracts and payments."""

import pytest

from explorer.views import returns
from explorer.views.base import Look
from explorer.views.money import money
from explorer.views.neurons import neuron
from explorer.views.whatif import what_if
from grail.governance.acts import Act
from grail.protocol.constants import BPS
from grail.protocol.records import Role

GRAIL = 10**18


def part_of(played, name: str):
    return next(part for part in played.network.parts if part.name == name)


def test_a_delegated_unit_earned_what_the_vault_gives_and_lost_what_was_slashed(played, indexed, monkeypatch):
    with indexed.reading() as connection:
        look = Look(connection)
        began = played.network.subnet.chain.block_time(look.schedule.genesis)  # everybody has just registered
        monkeypatch.setattr(returns, "DAY", (look.standing["block_time"] - began) / 7)
        vault = played.network.subnet.contracts["StakeVault"]
        seen = []
        for part in played.network.parts:
            name = "0x" + part.signer.address.hex()
            (value,) = {v for k, v in returns.returns_of(look, [name])[name].items() if k == "days_7"}
            pool = vault.call("poolOf", part.signer.address)
            if value is None or not pool["shares"]:
                continue
            now = pool["stake"] / pool["shares"] + pool["rewardPerShare"] / 1e27
            assert value == pytest.approx(now - 1, abs=1e-12), part.name
            seen.append(value)
            assert neuron(look, name)["returns"]["days_7"] == value
        assert max(seen) > 0 > min(seen), "nobody earned for delegators, or nobody was slashed: this shows nothing"
        rows = money(look)["returns"]
        assert {row["days_90"] for row in rows} == {None} and rows[0]["stake"] == max(row["stake"] for row in rows)


def test_what_another_split_would_have_paid(played, indexed):
    names = [f"split_{part}_bps" for part in ("miners", "validators", "trainer", "treasury", "burn")]
    with indexed.reading() as connection:
        look = Look(connection)
        same = what_if(look, [Act("RewardPolicy", "setMany", (["claim_expiry_blocks"], [100_800]))])
        assert same["windows"] == [] and same["untold"] == ["claim_expiry_blocks"]
        act = Act(
            "RewardPolicy", "setMany", ([*names, "emission_per_window"], [5_000, 2_000, 1_000, 1_000, 1_000, 2 * GRAIL])
        )
        found = what_if(look, [act])
        settled = {row["window"]: row["minted"] for row in money(look)["windows"]}
        assert {row["window"] for row in found["windows"]} == set(settled) and settled
        for row in found["windows"]:
            assert sum(row["was"].values()) - row["was"]["burn"] == settled[row["window"]], "what it was, to the wei"
            assert row["would"]["trainer"] == 2 * GRAIL * 1_000 // BPS
            assert 0 < row["would"]["miners"] <= GRAIL
        assert [one["part"] for one in found["sums"]] == ["miners", "validators", "trainer", "treasury", "burn"]


def test_a_proposal_that_the_contract_would_refuse_is_said_to_be_one(played, indexed):
    with indexed.reading() as connection:
        look = Look(connection)
        (note,) = what_if(look, [Act("RewardPolicy", "setMany", (["split_miners_bps"], [9_000]))])["notes"]
        assert "could not be executed" in note and "sum to 10000" in note


def test_who_could_not_join_and_what_stake_would_not_cover(played, indexed):
    miners = sum(part.role is Role.MINER for part in played.network.parts)
    acts = [Act("RewardPolicy", "setMany", (["min_stake_miner", "bond_per_group"], [10**6 * GRAIL, 10**5 * GRAIL]))]
    with indexed.reading() as connection:
        notes = " / ".join(what_if(Look(connection), acts)["notes"])
    assert f"{miners - 1} of {miners - 1} miners have less stake" in notes  # one is in jail
    assert "of the last" in notes and "more groups than the stake" in notes
