"""A stranger's work is found from the chain alone: its own store, an endpoint that it registered, nobody's settings."""

import pytest

from benchmarks.relays import served
from grail.errors import ObjectMissing
from grail.protocol.hashing import keccak256
from grail.storage.file_store import FileStore
from grail.storage.relay_server import relay_app
from grail.verification.base import Outcome
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions


def settled(network, folder, private):
    """Miner 2 keeps its objects to itself; `private`: do the others read at addresses such as this machine's?"""
    own = FileStore(folder / "own-objects")
    for service in network.services:
        if service.node.name == "miner-2":
            object.__setattr__(service.node, "store", own)
        object.__setattr__(service.node, "private_endpoints", private)
    return own


def verdicts(network, window, miner):
    name = "0x" + miner.signer.address.hex()
    return {row.outcome for row in network.journal.verdicts(window) if row.miner == name}


@pytest.fixture()
def network(tmp_path):
    return LocalNetwork(LocalnetOptions(windows=3, miners=2, cheats=0, validators=2, groups=4), tmp_path / "run")


def test_a_stranger_that_registers_an_endpoint_is_audited_and_paid(network, tmp_path):
    own = settled(network, tmp_path, private=True)
    stranger = next(part for part in network.parts if part.name == "miner-2")
    with served(relay_app(own)) as url:
        network.subnet.set_endpoint(stranger.signer, f"localnet://x, {url}")
        assert network.advance().right
        entry = network.subnet.commitment(0, stranger.signer.address)
        assert own.exists(entry.blob_digest) and verdicts(network, 0, stranger) == {Outcome.ACCEPT.value}
        index = [c.miner for c in network.subnet.commitments(0)].index(stranger.signer.address)
        assert network.subnet.is_paid(0, index)
    assert network.store.exists(entry.blob_digest), "what was read is kept, so that a juror finds it later"


@pytest.mark.parametrize("private", [True, False], ids=["gone", "refused"])
def test_an_endpoint_that_does_not_answer_is_a_withheld_blob(network, tmp_path, private):
    """Gone when the challenge is known; or one that leads into the auditors' own networks."""
    own = settled(network, tmp_path, private=private)
    stranger = next(part for part in network.parts if part.name == "miner-2")
    with served(relay_app(own)) as url:
        network.subnet.set_endpoint(stranger.signer, url)
        reader = next(s for s in network.services if s.node.name == "validator-1").node.objects_of(
            stranger.signer.address
        )
        digest = own.put(b"there")
        if private:
            assert reader.get(digest, 10) == b"there"
    with pytest.raises(ObjectMissing, match="does not deliver"):
        reader.get(own.put(b"later") if private else digest, 10)
    assert network.advance().right
    assert verdicts(network, 0, stranger) == {Outcome.REJECT.value}
    index = [c.miner for c in network.subnet.commitments(0)].index(stranger.signer.address)
    assert not network.subnet.is_paid(0, index)
    assert keccak256(b"there") == digest


@pytest.mark.parametrize("comes_back", ["in time", "later"])
def test_a_relay_that_starts_anew_costs_nobody_anything(network, tmp_path, comes_back):
    """What could not be fetched is asked for again for half of the time for scores, and before an accusation."""
    own = settled(network, tmp_path, private=True)
    stranger = next(part for part in network.parts if part.name == "miner-2")
    shown = FileStore(tmp_path / "served")
    half = (network.subnet.schedule.challenge_block(0) + network.subnet.schedule.score_deadline(0)) // 2
    mine_to = network.mine_to

    def and_the_relay_is_back(block):
        mine_to(block)
        if block >= (half if comes_back == "in time" else network.subnet.schedule.reveal_deadline(0)):
            for digest, size, _ in list(own.listed()):
                shown.put(own.get(digest, size))

    with served(relay_app(shown)) as url:
        network.subnet.set_endpoint(stranger.signer, url)
        network.mine_to = and_the_relay_is_back
        assert network.advance().right
    index = [c.miner for c in network.subnet.commitments(0)].index(stranger.signer.address)
    assert network.subnet.is_paid(0, index) == (comes_back == "in time")
    assert not any(case.accused == stranger.signer.address and not case.contest for case in network.subnet.cases())
    assert not network.subnet.neuron(stranger.signer.address).jailed
    # a sheet is never late for a blob that is
    assert {reveal.validator for reveal in network.subnet.reveals(0)} == {
        part.signer.address for part in network.parts if part.name.startswith("validator")
    }
