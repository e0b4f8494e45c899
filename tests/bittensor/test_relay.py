"""A relay keeps objects for hotkeys that are registered in its subnet, and sign for them as the SDK does."""

import json
import time

import bittensor as bt
import httpx
import pytest

from benchmarks.relays import served
from grail.config import BittensorSettings
from grail.protocol.hashing import keccak256
from grail.storage import issued as module
from grail.storage.database import Database
from grail.storage.deposits import Deposits
from grail.storage.file_store import FileStore
from grail.storage.relay_server import relay_app
from neurons.native import hotkey_callers
from tests.bittensor.conftest import World, keypair

DATA = b"an object"
NAME = keccak256(DATA).hex()


@pytest.fixture()
def relay(world: World, wallet, tmp_path):
    """URL of a relay whose hotkey is that of the world's validator."""
    told = BittensorSettings(
        netuid=5, network=world.double.url, wallet_name="cold", wallet_hotkey="hot", wallet_path=wallet.path
    )
    database = Database.in_file(tmp_path / "deposits.sqlite")
    deposits = Deposits(database, 1, b"\7" * 20, lambda message, signature: None, 20, hotkey_callers(told))
    with served(relay_app(FileStore(tmp_path / "relay"), deposits=deposits)) as url:
        yield url


def permit(url: str, key, **changes) -> httpx.Response:
    """What the relay answers to a request of this key; `changes` of what is signed or sent."""
    asked = {"digest": NAME, "size": len(DATA)} | changes.get("asked", {})
    body = json.dumps(asked).encode()
    receiver = changes.get("receiver", httpx.get(f"{url}/health").json()["hotkey"])
    path = changes.get("path", "/permits")
    headers = bt.http_auth.sign(key, method="POST", path=path, body=body, receiver_ss58=receiver)
    headers |= changes.get("headers", {})
    return httpx.post(f"{url}/permits", content=changes.get("body", body), headers=headers)


def put(url: str, authorization: str, data: bytes = DATA) -> httpx.Response:
    return httpx.put(f"{url}/objects/{keccak256(data).hex()}", content=data, headers={"Authorization": authorization})


def test_a_registered_hotkey_puts_an_object(relay):
    answer = permit(relay, keypair("miner0"))
    assert answer.status_code == 200
    assert put(relay, answer.json()["authorization"]).json() == {"kept": True}
    assert httpx.get(f"{relay}/objects/{NAME}").content == DATA


@pytest.mark.parametrize(
    ("who", "changes", "said"),
    [
        ("stranger", {}, "not registered"),
        ("miner0", {"receiver": "5GrwvaEF5zXb26Fz9rcQpDWS57CtERHpNehXCPcNoHGKutQY"}, "different receiving hotkey"),
        ("miner0", {"path": "/objects"}, "does not verify"),
        ("miner0", {"body": json.dumps({"digest": NAME, "size": 1}).encode()}, "does not verify"),
        ("miner0", {"headers": {"X-Bittensor-Nonce": "1"}}, "older"),
        ("miner0", {"headers": {"X-Bittensor-Signature": "0x00"}}, "signature"),
        ("miner0", {"asked": {"size": "9"}}, "64 hex digits"),
        ("miner0", {"asked": {"digest": "zz"}}, "64 hex digits"),
        ("miner0", {"body": b"x" * 2_000}, "got more"),
    ],
)
def test_who_is_not_known_gets_no_permit(relay, who, changes, said):
    answer = permit(relay, keypair(who), **changes)
    assert answer.status_code in (400, 401) and said in answer.json()["detail"]


def test_a_request_is_good_once(relay):
    body = json.dumps({"digest": NAME, "size": len(DATA)}).encode()
    receiver = httpx.get(f"{relay}/health").json()["hotkey"]
    headers = bt.http_auth.sign(keypair("miner0"), method="POST", path="/permits", body=body, receiver_ss58=receiver)
    first, again = (httpx.post(f"{relay}/permits", content=body, headers=headers) for _ in range(2))
    assert first.status_code == 200 and again.status_code == 401 and "already accepted" in again.json()["detail"]


def test_a_permit_is_for_one_object_one_size_and_its_time(relay, monkeypatch):
    told = permit(relay, keypair("miner0")).json()["authorization"]
    assert put(relay, told, b"an otherX").status_code == 401, "another object of this size"
    assert put(relay, told[:-1] + ("0" if told[-1] != "0" else "1")).status_code == 401, "another mac"
    ends = int(told.split()[1].split(":")[0])
    monkeypatch.setattr(module.time, "time", lambda: ends + 1.0)
    assert put(relay, told).status_code == 401, "over"


def test_every_hotkey_has_a_quota_of_its_own(relay):
    for place, data in enumerate((b"0123456789", b"9876543210", b"a third one")):
        asked = {"digest": keccak256(data).hex(), "size": len(data)}
        told = permit(relay, keypair("miner0"), asked=asked).json()["authorization"]
        assert put(relay, told, data).status_code == (200 if place < 2 else 429)
        time.sleep(0.001)
    asked = {"digest": keccak256(b"a third one").hex(), "size": 11}
    other = permit(relay, keypair("miner1"), asked=asked).json()["authorization"]
    assert put(relay, other, b"a third one").json() == {"kept": True}
