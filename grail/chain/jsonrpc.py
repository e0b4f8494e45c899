"""Chain over JSON-RPC (web3.py): any EVM node, or several of one chain."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3Exception, Web3RPCError

from grail.chain.accounts import Signer
from grail.chain.base import Head, Log, Receipt
from grail.chain.reverts import RevertDecoder, revert_data
from grail.chain.rpc.blocks import Block, read_block
from grail.chain.rpc.faults import NOT_OFFERED_CODES, REVERT_WORDS, NodeRefused, says
from grail.chain.rpc.logs import LogPages
from grail.chain.rpc.nodes import Nodes
from grail.chain.transactions import TransactionSender
from grail.errors import ChainError, ChainUnavailable, WrongChain
from grail.protocol.units import Address, BlockNumber, Digest

Answer = TypeVar("Answer")
ATTEMPTS = 5
FINAL_DEPTH = 64
"""Blocks after which a block counts as final, on chains whose nodes do not say it."""


class JsonRpcChain:
    """A node behind a URL, or any other web3 provider."""

    def __init__(
        self,
        web3: Web3,
        name: str,
        chain_id: int | None = None,
        caller: Address = bytes(20),
        *,
        fee_cap: int | None = None,
    ) -> None:
        """`caller` stands as the sender of read-only calls; `chain_id` None asks the node. `fee_cap`: wei for gas."""
        self._web3 = web3
        self._name = name
        self._caller = caller
        self._says_final = True
        self._final = BlockNumber(0)
        self.reverts = RevertDecoder()
        self._chain_id = chain_id if chain_id is not None else self._ask(lambda: web3.eth.chain_id)
        self._sender = TransactionSender(web3, self._chain_id, self.reverts, fee_cap)
        self._pages = LogPages(lambda query: self._ask(lambda: web3.eth.get_logs(query)), name)  # type: ignore[arg-type]

    @classmethod
    def connect(
        cls,
        url: str | Sequence[str],
        *,
        expected_chain_id: int | None = None,
        fee_cap: int | None = None,
    ) -> "JsonRpcChain":
        """Connect to a node, or to several of one chain, the preferred first. Raises ChainUnavailable when nobody
        answers, WrongChain on another chain id.
        """
        nodes = Nodes([url] if isinstance(url, str) else url, lambda: ATTEMPTS)
        chain = cls(Web3(nodes, middleware=[]), nodes.name, fee_cap=fee_cap)
        if expected_chain_id is not None and chain.chain_id != expected_chain_id:
            raise WrongChain(
                f"expected chain id {expected_chain_id} at {nodes.name}, got {chain.chain_id}: "
                "check the chain URL and the address book"
            )
        return chain

    @property
    def chain_id(self) -> int:
        """EIP-155 id."""
        return self._chain_id

    def head(self) -> Head:
        """The newest block."""
        block = self._ask(lambda: read_block(self._web3, "latest"))
        if block is None:
            raise ChainUnavailable(f"{self._name} has no newest block: use another node")
        return Head(block.number, block.hash)

    def block_hash(self, number: BlockNumber) -> Digest:
        """Hash of a mined block. Raises ChainError when it does not exist yet."""
        return self._mined(number).hash

    def block_time(self, number: BlockNumber) -> int:
        """When a mined block was made by its own word, in seconds since 1970."""
        return self._mined(number).time

    def _mined(self, number: BlockNumber) -> Block:
        block = self._ask(lambda: read_block(self._web3, int(number)))
        if block is None:
            raise ChainError(f"expected block {number} to be mined on {self._name}: wait for it")
        return block

    def final_block(self) -> BlockNumber:
        """As the node says it, else `FINAL_DEPTH` blocks behind the newest. Never falls."""
        said = None
        if self._says_final:
            try:
                said = self._ask(lambda: read_block(self._web3, "finalized"))
            except ChainError:
                said = None
            self._says_final = said is not None
        known = self.head().number - FINAL_DEPTH if said is None else said.number
        self._final = max(self._final, BlockNumber(known))
        return self._final

    def code(self, address: Address) -> bytes:
        """Runtime code at an address, empty where there is none."""
        return bytes(self._ask(lambda: self._web3.eth.get_code(Web3.to_checksum_address(address))))

    def coins(self, address: Address) -> int:
        """What an account has of the chain's own coin, in wei: it pays for gas."""
        return self._ask(lambda: self._web3.eth.get_balance(Web3.to_checksum_address(address)))

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
            reason = revert_data(error)
            if not reason and not says(error, REVERT_WORDS):
                raise NodeRefused(f"{self._name} refused a call ({error})", {"message": str(error)}) from error
            raise self.reverts.explain(reason, f"call 0x{data[:4].hex()}") from error

    def send(
        self, signer: Signer, to: Address | None, data: bytes, value: int = 0, *, last: BlockNumber | None = None
    ) -> Receipt:
        """Sign, send and wait for one transaction; raises TooLate when block `last` comes before it is mined."""
        return self._ask(lambda: self._sender.send(signer, to, data, value, last))

    def logs(self, addresses: Sequence[Address], first: BlockNumber, last: BlockNumber) -> list[Log]:
        """Events of these contracts in blocks [first, last], in chain order; in pages that the node answers."""
        return self._pages.read(addresses, first, last)

    def mine(self, blocks: int) -> None:
        """Make blocks at once, on a development node. Raises ChainError on a real one."""
        for _ in range(blocks):
            response = self._ask(lambda: self._web3.provider.make_request("evm_mine", []))  # type: ignore[arg-type]
            if "error" in response:
                raise ChainError(f"{self._name} does not mine on demand ({response['error']}): wait for its blocks")

    def _ask(self, question: Callable[[], Answer]) -> Answer:
        """What a node says, or one of our errors: nothing that it says ends a process.

        web3's own words for what is asked (a block that is not there, a revert) pass through.
        """
        try:
            return question()
        except (ContractLogicError, TransactionNotFound):
            raise
        except Web3RPCError as error:
            told = (error.rpc_response or {}).get("error") if isinstance(error.rpc_response, dict) else None
            refused: dict[str, Any] = dict(told) if isinstance(told, dict) else {"message": str(error)}
            hint = ": it does not offer this" if refused.get("code") in NOT_OFFERED_CODES else ""
            raise NodeRefused(f"{self._name} refused ({refused.get('message', error)}){hint}", refused) from error
        except (Web3Exception, ValueError, TypeError, KeyError, AttributeError) as error:
            raise ChainUnavailable(
                f"{self._name} answers what no node should ({type(error).__name__}): use another node"
            ) from error
