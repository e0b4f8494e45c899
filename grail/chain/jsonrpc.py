"""Chain over JSON-RPC (web3.py): any EVM node."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import requests
import stamina
from web3 import HTTPProvider, Web3
from web3.exceptions import BlockNotFound, ContractLogicError, Web3RPCError, Web3ValueError

from grail.chain.accounts import Signer
from grail.chain.base import Head, Log, Receipt
from grail.chain.reverts import RevertDecoder, revert_data
from grail.chain.transactions import TransactionSender
from grail.errors import ChainError, ChainUnavailable, WrongChain
from grail.protocol.units import Address, BlockNumber, Digest

Answer = TypeVar("Answer")
TIMEOUT_SECONDS = 20
ATTEMPTS = 5
MAX_LOG_BLOCKS = 2_000
"""Blocks asked for in one eth_getLogs; public nodes refuse longer ranges."""
TRANSIENT = (requests.ConnectionError, requests.Timeout)


class JsonRpcChain:
    """A node behind a URL, or any other web3 provider."""

    def __init__(self, web3: Web3, name: str, chain_id: int | None = None, caller: Address = bytes(20)) -> None:
        """`caller` stands as the sender of read-only calls; `chain_id` None asks the node."""
        self._web3 = web3
        self._name = name
        self._caller = caller
        self.reverts = RevertDecoder()
        self._chain_id = chain_id if chain_id is not None else self._ask(lambda: web3.eth.chain_id)
        self._sender = TransactionSender(web3, self._chain_id, self.reverts)

    @classmethod
    def connect(cls, url: str, *, expected_chain_id: int | None = None) -> "JsonRpcChain":
        """Connect to a node. Raises ChainUnavailable when nobody answers, WrongChain on another chain id."""
        provider = HTTPProvider(url, request_kwargs={"timeout": TIMEOUT_SECONDS}, exception_retry_configuration=None)
        chain = cls(Web3(provider), url)
        if expected_chain_id is not None and chain.chain_id != expected_chain_id:
            raise WrongChain(
                f"expected chain id {expected_chain_id} at {url}, got {chain.chain_id}: "
                "check the chain URL and the address book"
            )
        return chain

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        return self._chain_id

    def head(self) -> Head:
        """The newest block."""
        block = self._ask(lambda: self._web3.eth.get_block("latest"))
        return Head(BlockNumber(block["number"]), bytes(block["hash"]))

    def block_hash(self, number: BlockNumber) -> Digest:
        """Hash of a mined block. Raises ChainError when it does not exist yet."""
        try:
            return bytes(self._ask(lambda: self._web3.eth.get_block(number))["hash"])
        except BlockNotFound as error:
            raise ChainError(f"expected block {number} to be mined on {self._name}: wait for it") from error

    def code(self, address: Address) -> bytes:
        """Runtime code at an address, empty where there is none."""
        return bytes(self._ask(lambda: self._web3.eth.get_code(Web3.to_checksum_address(address))))

    def nonce(self, address: Address) -> int:
        """Transactions that an account has sent, waiting ones included."""
        account = Web3.to_checksum_address(address)
        return self._ask(lambda: self._web3.eth.get_transaction_count(account, "pending"))

    def call(self, to: Address, data: bytes) -> bytes:
        """Run a read-only call at the newest block."""
        request: Any = {
            "from": Web3.to_checksum_address(self._caller),
            "to": Web3.to_checksum_address(to),
            "data": "0x" + data.hex(),
        }
        try:
            return bytes(self._ask(lambda: self._web3.eth.call(request, "latest")))
        except ContractLogicError as error:
            raise self.reverts.explain(revert_data(error), f"call 0x{data[:4].hex()}") from error

    def send(self, signer: Signer, to: Address | None, data: bytes, value: int = 0) -> Receipt:
        """Sign, send and wait for one transaction."""
        return self._ask(lambda: self._sender.send(signer, to, data, value))

    def logs(self, addresses: Sequence[Address], first: BlockNumber, last: BlockNumber) -> list[Log]:
        """Events of these contracts in blocks [first, last], in chain order; asked for in bounded pages."""
        found: list[Log] = []
        for start in range(first, last + 1, MAX_LOG_BLOCKS):
            query: Any = {
                "address": [Web3.to_checksum_address(address) for address in addresses],
                "fromBlock": start,
                "toBlock": min(last, start + MAX_LOG_BLOCKS - 1),
            }
            found += [_log(entry) for entry in self._ask(lambda q=query: self._web3.eth.get_logs(q))]  # type: ignore[misc]
        return sorted(found, key=lambda log: (log.block, log.index))

    def mine(self, blocks: int) -> None:
        """Make blocks at once, on a development node. Raises ChainError on a real one."""
        try:
            response = self._ask(lambda: self._web3.provider.make_request("evm_mine", []))  # type: ignore[arg-type]
            if "error" in response:
                raise ChainError(f"{self._name} does not mine on demand ({response['error']}): wait for its blocks")
            for _ in range(blocks - 1):
                self._ask(lambda: self._web3.provider.make_request("evm_mine", []))  # type: ignore[arg-type]
        except (Web3RPCError, Web3ValueError) as error:
            raise ChainError(f"{self._name} does not mine on demand ({error}): wait for its blocks") from error

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        try:
            for attempt in stamina.retry_context(on=TRANSIENT, attempts=ATTEMPTS, timeout=60, wait_max=8):
                with attempt:
                    return question()
        except TRANSIENT as error:
            raise ChainUnavailable(
                f"no answer from {self._name} after {ATTEMPTS} tries ({type(error).__name__}): is the node running?"
            ) from error
        raise AssertionError("unreachable: the retry loop returns or raises")


def _log(entry: Any) -> Log:
    return Log(
        address=bytes.fromhex(entry["address"][2:]),
        topics=tuple(bytes(topic) for topic in entry["topics"]),
        data=bytes(entry["data"]),
        block=BlockNumber(entry["blockNumber"]),
        index=entry["logIndex"],
    )
