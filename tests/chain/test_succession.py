"""A network follows another: tokens, stake and pay come over one for one, and nothing is made on the way."""

from dataclasses import replace

import pytest

from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.plan_file import PlanFile
from grail.chain.subnet import Subnet
from grail.errors import Reverted, SettingsError
from grail.protocol.records import Role
from neurons.cli.deploy import _succession
from tests.chain.test_embedded import MINER, OWNER, PLAN

GRAIL = 10**18


@pytest.fixture()
def networks():
    """The one before, in which a miner has its stake, and the one that follows it."""
    chain = EmbeddedChain(OWNER.address)
    before = Subnet(chain, deploy(chain, OWNER, PLAN))
    chain.send(OWNER, MINER.address, b"", 10**18)
    before.transfer(OWNER, MINER.address, 3_000 * GRAIL)
    before.register(MINER, Role.MINER, "http://relay", 2_000 * GRAIL)
    supply = sum(PLAN.holders.values())
    schedule = replace(PLAN.schedule, genesis=chain.head().number + 60)
    plan = replace(
        PLAN, schedule=schedule, holders={}, follows=before.contracts["GrailToken"].address, exchangeable=supply
    )
    return before, Subnet(chain, deploy(chain, OWNER, plan))


def test_stake_and_tokens_come_over(networks):
    before, after = networks
    found = after.predecessor()
    assert found.is_open and found.exchanged == 0 and found.limit == found.supply
    assert before.predecessor() is None and before.balance_before(MINER.address) == 0
    after.exchange(MINER, after.balance_before(MINER.address))
    before.request_unstake(MINER, MINER.address, 2_000 * GRAIL)
    before.chain.mine(before.latest_policy().unbonding_blocks + 1)
    before.withdraw(MINER)
    after.exchange(MINER, 2_000 * GRAIL)
    assert after.balance(MINER.address) == 3_000 * GRAIL and before.balance(MINER.address) == 0
    after.register(MINER, Role.MINER, "http://relay", 2_000 * GRAIL)
    assert after.neuron(MINER.address).stake == 2_000 * GRAIL
    found = after.predecessor()
    assert found.exchanged + found.supply == found.limit
    with pytest.raises(Reverted, match="nothing to do"):
        before.contracts["GrailToken"].send(MINER, "exchange", 1)


def test_deploying_says_what_is_taken_over(networks):
    before, _ = networks
    supply, token = before.contracts["GrailToken"].call("totalSupply"), before.contracts["GrailToken"].address
    assert f"0x{token.hex()}" in _succession(before.chain, token, supply)
    with pytest.raises(SettingsError, match="while there are more"):
        _succession(before.chain, token, supply - 1)
    with pytest.raises(SettingsError, match="is it this chain"):
        _succession(before.chain, b"\7" * 20, supply)
    with pytest.raises(SettingsError, match="another contract"):
        _succession(before.chain, before.contracts["RewardPool"].address, supply)


def test_a_plan_says_whom_it_follows():
    text = {
        "cap": "100 GRAIL", "holders": {}, "environments": {"arithmetic/1": {}},
        "predecessor": {"token": "0x" + "07" * 20, "supply": "40 GRAIL"},
    }  # fmt: skip
    plan = PlanFile.model_validate(text).plan(1)
    assert plan.follows == b"\7" * 20 and plan.exchangeable == 40 * GRAIL
    with pytest.raises(SettingsError, match="nobody could stake"):
        PlanFile.model_validate(text | {"predecessor": None}).plan(1)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"follows": b"\7" * 20}, "or neither"),
        ({"exchangeable": 1}, "or neither"),
        ({"follows": b"\7" * 20, "exchangeable": PLAN.cap}, "at most the cap"),
    ],
)
def test_plans_that_cannot_be(changes, why):
    with pytest.raises(SettingsError, match=why):
        deploy(EmbeddedChain(OWNER.address), OWNER, replace(PLAN, **changes))
