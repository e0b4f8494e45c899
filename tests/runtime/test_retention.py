"""The disk stays bounded, and nothing that somebody may still ask for is forgotten."""

import os
import time

import pytest

from grail.governance.policy import longest_dispute
from grail.runtime.prune import Prune
from grail.runtime.retention import EVIDENCE_WINDOWS, Needed, evidence_epoch, needed, needed_from, prune
from grail.storage import folder_of, open_store
from grail.storage.file_store import FileStore
from grail.storage.relays import MirroredStore, RelayReader
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    folder = tmp_path_factory.mktemp("retention") / "run"
    found = LocalNetwork(LocalnetOptions(windows=3, miners=2, cheats=0, validators=2, groups=4), folder)
    for _ in range(2):
        assert found.advance().right
    return found


def test_what_the_chain_names_is_needed_down_to_the_parents_of_deltas(network):
    keep = needed(network.subnet, network.store)
    entries = [entry for window in range(2) for entry in network.subnet.commitments(window)]
    reports = [reveal.report for window in range(2) for reveal in network.subnet.reveals(window)]
    assert {entry.blob_digest for entry in entries} | set(reports) <= keep.objects and entries and reports
    newest = network.subnet.checkpoint(network.subnet.latest_version())
    assert network.subnet.latest_version() > 1 and newest.fingerprint in keep.checkpoints
    everything = {digest for digest, _, _ in network.store.listed()}
    assert everything <= keep.objects, "a young network needs all that it has"
    found = prune(keep, network.store, network.folder / "checkpoints", dry_run=False, grace=0.0)
    assert (found.objects, found.checkpoints) == (0, 0)
    assert network.checkpoints.fetch(newest).fingerprint == newest.fingerprint


def test_what_nobody_names_goes_once_it_is_old_enough(network):
    stray, fresh = network.store.put(b"nobody's"), network.store.put(b"about to be committed")
    path = network.store.path(stray)
    os.utime(path, (time.time() - 10**6,) * 2)
    old = network.folder / "checkpoints" / ("ab" * 32)
    old.mkdir(parents=True)
    (old / "weights").write_bytes(b"x" * 100)
    os.utime(old, (time.time() - 10**6,) * 2)
    keep = needed(network.subnet, network.store)
    told = prune(keep, network.store, network.folder / "checkpoints", dry_run=True)
    assert (told.objects, told.checkpoints, told.freed) == (1, 1, 108) and path.exists() and old.exists()
    node = network.services[0].node
    note = Prune(node, network.folder / "checkpoints").run(1)
    assert note == {"objects": 1, "checkpoints": 1, "freed": 108}
    assert not path.exists() and not old.exists() and network.store.exists(fresh)
    assert network.advance().right, "and the network goes on"


class Chain:
    """A clock; policy and schedule as a subnet has them."""

    def __init__(self, subnet, window, paused=0):
        self.window, self.paused, self.schedule, self.chain = window, paused, subnet.schedule, self
        self.policy = lambda _: subnet.policy(0)

    def current_window(self):
        return self.window

    def head(self):
        return type("Head", (), {"number": 10**6})

    def clock(self):
        return 10**6 - self.paused


def test_a_thousand_windows_need_as_many_as_a_dispute_and_an_epoch_are_long(network):
    length = network.subnet.schedule.window
    dispute = -(-longest_dispute(network.subnet.policy(0).as_dict(), length) // length)
    for window in range(0, 1_000, 7):
        since = needed_from(Chain(network.subnet, window))
        assert since == evidence_epoch(max(0, window - dispute))
        assert window - since < dispute + EVIDENCE_WINDOWS
    assert needed_from(Chain(network.subnet, 999, paused=200 * length)) <= 999 - 200
    assert needed_from(Chain(network.subnet, None)) == 0


def test_only_folders_are_pruned(tmp_path):
    own = FileStore(tmp_path)
    assert folder_of(own) is own and folder_of(MirroredStore(own, RelayReader(["http://relay"]))) is own
    assert folder_of(open_store(f"file://{tmp_path},http://relay")) is not None
    (tmp_path / "ab").mkdir()
    (tmp_path / "ab" / ".part-x").write_bytes(b"arriving")
    assert list(own.listed()) == []
    nothing = Needed(0, frozenset(), frozenset())
    assert prune(nothing, None, tmp_path / "none", dry_run=False).freed == 0
