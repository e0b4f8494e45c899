"""Chain in this process: eth-tester over py-evm, deterministic, and saved to a file.

The same seed gives the same blocks, block hashes included: timestamps advance by a fixed step instead of the clock.
State is py-evm's key-value store; `save()` appends what changed to a SQLite file in one transaction, so a killed
process finds the chain exactly as it was at the last save.
"""

import itertools
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from eth.db.atomic import AtomicDB
from eth.db.backends.memory import MemoryDB
from eth.exceptions import VMError
from eth.vm.spoof import SpoofTransaction
from eth_hash.auto import keccak
from eth_hash.backends.pysha3 import backend as keccak_in_c
from eth_tester import EthereumTester, PyEVMBackend
from eth_tester.backends.pyevm.main import get_default_genesis_params
from web3 import EthereumTesterProvider, Web3

from grail.chain.accounts import Signer
from grail.chain.base import Log
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.reverts import RevertDecoder
from grail.chain.transactions import TransactionSender
from grail.errors import ChainError, StorageError
from grail.protocol.hashing import keccak256
from grail.protocol.units import Address, BlockNumber

# py-evm hashes all the time, by default through a slow wrapper.
keccak.hasher = keccak_in_c.keccak256  # type: ignore[assignment]

CHAIN_ID = 31_337
BLOCK_SECONDS = 12
GENESIS_TIME = 1_700_000_000
FUNDER_WEI = 10**27
GAS_LIMIT = 16_000_000
"""Gas limit of every transaction here: estimating would double the cost of each, and gas is free."""


class EmbeddedChain(JsonRpcChain):
    """A private chain whose genesis funds one account. `pyevm`: py-evm's chain, for who serves it to others."""

    def __init__(
        self,
        funder: Address,
        path: Path | None = None,
        clock: Callable[[int], int] = lambda parent: parent + BLOCK_SECONDS,
        *,
        chain_id: int = CHAIN_ID,
        rules: type[Any] | None = None,
    ) -> None:
        """`path`: file that keeps the chain between processes; None keeps it in memory only. `clock`: a block's
        timestamp from its parent's. `rules`: py-evm's machine of another chain than Ethereum.
        """
        self._store = _SavedDict(path)
        backend = PyEVMBackend(
            genesis_parameters=get_default_genesis_params({"timestamp": GENESIS_TIME}),
            genesis_state={funder: {"balance": FUNDER_WEI, "nonce": 0, "code": b"", "storage": {}}},
        )
        self.pyevm = backend.chain = _deterministic_chain(backend.chain, self._store, clock, chain_id, rules)
        self._tester = EthereumTester(backend)
        super().__init__(Web3(EthereumTesterProvider(self._tester)), "the embedded chain", chain_id, funder)
        self._sender: _EmbeddedSender = _EmbeddedSender(self._web3, self.pyevm, self.reverts, chain_id)

    def call(self, to: Address, data: bytes) -> bytes:
        """Run a read-only call as the next block would see it; py-evm directly, because the provider loses reasons."""
        return self._sender.execute(self._caller, to, data, 0)

    def logs(self, addresses: Sequence[Address], first: BlockNumber, last: BlockNumber) -> list[Log]:
        """Events of these contracts; py-evm's receipts directly, and only of blocks that hold any."""
        chain, wanted, found = self._tester.backend.chain, set(addresses), []
        for number in range(first, min(last, self.head().number) + 1):
            header = chain.get_canonical_block_header_by_number(number)
            if not header.bloom:
                continue
            index = 0
            block = chain.get_canonical_block_by_number(number)
            for transaction, receipt in zip(block.transactions, block.get_receipts(chain.chaindb), strict=True):
                for log in receipt.logs:
                    if log.address in wanted:
                        topics = tuple(topic.to_bytes(32, "big") for topic in log.topics)
                        found.append(Log(log.address, topics, log.data, BlockNumber(number), index, transaction.hash))
                    index += 1
        return found

    def final_block(self) -> BlockNumber:
        """The newest: nobody else makes blocks here."""
        return self.head().number

    def mine(self, blocks: int) -> None:
        """Make empty blocks."""
        if blocks > 0:
            self._tester.backend.mine_blocks(blocks)

    def save(self) -> None:
        """Write everything since the last save to the file, all or nothing."""
        self._store.save()

    def keep(self, name: bytes, value: bytes) -> None:
        """A note that is saved with the chain's next blocks, or none of both."""
        self._store[b"note " + name] = value

    def kept(self, name: bytes) -> bytes:
        """A note; empty where there is none."""
        return self._store.get(b"note " + name, b"")


class _EmbeddedSender(TransactionSender):
    def __init__(self, web3: Web3, pyevm: Any, reverts: RevertDecoder, chain_id: int) -> None:
        super().__init__(web3, chain_id, reverts)
        self._pyevm = pyevm
        self._next: NextBlock | None = None

    def execute(self, sender: Address, to: Address | None, data: bytes, value: int) -> bytes:
        """Run without mining or paying. Raises Reverted with the contract's reason."""
        head = self._pyevm.get_canonical_head()
        if self._next is None or self._next.head != head:
            self._next = NextBlock(self._pyevm, head)
        try:
            return self._next.run(sender, to, data, value).output
        except VMError as error:
            raise self._reverts.explain(reason_of(error), f"call 0x{data[:4].hex()}") from error

    def _gas(self, fields: dict[str, Any], data: bytes) -> int:
        return GAS_LIMIT

    def _failed(self, signer: Signer, to: Address | None, data: bytes, value: int) -> ChainError:
        try:
            self.execute(signer.address, to, data, value)
        except ChainError as reason:
            return reason
        return ChainError(f"transaction 0x{data[:4].hex()} failed when mined but not afterwards: try again")


def reason_of(error: VMError) -> bytes:
    """What a contract reverted with: ABI-encoded error data."""
    return error.args[0] if error.args and isinstance(error.args[0], bytes) else b""


class NextBlock:
    """The block after `head` as calls see it: at our next timestamp, where the chain itself would take the clock's.

    Every service reads the same few contracts between two blocks: the state they touch is loaded once, and a call that
    was made before is answered from memory.
    """

    def __init__(self, chain: Any, head: Any) -> None:
        self.head = head
        self._vm = chain.get_vm(head)
        block = self._vm.generate_block_from_parent_header_and_coinbase(head, head.coinbase)
        header = block.header.copy(base_fee_per_gas=0, timestamp=head.timestamp + BLOCK_SECONDS)
        hashes = itertools.chain((head.hash,), self._vm.previous_hashes)
        self._state = self._vm.build_state(self._vm.chaindb.db, header, self._vm.chain_context, hashes)
        self._results: dict[tuple[Address, Address | None, bytes, int], Any] = {}

    def run(self, sender: Address, to: Address | None, data: bytes, value: int) -> Any:
        """py-evm's computation of the call. Raises its VMError where it reverts."""
        key = (sender, to, data, value)
        if key not in self._results:
            snapshot = self._state.snapshot()
            plain = self._vm.create_unsigned_transaction(
                nonce=self._state.get_nonce(sender), gas_price=0, gas=GAS_LIMIT, to=to or b"", value=value, data=data
            )
            try:
                self._results[key] = self._state.costless_execute_transaction(SpoofTransaction(plain, from_=sender))
            finally:
                self._state.revert(snapshot)
        self._results[key].raise_if_error()
        return self._results[key]


def _deterministic_chain(
    template: Any, store: "_SavedDict", clock: Callable[[int], int], named: int, rules: type[Any] | None
) -> Any:
    """A chain of the tester's kind with our id, timestamps as `clock` says, and `store` below it."""

    class DeterministicChain(type(template)):  # type: ignore[misc]
        chain_id = named
        vm_configuration = ((0, rules),) if rules else type(template).vm_configuration

        def create_header_from_parent(self, parent: Any, **params: Any) -> Any:
            params.setdefault("timestamp", clock(parent.timestamp))
            return super().create_header_from_parent(parent, **params)

        def mine_block(self, *values: Any, **params: Any) -> Any:
            params["mix_hash"] = keccak256(self.get_canonical_head().hash)
            return super().mine_block(*values, **params)

    source = template.chaindb.db
    if not store:
        raw = source.wrapped_db if hasattr(source, "wrapped_db") else source
        for key, value in raw.kv_store.items():
            store[key] = value
    return DeterministicChain(AtomicDB(MemoryDB(store)))


class _SavedDict(dict[bytes, bytes]):
    """A dict that knows which keys changed since it was last written to its SQLite file."""

    def __init__(self, path: Path | None) -> None:
        super().__init__()
        self._dirty: set[bytes] = set()
        self._file: sqlite3.Connection | None = None
        if path is not None:
            try:
                self._file = sqlite3.connect(path, check_same_thread=False)  # one caller at a time
                self._file.execute("CREATE TABLE IF NOT EXISTS state (key BLOB PRIMARY KEY, value BLOB)")
                super().update(self._rows())
            except sqlite3.Error as error:
                raise StorageError(
                    f"could not open the chain file {path} ({error}): is the folder writable?"
                ) from error

    def _rows(self) -> Iterable[tuple[bytes, bytes]]:
        assert self._file is not None
        return self._file.execute("SELECT key, value FROM state")

    def __setitem__(self, key: bytes, value: bytes) -> None:
        self._dirty.add(key)
        super().__setitem__(key, value)

    def __delitem__(self, key: bytes) -> None:
        self._dirty.add(key)
        super().__delitem__(key)

    def save(self) -> None:
        """Write the changes in one SQLite transaction."""
        if self._file is not None:
            try:
                with self._file:
                    rows = [(key, self[key]) for key in self._dirty if key in self]
                    gone = [(key,) for key in self._dirty if key not in self]
                    self._file.executemany("INSERT OR REPLACE INTO state VALUES (?, ?)", rows)
                    self._file.executemany("DELETE FROM state WHERE key = ?", gone)
            except sqlite3.Error as error:
                raise StorageError(f"could not save the chain ({error}): free disk space, then resume") from error
        self._dirty.clear()
