"""The event reader: nothing twice, nothing lost, reorganisations undone."""

from grail.chain.accounts import Signer
from grail.chain.deployment import deploy, open_contracts
from grail.chain.embedded import EmbeddedChain
from grail.chain.events import EventReader
from grail.storage.database import Database
from grail.storage.journal import Journal
from tests.chain.test_embedded import OWNER, PLAN

MINER = Signer.from_key(b"\2" * 32)


class Forgetful:
    """A chain whose newest blocks can be made to vanish, as a reorganisation does."""

    def __init__(self, chain: EmbeddedChain) -> None:
        self._chain = chain
        self.lie_from: int | None = None

    def __getattr__(self, name: str):
        return getattr(self._chain, name)

    def block_hash(self, number: int) -> bytes:
        real = self._chain.block_hash(number)
        return real if self.lie_from is None or number < self.lie_from else bytes(32)


def test_each_event_once_across_restarts(tmp_path):
    chain = EmbeddedChain(OWNER.address)
    book = deploy(chain, OWNER, PLAN)
    contracts = open_contracts(chain, book)
    journal = Journal(Database.in_file(tmp_path / "db.sqlite"))
    for round_number in range(3):
        contracts["GrailToken"].send(OWNER, "transfer", MINER.address, 1 + round_number)
        reader = EventReader(chain, contracts, book.first_block, journal, "test")
        batch = reader.read()
        journal.add_events(batch.events, batch.rewound_to)
        assert batch.rewound_to is None
    amounts = [row.fields["value"] for row in journal.events("Transfer")]
    assert amounts[1:] == [1, 2, 3]
    assert EventReader(chain, contracts, book.first_block, journal, "test").read().events == ()


def test_a_reorganisation_drops_what_left_the_chain(tmp_path):
    inner = EmbeddedChain(OWNER.address)
    chain = Forgetful(inner)
    book = deploy(inner, OWNER, PLAN)
    contracts = open_contracts(inner, book)
    journal = Journal(Database.in_file(tmp_path / "db.sqlite"))
    reader = EventReader(chain, contracts, book.first_block, journal, "test")
    journal.add_events(reader.read().events, None)
    kept = len(journal.events())
    fork = inner.head().number + 1
    contracts["GrailToken"].send(OWNER, "transfer", MINER.address, 5)
    journal.add_events(reader.read().events, None)
    assert len(journal.events()) == kept + 1
    chain.lie_from = fork
    batch = reader.read()
    assert batch.rewound_to is not None and batch.rewound_to < fork
    journal.add_events(batch.events, batch.rewound_to)
    assert len(journal.events()) == kept + 1, "read again, not twice"
