"""Blocks that leave the chain, replicas that lag: what was read of them is read again, what was done is done again."""

from types import SimpleNamespace

import pytest

from grail.chain.base import Head
from grail.chain.events import EventReader
from grail.chain.reorganisations import Reorganisations
from grail.errors import ChainError, ChainUnavailable
from tests.chain.test_flows import GRAIL, town  # noqa: F401 — the fixture


class Chain:
    """A chain of named blocks; `fork` gives all from there on other hashes, `height` may lag."""

    def __init__(self, height: int) -> None:
        self.height = height
        self.fork: dict[int, int] = {}
        self.short: set[int] = set()
        self.logged: list[int] = []
        self.final = 0

    def _name(self, number: int) -> bytes:
        return number.to_bytes(4, "big") + bytes([max((n for at, n in self.fork.items() if at <= number), default=0)])

    def head(self) -> Head:
        return Head(self.height, self._name(self.height))

    def block_hash(self, number: int) -> bytes:
        if number > self.height:
            raise ChainError("not mined")
        return self._name(number)

    def final_block(self) -> int:
        return self.final

    def logs(self, addresses, first, last):
        return [
            SimpleNamespace(address=b"a", block=n, index=0)
            for n in self.logged
            if first <= n <= last and n not in self.short
        ]


class Echo:
    address = b"a"

    def event(self, log):
        return SimpleNamespace(name="Said", fields={}, block=log.block)


class Store:
    def __init__(self) -> None:
        self.cursor: dict[int, str] = {}

    def load_cursor(self, name):
        return dict(self.cursor)

    def save_cursor(self, name, cursor):
        self.cursor = dict(cursor)


@pytest.mark.parametrize("depth", [1, 2, 7, 64])
def test_a_reorganisation_of_any_depth_is_noticed_once(depth):
    chain = Chain(100)
    watch = Reorganisations(chain)
    for _ in range(80):
        assert watch.look() is None
        chain.height += 1
    chain.fork[chain.height - depth] = 1
    assert watch.look() == chain.height - depth - 1
    assert watch.look() is None


def test_a_replica_that_lags_is_no_reorganisation():
    chain = Chain(100)
    watch = Reorganisations(chain)
    watch.look()
    chain.height = 90
    assert watch.look() is None
    chain.height = 110
    assert watch.look() is None


def test_a_reorganisation_on_a_shorter_chain_is_noticed_as_soon_as_it_is_seen():
    chain = Chain(100)
    watch = Reorganisations(chain)
    for _ in range(5):
        watch.look()
        chain.height += 1
    chain.height, chain.fork[102] = 103, 1
    assert watch.look() == 101


def test_events_that_a_replica_left_out_are_given_when_it_has_caught_up():
    chain, store = Chain(100), Store()
    chain.logged, chain.short = [95, 97, 99], {97, 99}
    reader = EventReader(chain, {"e": Echo()}, 90, store, "x")
    assert [event.block for event in reader.read().events] == [95]
    chain.short = {97}
    assert [event.block for event in reader.read().events] == [99]
    chain.short = set()
    assert [event.block for event in reader.read().events] == [97]
    assert reader.read().events == ()


def test_what_was_not_final_is_given_again_after_a_restart_and_the_caller_is_told():
    chain, store = Chain(100), Store()
    chain.logged, chain.final = [92, 97, 99], 95
    EventReader(chain, {"e": Echo()}, 90, store, "x").read()
    batch = EventReader(chain, {"e": Echo()}, 90, store, "x").read()
    assert batch.rewound_to == 95 and [event.block for event in batch.events] == [97, 99]
    chain.final = 100
    reader = EventReader(chain, {"e": Echo()}, 90, store, "x")
    reader.read()
    assert EventReader(chain, {"e": Echo()}, 90, store, "x").read().rewound_to is None


def test_a_position_that_is_final_is_kept_however_often_one_reads():
    chain, store = Chain(100), Store()
    chain.final = 95
    reader = EventReader(chain, {"e": Echo()}, 90, store, "x")
    for _ in range(200):
        reader.read()
        chain.height += 1
    assert 95 in store.cursor


def test_a_reorganisation_under_the_reader_rewinds_to_what_is_still_there():
    chain, store = Chain(100), Store()
    chain.logged = [92, 97, 99]
    reader = EventReader(chain, {"e": Echo()}, 90, store, "x")
    reader.read()
    chain.height = 103
    reader.read()
    chain.fork[98], chain.logged = 1, [92, 97, 98]
    batch = reader.read()
    assert batch.rewound_to is not None and batch.rewound_to < 98
    assert [event.block for event in batch.events] == [n for n in chain.logged if n > batch.rewound_to]


def test_lists_that_settlements_rest_on_are_compared_with_the_contracts_own_counts(town, monkeypatch):  # noqa: F811
    """A replica that lags sends fewer events and no error: then nothing is concluded."""
    from grail.settlement.sheets import Entry

    window = town.next_window()
    town.commit(window)
    town.score(window, [Entry.ACCEPT] * 3)
    town.mine(1)
    subnet = town.subnet
    assert subnet.current_window() is not None
    assert len(subnet.commitments(window)) == 1 and len(subnet.reveals(window)) == 3
    assert subnet.convicted_in_time(window) == frozenset()
    subnet.forget()
    monkeypatch.setattr(town.chain, "logs", lambda addresses, first, last: [])
    for read in (subnet.commitments, subnet.reveals):
        with pytest.raises(ChainUnavailable, match="lag behind"):
            read(window)
    monkeypatch.undo()
    assert len(subnet.commitments(window)) == 1 and len(subnet.reveals(window)) == 3


def test_a_beacon_whose_block_was_replaced_stands_no_longer(town, monkeypatch):  # noqa: F811
    window = town.next_window()
    before = town.subnet.beacon(window)
    assert town.subnet.beacon_stands(window)
    monkeypatch.setattr(town.chain, "block_hash", lambda number: bytes(31) + b"\x01")
    assert not town.subnet.beacon_stands(window)
    assert town.subnet.beacon(window) != before
