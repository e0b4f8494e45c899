"""drand in beacons and challenges: the real network's signatures, relays that lie, both steps on two kinds of chain."""

import hashlib
import json
from contextlib import ExitStack
from dataclasses import replace

import pytest

from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.deployment import deploy
from grail.chain.drand import QUICKNET_RELAYS, DrandRelays
from grail.chain.embedded import EmbeddedChain
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.errors import ChainError, Reverted
from grail.protocol import keys
from grail.protocol.records import Moment
from tests import drand
from tests.anvil import NEEDS_NODE, running_anvil
from tests.chain.test_embedded import OWNER, PLAN

ROUND_1000 = bytes.fromhex(
    "b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125e342b73a8dd2bacbe47e4b6b63ed5e39"
)


@pytest.fixture(scope="module")
def chains():
    """Open chains and who pays on them, by name."""
    with ExitStack() as stack:

        def anvil():
            return JsonRpcChain.connect(stack.enter_context(running_anvil())), Signer.from_key(ANVIL_KEY)

        yield {"embedded": lambda: (EmbeddedChain(OWNER.address), OWNER), "anvil": anvil}


@pytest.fixture(scope="module", params=["embedded", pytest.param("anvil", marks=NEEDS_NODE)])
def subnet(request, chains):
    """A network that draws from our drand, in the second block of window 0."""
    chain, owner = chains[request.param]()
    plan = replace(
        PLAN,
        schedule=replace(PLAN.schedule, genesis=chain.head().number + 40),
        overrides=PLAN.overrides | {"beacon_drand": 1},
        drand=drand.network(),
        holders={owner.address: 10**25},
    )
    subnet = Subnet(chain, deploy(chain, owner, plan))
    chain.mine(subnet.schedule.genesis + 1 - chain.head().number)
    return subnet, owner


def test_window_draws_a_round_in_two_steps(subnet):
    subnet, owner = subnet
    block_hash = subnet.chain.block_hash(subnet.schedule.start(0))
    with pytest.raises(ChainError, match="nobody has brought its round"):
        subnet.beacon(0)
    assert subnet.round_called(0, Moment.OPEN) is None
    subnet.draw_randomness(owner, 0, Moment.OPEN)
    called = subnet.round_called(0, Moment.OPEN)
    with pytest.raises(Reverted, match="another relay"):
        subnet.bring_round(owner, 0, Moment.OPEN, drand.sign(called.number + 1))
    signature = drand.sign(called.number)
    subnet.bring_round(owner, 0, Moment.OPEN, signature)
    seed = keys.seed(block_hash, hashlib.sha256(signature).digest())
    assert subnet.beacon(0) == keys.beacon(subnet.chain.chain_id, subnet.ledger_address, 0, seed)


def test_challenge_has_a_round_of_its_own(subnet):
    subnet, owner = subnet
    block = subnet.schedule.challenge_block(0)
    subnet.chain.mine(max(0, block + 1 - subnet.chain.head().number))
    subnet.draw_randomness(owner, 0, Moment.SEAL)
    assert subnet.challenge(0) is None
    called = subnet.round_called(0, Moment.SEAL)
    signature = drand.sign(called.number)
    subnet.bring_round(owner, 0, Moment.SEAL, signature)
    seed = keys.seed(subnet.chain.block_hash(block), hashlib.sha256(signature).digest())
    assert subnet.challenge(0) == keys.challenge(subnet.chain.chain_id, subnet.ledger_address, 0, seed)


def test_a_default_deployment_knows_quicknet():
    chain = EmbeddedChain(OWNER.address)
    beacon = Subnet(chain, deploy(chain, OWNER, PLAN)).contracts["DrandBeacon"]
    randomness = beacon.call("randomnessOf", 1000, ROUND_1000)
    assert randomness.hex() == "fe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd"
    with pytest.raises(Reverted, match="another relay"):
        beacon.call("randomnessOf", 1001, ROUND_1000)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"[]",
        b"not json",
        b'{"round": 7}',
        b'{"round": 8, "signature": "' + b"ab" * 48 + b'"}',
        b'{"round": 7, "signature": "zz"}',
        b'{"round": 7, "signature": "abcd"}',
        json.dumps({"round": 7, "signature": "ab" * 48, "padding": "x" * 5000}).encode(),
    ],
)
def test_a_relay_that_answers_nonsense_is_passed_over(answer):
    with drand.relay(lambda _: answer) as bad, drand.relay(drand.honest) as good:
        assert list(DrandRelays([bad, "http://127.0.0.1:9", good]).signatures(7)) == [drand.sign(7)]


def test_relays_are_quicknets_unless_told():
    assert DrandRelays()._urls == QUICKNET_RELAYS
