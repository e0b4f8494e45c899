"""A relay keeps objects for neurons that sign for them, each within its quota, and nothing else."""

import time

import httpx
import pytest

from benchmarks.relays import served
from grail.chain.accounts import Signer, recovered
from grail.errors import StorageError
from grail.protocol.hashing import keccak256
from grail.storage.database import Database
from grail.storage.deposits import LARGEST, Deposits, Refused
from grail.storage.file_store import FileStore
from grail.storage.permits import LONGEST_SECONDS, Permit, header
from grail.storage.relay_server import relay_app
from grail.storage.relay_writer import PublishedStore, RelayWriter

CHAIN, REGISTRY, QUOTA = 31_337, b"\x07" * 20, 1_000
MINER, OTHER, STRANGER = (Signer.from_key(keccak256(name)) for name in (b"miner", b"other", b"stranger"))
NEURONS = {MINER.address: b"\x11" * 20, OTHER.address: b"\x22" * 20}


def who(message, signature):
    return NEURONS.get(recovered(message, signature))


@pytest.fixture
def relay(tmp_path):
    """(URL, its store)"""
    store = FileStore(tmp_path / "relay")

    def app():
        deposits = Deposits(Database.in_file(tmp_path / "deposits.sqlite"), CHAIN, REGISTRY, who, QUOTA)
        return relay_app(store, deposits=deposits)

    with served(app()) as url:
        yield url, store, app


def put(url, data, signer=MINER, **changes):
    """The relay's answer to one PUT; `changes` of what is signed or sent."""
    ends = changes.get("ends", int(time.time()) + 60)
    signed = {"chain_id": CHAIN, "registry": REGISTRY, "digest": keccak256(data), "size": len(data), "ends": ends}
    permit = Permit(**(signed | changes.get("signed", {})))
    told = changes.get("authorization", header(ends, signer.sign_hash(permit.message())))
    name = changes.get("name", keccak256(data).hex())
    return httpx.put(f"{url}/objects/{name}", content=changes.get("body", data), headers={"Authorization": told})


def test_a_neurons_object_is_kept_and_read_by_everybody(relay):
    url, store, _ = relay
    writer = RelayWriter(url, MINER.sign_hash, CHAIN, REGISTRY)
    writer.put(b"a blob")
    writer.put(b"a blob")
    assert httpx.get(f"{url}/objects/{keccak256(b'a blob').hex()}").content == b"a blob"
    assert put(url, b"a blob").json() == {"kept": False}, "what is there is not replaced, nor counted twice"
    assert store.get(keccak256(b"a blob"), 6) == b"a blob"


def test_nothing_is_kept_without_the_permit_of_a_neuron_for_these_bytes(relay):
    url, store, _ = relay
    now = int(time.time())
    refused = {
        "a stranger": (403, put(url, b"x", STRANGER)),
        "no permit": (401, put(url, b"x", authorization="Basic x")),
        "a permit of yesterday": (401, put(url, b"x", ends=now - 1)),
        "a permit for ever": (401, put(url, b"x", ends=now + 10 * LONGEST_SECONDS)),
        "of another chain": (403, put(url, b"x", signed={"chain_id": 1})),
        "of another network": (403, put(url, b"x", signed={"registry": b"\x08" * 20})),
        "for another object": (403, put(url, b"x", signed={"digest": keccak256(b"y")})),
        "for fewer bytes": (403, put(url, b"xx", signed={"size": 1})),
        "other bytes": (400, put(url, b"x", body=b"y")),
        "no name": (400, put(url, b"x", name="zz")),
    }
    assert {what: answer.status_code for what, (_, answer) in refused.items()} == {
        what: status for what, (status, _) in refused.items()
    }
    assert not store.exists(keccak256(b"x")) and not store.exists(keccak256(b"y"))
    assert "this relay's clock" in refused["a permit for ever"][1].text


def test_a_quota_outlives_the_relays_restart_and_is_each_neurons_own(relay):
    url, _, app = relay
    assert put(url, b"a" * 600).status_code == 200
    answer = put(url, b"b" * 600)
    assert answer.status_code == 429 and "400 left" in answer.text
    with served(app()) as again:
        assert put(again, b"b" * 600).status_code == 429
        assert put(again, b"b" * 600, OTHER).status_code == 200
        assert put(again, b"c" * 400).status_code == 200


@pytest.mark.parametrize("length", [None, "", "0", "-1", "1e3", str(LARGEST + 1), "9" * 5_000])
def test_a_length_that_cannot_be_is_refused_before_anything_is_read(tmp_path, length):
    deposits = Deposits(Database.in_file(tmp_path / "deposits.sqlite"), CHAIN, REGISTRY, who, QUOTA)
    with pytest.raises(Refused, match="expected Content-Length"):
        deposits.examined(keccak256(b"x"), length, header(int(time.time()) + 60, bytes(65)))


def test_a_relay_that_keeps_nothing_says_so(tmp_path):
    refused = pytest.raises(StorageError, match="keeps no objects for others")
    with served(relay_app(FileStore(tmp_path / "plain"))) as url, refused:
        RelayWriter(url, MINER.sign_hash, CHAIN, REGISTRY).put(b"x")


def test_one_relay_of_two_is_enough_and_none_is_an_error(relay, tmp_path):
    url, store, _ = relay
    good, dead = (RelayWriter(place, MINER.sign_hash, CHAIN, REGISTRY) for place in (url, "http://127.0.0.1:9"))
    own = FileStore(tmp_path / "own")
    digest = PublishedStore(own, [dead, good]).put(b"mine")
    assert store.exists(digest) and PublishedStore(own, [good]).get(digest, 4) == b"mine"
    with pytest.raises(StorageError, match="could not be put to"):
        PublishedStore(own, [dead]).put(b"lost")
    assert own.exists(keccak256(b"lost")), "the own copy stays"
