"""A neuron whose endpoint is no text, or looks like something else: who reads the network must not stop there.

Found on real code: bytes that are no UTF-8 made every reading of that neuron, and of the registry's events, raise an
error that no duty expects, so that its accusers and jurors stopped; and an endpoint of 42 characters that begins with
0x was taken for an address.
"""

import pytest

from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.events import EventReader
from grail.chain.subnet import Subnet
from grail.errors import StorageError
from grail.governance.acts import in_words
from grail.protocol.records import Role
from grail.runtime.objects import ObjectsOf
from grail.storage.database import Database
from grail.storage.file_store import FileStore
from grail.storage.journal import Journal
from tests.chain.test_embedded import OWNER, PLAN

PLACEHOLDER = "P" * 42
ENDPOINTS = {
    "no UTF-8": b"\xff\xfe\xc3\x28" + b"\x80" * 38,
    "NUL and controls": b"\0\x1b[2J" + b"\n" * 37,
    "like an address": b"0x" + b"ab" * 20,
    "nearly an address": b"0x" + b"z" * 40,
    "URL of other letters": "http://\u202eexämple".encode().ljust(42, b"/"),
    "URL of nothing": b"http://[:::]]:99999999999".ljust(42, b"/"),
    "turned around": "\u202eexample".encode().ljust(42, b"/"),
}


@pytest.fixture(scope="module")
def subnet() -> Subnet:
    chain = EmbeddedChain(OWNER.address)
    found = Subnet(chain, deploy(chain, OWNER, PLAN))
    found.register(OWNER, Role.MINER, "http://here", 2000 * 10**18)
    return found


@pytest.mark.parametrize("name", ENDPOINTS)
def test_a_strange_endpoint_stops_nobody(subnet, name, tmp_path):
    registry, endpoint = subnet.contracts["NeuronRegistry"], ENDPOINTS[name]
    assert len(endpoint) == len(PLACEHOLDER)
    data = registry.calldata("setEndpoint", PLACEHOLDER).replace(PLACEHOLDER.encode(), endpoint)
    subnet.chain.send(OWNER, registry.address, data)
    said = subnet.neuron(OWNER.address).endpoint
    assert said == endpoint.decode(errors="replace")
    journal = Journal(Database.in_file(tmp_path / "rows.sqlite"))
    batch = EventReader(subnet.chain, subnet.contracts, subnet.book.first_block, journal, "test").read()
    journal.add_events(batch.events, None)
    assert journal.events("EndpointSet")[-1].fields["endpoint"] == said
    with pytest.raises(StorageError):
        ObjectsOf(subnet, FileStore(tmp_path / "objects"), OWNER.address, private=True).get(bytes(32), 100)


@pytest.mark.parametrize("data", ["", "deadbeef", "a9059cbb00", "a9059cbb" + "ff" * 64])
def test_a_proposal_that_is_no_call_is_shown_as_what_it_is(subnet, data):
    token = subnet.contracts["GrailToken"]
    act = subnet._act(token.address, bytes.fromhex(data))
    assert (act.contract, act.function, act.values) == ("GrailToken", "0x" + data, ())
    assert in_words(act, {}) == [f"GrailToken.0x{data}()"]
