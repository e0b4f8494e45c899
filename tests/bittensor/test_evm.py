"""Our contracts and roles under the rules of Subtensor's EVM: deployment, windows, a slash, a vote, drand, alpha."""

import hashlib
import tomllib
from dataclasses import replace

import pytest

from grail.chain import embedded
from grail.chain.address_book import NAMES
from grail.chain.contract import artifact
from grail.chain.deployment import deploy
from grail.chain.subnet import Subnet
from grail.chain.subnet.votes import Choice, MotionState
from grail.errors import Reverted
from grail.governance.acts import acts_from
from grail.protocol import keys
from grail.protocol.records import Moment, Role
from simulation.cast import GRAIL, signer_of
from simulation.network import CHAIN, VOTING, LocalNetwork
from simulation.options import LocalnetOptions
from tests import drand
from tests.bittensor.conftest import keypair
from tests.bittensor.evm import ALPHA, MAINNET, PULSES, TESTNET, subtensor
from tests.chain.test_embedded import OWNER, PLAN
from validator.duties.alpha import ReadAlpha

NETUID = 5
GAS_OF_A_CALL = 15_000_000
"""A fifth of Subtensor's block."""


@pytest.fixture(autouse=True)
def _gas(monkeypatch):
    monkeypatch.setattr(embedded, "GAS_LIMIT", GAS_OF_A_CALL)


class OnSubtensor(LocalNetwork):
    """A local network under Subtensor's rules."""

    def _open_chain(self):
        self.funder = signer_of(self.options.seed, "funder")
        return subtensor(self.funder.address, self.folder / CHAIN)


def plan_for(chain, **changes):
    return replace(
        PLAN, schedule=replace(PLAN.schedule, genesis=chain.head().number + 40), holders={OWNER.address: 10**25},
        netuid=NETUID, **changes,
    )  # fmt: skip


def test_a_network_plays_slashes_resumes_and_votes(tmp_path):
    options = LocalnetOptions(windows=4, miners=2, cheats=1, validators=2, groups=4, threads=1)
    network = OnSubtensor(options, tmp_path / "run")
    assert network.chain.chain_id == MAINNET and network.subnet.contracts["DrandBeacon"].call("source") == 2
    assert network.chain.call(b"\0" * 19 + b"\x10", b"\0" * 64) == b"", "EIP-2537 is not there"
    assert network.chain.code(bytes.fromhex("0000f90827f1c53a10cb7a02335b175320002935")) == b"", "nor is EIP-2935"
    assert network.advance().right and network.advance().right
    network = OnSubtensor(options, tmp_path / "run")
    cheat = next(part for part in network.parts if part.cheat)
    neuron = network.subnet.neuron(cheat.signer.address)
    assert neuron.jailed and neuron.stake < 2_000 * GRAIL
    paid = [part for part in network.parts if part.role is Role.MINER and not part.cheat]
    assert all(not network.subnet.neuron(part.signer.address).jailed for part in paid)
    _vote(network, "[policy]\nbeacon_drand = 1\n")
    assert network.subnet.latest_policy().beacon_drand == 1


def _vote(network, text):
    subnet, holder = network.subnet, signer_of(0, "holder")
    staker = next(part for part in network.parts if part.role is Role.VALIDATOR)
    subnet.delegate(holder, holder.address)
    subnet.chain.mine(1)
    subnet.propose_motion(holder, acts_from(tomllib.loads(text)), "a vote on Subtensor's EVM")
    (motion,) = subnet.motions()
    subnet.chain.mine(VOTING.delay_blocks + 1)
    subnet.cast(staker.signer, motion.number, Choice.FOR)
    subnet.cast(holder, motion.number, Choice.FOR)
    subnet.chain.mine(subnet.motion(motion.number).end - subnet.chain.head().number + 1)
    subnet.queue_motion(holder, subnet.motion(motion.number))
    subnet.chain.mine(VOTING.timelock_seconds // 12 + 1)
    subnet.execute_motion(holder, subnet.motion(motion.number))
    assert subnet.motion(motion.number).state is MotionState.EXECUTED


def test_rounds_are_those_that_the_chain_has_checked_itself():
    chain = subtensor(OWNER.address, chain_id=TESTNET)
    subnet = Subnet(chain, deploy(chain, OWNER, plan_for(chain, overrides=PLAN.overrides | {"beacon_drand": 1})))
    chain.mine(subnet.schedule.genesis + 1 - chain.head().number)
    assert subnet.draws_from_drand(0)
    subnet.draw_randomness(OWNER, 0, Moment.OPEN)
    number = subnet.round_called(0, Moment.OPEN).number
    signature = drand.sign(number)
    with pytest.raises(Reverted, match="another relay"):
        subnet.bring_round(OWNER, 0, Moment.OPEN, signature)  # the chain has not got it yet
    PULSES[number], PULSES[number + 1] = signature, drand.sign(number + 1)
    with pytest.raises(Reverted, match="another relay"):
        subnet.bring_round(OWNER, 0, Moment.OPEN, PULSES[number + 1])
    subnet.bring_round(OWNER, 0, Moment.OPEN, signature)
    seed = keys.seed(chain.block_hash(subnet.schedule.start(0)), hashlib.sha256(signature).digest())
    assert subnet.beacon(0) == keys.beacon(TESTNET, subnet.ledger_address, 0, seed)


def test_rounds_of_another_network_than_the_pallets_are_not_waited_for():
    chain = subtensor(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, plan_for(chain, drand=drand.network())))
    assert subnet.contracts["DrandBeacon"].call("source") == 0


def test_where_the_chain_checks_no_rounds_a_vote_for_them_stops_nothing():
    chain = subtensor(OWNER.address, drand=False)
    subnet = Subnet(chain, deploy(chain, OWNER, plan_for(chain, overrides=PLAN.overrides | {"beacon_drand": 1})))
    chain.mine(subnet.schedule.genesis + 1 - chain.head().number)
    assert not subnet.draws_from_drand(0)
    foreseen = subnet.beacon(0)
    subnet.draw_randomness(OWNER, 0, Moment.OPEN)
    assert subnet.drawn(0, Moment.OPEN) == foreseen
    assert foreseen == keys.beacon(MAINNET, subnet.ledger_address, 0, chain.block_hash(subnet.schedule.start(0)))


def test_a_late_seal_finds_its_hash_without_eip_2935():
    chain = subtensor(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, plan_for(chain)))
    block = subnet.schedule.challenge_block(0)
    chain.mine(block + 700 - chain.head().number)
    subnet.draw_randomness(OWNER, 0, Moment.SEAL)
    behind = chain.head().number - 1 - block
    expected = keys.challenge(MAINNET, subnet.ledger_address, 0, chain.block_hash(block + behind // 256 * 256))
    assert subnet.challenge(0) == expected


def test_no_contract_of_ours_takes_the_chains_coin():
    """Native balances are cut at 1e9 wei there: nothing of ours may be reckoned in them."""
    payable = {
        (name, item["name"])
        for name in NAMES
        for item in artifact(name)["abi"]
        if item["type"] == "function" and item["stateMutability"] == "payable"
    }
    libraries = {"TimelockController": {"execute", "executeBatch"}, "GrailGovernor": {"execute", "relay"}}
    assert payable == {(name, call) for name, calls in libraries.items() for call in calls}


def test_a_hotkeys_alpha_counts_once_it_was_read_twice_and_no_longer_than_it_lies_there(tmp_path):
    """The whole way: a real sr25519 signature, the validators' own duties, two windows."""
    options = LocalnetOptions(windows=4, miners=2, cheats=0, validators=2, groups=4, threads=1)
    ALPHA.clear()

    class Counting(OnSubtensor):
        def _plan(self, genesis):
            plan = super()._plan(genesis)
            return replace(plan, netuid=NETUID, overrides={**plan.overrides, "metagraph_factor": 2})

    network = Counting(options, tmp_path / "run")
    subnet = network.subnet
    first, second = (part.signer for part in network.parts if part.role is Role.VALIDATOR)
    key = keypair("validator")
    binding = subnet.hotkey_binding(first.address, key.public_key)
    with pytest.raises(Reverted, match="hotkey"):
        subnet.bind_hotkey(second, key.public_key, key.sign(binding))
    subnet.bind_hotkey(first, key.public_key, key.sign(binding))
    ALPHA[key.public_key, NETUID] = 4_000 * 10**9
    before = subnet.active_validators()[first.address]
    assert network.advance().right
    assert (
        subnet.alpha_reading(first.address).least == 4_000 * GRAIL
        and subnet.active_validators()[first.address] == before
    )
    assert network.advance().right
    assert subnet.active_validators()[first.address] == before + 4_000 * GRAIL
    ALPHA[key.public_key, NETUID] = 0
    subnet.chain.mine(1)
    node = next(service.node for service in network.services if service.node.address == second.address)
    for _ in range(8):
        ReadAlpha(node).run(subnet.current_window())
    assert subnet.active_validators()[first.address] == before, "somebody looked"
    assert network.advance().right
