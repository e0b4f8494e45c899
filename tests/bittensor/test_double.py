"""What our client makes of a node's answers, good and bad: the unmodified SDK over a websocket to the double."""

import subprocess
import sys
import time

import bittensor_core as core
import pytest

from grail.chain.bittensor.base import Reason, WeightsRefused
from grail.chain.bittensor.binding import bind
from grail.chain.bittensor.client import SubtensorClient, open_wallet
from grail.errors import ChainError, ChainUnavailable, SettingsError, WrongChain
from simulation.subtensor.double import ANCIENT, BAD_PROOF, FUTURE, SPEC, STALE, Double, Faults
from simulation.subtensor.metadata import FACTS, MORE, metadata
from simulation.subtensor.node import serving
from tests.bittensor.conftest import MINERS, World, keypair

VECTOR = ((1, 65_535), (2, 30_000))


def test_all_that_the_double_serves_is_the_runtimes_or_has_a_reason():
    runtime = core.Runtime(metadata(), SPEC, 1, 42)
    told = {pallet["name"]: pallet for pallet in runtime.metadata_ir()["pallets"]}
    assert set(told) == set(FACTS["pallets"]) and all(reason for _, reason in MORE.values())
    for name, facts in FACTS["pallets"].items():
        assert told[name]["index"] == facts["index"], name
        assert {e["name"]: e["index"] for e in told[name]["errors"]} == facts["errors"], name
        items = {item["name"] for item in told[name]["storage"]}
        assert items == set(facts["storage"]) | (set(MORE) if name == "SubtensorModule" else set())
        for item, said in facts["storage"].items():
            entry = runtime.storage_entry(name, item)
            hashers = [hasher.replace("_", "") for hasher in entry.param_hashers]
            assert hashers == said["hashers"] and bytes(entry.default_bytes).hex() == said["default"][2:], item
            assert (entry.modifier == "Optional") == said["optional"], item
            kind = runtime.type_name_of(int(entry.value_type.split("::")[1])) or ""
            if said["value"] in ("u16", "u64", "bool"):
                assert kind in (said["value"], ""), item
        assert {call["name"] for call in told[name]["calls"]} == set(facts["calls"])
    made = runtime.compose_call("SubtensorModule", "set_mechanism_weights", {
        "netuid": 5, "mecid": 0, "dests": [1], "weights": [9], "version_key": 0,
    })  # fmt: skip
    calls = FACTS["pallets"]["SubtensorModule"]["calls"]
    assert bytes(made)[:2] == bytes([7, calls["set_mechanism_weights"]["index"]])
    for call, said in calls.items():
        assert next(c for c in told["SubtensorModule"]["calls"] if c["name"] == call)["args"]
        assert [a["name"] for a in next(c for c in told["SubtensorModule"]["calls"] if c["name"] == call)["args"]] == [
            field for field, _ in said["fields"]
        ]


def test_weights_are_set_and_read_back(world: World):
    graph = world.client.metagraph(5)
    assert [peer.evm for peer in graph.peers] == [None, *MINERS] and graph.peers[0].permit
    assert graph.by_hotkey(world.client.hotkey) == graph.peers[0] and graph.peers[0].stake == 10**12
    signed = world.client.sign_weights(5, VECTOR, 0, 16)
    assert world.double.weights(0) == [] and world.client.nonce() == signed.nonce == 0
    world.client.send(signed)
    assert tuple(world.double.weights(0)) == VECTOR == world.client.weights_of(5, 0) and world.client.nonce() == 1
    assert world.double.received[0]["call"]["call_function"] == "set_mechanism_weights"
    assert world.client.metagraph(5).peers[0].last_update == world.double.head.number


def test_a_commitment_is_sent_where_the_subnet_wants_one(world: World):
    world.double.keep("CommitRevealWeightsEnabled", [5], True)
    world.double.mine()
    signed = world.client.sign_weights(5, VECTOR, 0, 16)
    assert signed.reveal_round is not None and signed.reveal_round > 0
    world.client.send(signed)
    assert world.double.weights(0) == [] and world.client.weights_of(5, 0) == ()
    assert world.double.received[0]["call"]["call_function"] == "commit_timelocked_mechanism_weights"
    world.double.reveal(0, list(VECTOR))
    assert world.client.weights_of(5, 0) == VECTOR


REFUSALS = {
    "SettingWeightsTooFast": Reason.RATE_LIMITED, "NeuronNoValidatorPermit": Reason.NO_PERMIT,
    "NotEnoughStakeToSetWeights": Reason.BELOW_STAKE, "HotKeyNotRegisteredInSubNet": Reason.NOT_REGISTERED,
    "IncorrectWeightVersionKey": Reason.VERSION_KEY, "WeightVecLengthIsLow": Reason.TOO_FEW,
    "MaxWeightExceeded": Reason.TOO_LARGE, "DuplicateUids": Reason.REFUSED,
}  # fmt: skip


@pytest.mark.parametrize("error", REFUSALS)
def test_what_the_chain_refuses_in_a_block_comes_with_its_reason(world: World, error):
    signed = world.client.sign_weights(5, VECTOR, 0, 16)
    world.double.faults = Faults(fail=error)
    with pytest.raises(WeightsRefused) as refused:
        world.client.send(signed)
    assert refused.value.reason is REFUSALS[error] and world.double.weights(0) == []


@pytest.mark.parametrize("said", [BAD_PROOF, STALE, FUTURE, ANCIENT])
def test_what_the_pool_refuses_is_an_error_and_nothing_is_sent(world: World, said):
    signed = world.client.sign_weights(5, VECTOR, 0, 16)
    world.double.faults = Faults(reject=said)
    with pytest.raises(ChainError):
        world.client.send(signed)
    assert world.double.received == []


def test_a_hotkey_that_cannot_pay_is_told_so(world: World):
    signed = world.client.sign_weights(5, VECTOR, 0, 16)
    world.double.faults = Faults(reject="Inability to pay some fees , e.g. account balance too low")
    with pytest.raises(WeightsRefused) as refused:
        world.client.send(signed)
    assert refused.value.reason is Reason.NO_FEE


def test_a_changed_byte_a_used_nonce_and_an_old_era_are_caught_by_the_double(world: World):
    """The double checks what a node checks: else the tests above would show little."""
    signed = world.client.sign_weights(5, VECTOR, 0, 16)
    broken = signed.payload[:-2] + ("00" if signed.payload[-2:] != "00" else "01")
    other = type(signed)(payload=broken, hash=signed.hash, nonce=0, last=signed.last)
    with pytest.raises(ChainError, match=r"(?i)signature"):
        world.client.send(other)
    world.client.send(signed)
    with pytest.raises(ChainError, match="nonce"):
        world.client.send(signed)
    world.double.keep("WeightsSetRateLimit", [5], 0)
    world.double.mine()
    late = world.client.sign_weights(5, VECTOR, 0, 16)
    world.double.mine(200)
    with pytest.raises(ChainError):
        world.client.send(late)
    assert len(world.double.received) == 1


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_connection_that_drops_in_a_submission_is_an_error_and_the_chain_knows_the_rest(world: World, when):
    signed = world.client.sign_weights(5, VECTOR, 0, 16)
    world.double.faults = Faults(drop=when)
    with pytest.raises(ChainError):
        world.client.send(signed)
    world.double.faults = Faults()
    for client in (world.client, world.again()):  # the one whose connection dropped goes on, too
        assert client.nonce() == (1 if when == "after" else 0)
        client.metagraph(5)
    assert len(world.double.received) == (1 if when == "after" else 0)
    client.close()


def test_a_node_that_is_silent_ends_at_the_deadline(world: World):
    world.double.faults = Faults(silent=True)
    began = time.monotonic()
    with pytest.raises(ChainUnavailable):
        world.client.nonce()
    assert time.monotonic() - began < 60
    world.double.faults = Faults()


def test_an_inclusion_that_never_was_is_an_error(world: World):
    signed = world.client.sign_weights(5, VECTOR, 0, 16)
    world.double.faults = Faults(vanish=True)
    with pytest.raises(ChainError):
        world.client.send(signed)


def test_a_node_that_is_not_there_and_a_subnet_that_is_not_there(world: World, wallet):
    client = SubtensorClient("ws://127.0.0.1:9", wallet, seconds=20.0)
    with pytest.raises(ChainUnavailable):
        client.open()
    client.close()
    with pytest.raises(SettingsError, match="none with netuid"):
        world.client.metagraph(9)


def test_an_older_runtime_is_refused_in_one_line(wallet, monkeypatch):
    monkeypatch.setattr("simulation.subtensor.metadata.MORE", {})
    old = Double.__new__(Double)
    monkeypatch.setattr(Double, "keep", _where_it_is(Double.keep))
    old.__init__(spec=218)
    with serving(old):
        client = SubtensorClient(old.url, wallet, seconds=10.0)
        with pytest.raises(WrongChain, match=r"version 218.*SubnetEpochConsensus") as wrong:
            client.open()
        assert "\n" not in str(wrong.value)
        client.close()


def _where_it_is(keep):
    def only(self, item, params, value, pallet="SubtensorModule"):
        if item not in ("SubnetEpochConsensus", "LastEpochBlock", "PendingEpochAt", "SubnetEpochIndex"):
            keep(self, item, params, value, pallet)

    return only


def test_an_association_is_read_with_its_slot_and_pruned_ones_are_not_believed(world: World):
    double = world.double
    taker = keypair("taker")
    double.mine(5)
    double.replace(2, taker.public_key)
    double.mine()
    found = bind(world.client.metagraph(5), {})
    assert MINERS[1] not in found.peers and "lost the slot" in found.odd[0]
    double.associate(2, MINERS[0])  # the same EVM key in another slot, later
    found = bind(world.client.metagraph(5), {})
    assert found.peers[MINERS[0]].uid == 2 and "uids 1 and 2" in found.odd[-1]
    double.associate(1, MINERS[0])  # and again in the first
    assert bind(world.client.metagraph(5), {}).peers[MINERS[0]].uid == 1


def test_an_old_proof_wins_nothing_against_what_the_neuron_has_named(world: World):
    """The attack: a hotkey for which the account once signed shows that proof again, later than all others."""
    own, other = keypair("miner0").public_key, keypair("miner1").public_key
    world.double.associate(2, MINERS[0])
    assert bind(world.client.metagraph(5), {}).peers[MINERS[0]].uid == 2, "where nothing is named the latest counts"
    found = bind(world.client.metagraph(5), {MINERS[0]: own})
    assert found.peers[MINERS[0]].uid == 1 and "uid 2" in found.odd[0] and "named another" in found.odd[0]
    assert bind(world.client.metagraph(5), {MINERS[0]: other}).peers[MINERS[0]].uid == 2
    assert MINERS[0] not in bind(world.client.metagraph(5), {MINERS[0]: b"\7" * 32}).peers


def test_all_of_a_metagraph_is_of_one_block(world: World):
    graph = world.client.metagraph(5)
    assert graph.block_hash == world.double.blocks[graph.block].hash
    assert graph.epoch == (graph.block + 6) // 361 and graph.blocks_left == 360 - (graph.block + 6) % 361


def test_a_hotkey_that_is_not_there_is_named(tmp_path):
    with pytest.raises(SettingsError, match=r"hotkeys/none.*btcli"):
        open_wallet("cold", "none", tmp_path)


def test_nothing_imports_the_sdk_that_does_not_need_it():
    code = (
        "import sys, grail, validator.service, miner.service, neurons.cli, neurons.wiring;"
        "import grail.chain.bittensor.weights;"
        "sys.exit(any(name.split('.')[0] in ('bittensor', 'bittensor_core') for name in sys.modules))"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
