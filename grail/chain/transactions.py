"""One transaction: nonce, gas, fee, signature, bounded retry, receipt."""

import time
from typing import Any

from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError

from grail.chain.accounts import Signer
from grail.chain.base import Receipt
from grail.chain.reverts import RevertDecoder, revert_data
from grail.errors import ChainError, ChainUnavailable
from grail.protocol.units import Address, BlockNumber

RECEIPT_SECONDS = 120
POLL_SECONDS = 0.05
GAS_HEADROOM = 1.3
"""Gas limit over the estimate: state may move between estimate and inclusion."""
NONCE_USED = "nonce too low"
KNOWN_ALREADY = ("already known", NONCE_USED, "already imported")


class TransactionSender:
    """Sends transactions of any number of signers over one web3 connection.

    The same signed bytes are sent again after a broken connection, so a retry can never act twice.
    """

    def __init__(self, web3: Web3, chain_id: int, reverts: RevertDecoder) -> None:
        self._web3 = web3
        self._chain_id = chain_id
        self._reverts = reverts
        self._unsent: dict[tuple[Address, bytes], Any] = {}

    def send(self, signer: Signer, to: Address | None, data: bytes, value: int) -> Receipt:
        """Send and wait. Raises Reverted before paying when the estimate already fails, or from the receipt."""
        memory = (signer.address, (to or b"") + data + value.to_bytes(32, "big"))
        if memory not in self._unsent:
            self._unsent[memory] = signer.account.sign_transaction(self._fields(signer, to, data, value))
        signed = self._unsent[memory]
        try:
            self._web3.eth.send_raw_transaction(signed.raw_transaction)
        except Web3RPCError as error:
            known = any(text in str(error).lower() for text in KNOWN_ALREADY)
            if not known or (NONCE_USED in str(error).lower() and not self._mined(signed.hash)):
                del self._unsent[memory]
                remedy = "does another process use the same key?" if known else "see the node's reason"
                raise ChainError(f"the node refused a transaction of {signer.name} ({error}): {remedy}") from error
        receipt = self._wait(signed.hash)
        del self._unsent[memory]
        if receipt["status"] != 1:
            raise self._failed(signer, to, data, value)
        contract = receipt["contractAddress"]
        return Receipt(
            transaction=bytes(receipt["transactionHash"]),
            block=BlockNumber(receipt["blockNumber"]),
            gas_used=receipt["gasUsed"],
            contract=bytes.fromhex(contract[2:]) if contract else None,
        )

    def _fields(self, signer: Signer, to: Address | None, data: bytes, value: int) -> dict[str, Any]:
        fields: dict[str, Any] = {"from": signer.name, "data": "0x" + data.hex(), "value": value}
        if to is not None:
            fields["to"] = Web3.to_checksum_address(to)
        gas = self._gas(fields, data)
        base = self._web3.eth.get_block("latest").get("baseFeePerGas", 0)
        tip = 10**9
        del fields["from"]
        return fields | {
            "gas": gas,
            "nonce": self._web3.eth.get_transaction_count(signer.account.address, "pending"),
            "chainId": self._chain_id,
            "maxFeePerGas": 2 * base + tip,
            "maxPriorityFeePerGas": tip,
        }

    def _gas(self, fields: dict[str, Any], data: bytes) -> int:
        try:
            return int(self._web3.eth.estimate_gas(fields, "pending") * GAS_HEADROOM)  # type: ignore[arg-type]
        except ContractLogicError as error:
            raise self._reverts.explain(revert_data(error), f"transaction 0x{data[:4].hex()}") from error

    def _mined(self, transaction: bytes) -> bool:
        try:
            self._web3.eth.get_transaction_receipt(transaction)  # type: ignore[arg-type]
        except TransactionNotFound:
            return False
        return True

    def _wait(self, transaction: bytes) -> Any:
        deadline = time.monotonic() + RECEIPT_SECONDS
        while time.monotonic() < deadline:
            try:
                return self._web3.eth.get_transaction_receipt(transaction)  # type: ignore[arg-type]
            except TransactionNotFound:
                time.sleep(POLL_SECONDS)
        raise ChainUnavailable(
            f"transaction 0x{transaction.hex()} was not mined within {RECEIPT_SECONDS} s: is the chain making blocks?"
        )

    def _failed(self, signer: Signer, to: Address | None, data: bytes, value: int) -> ChainError:
        """Run the failed transaction again as a call, to learn why."""
        try:
            self._fields(signer, to, data, value)
        except ChainError as reason:
            return reason
        return ChainError(f"transaction 0x{data[:4].hex()} failed when mined but not afterwards: try again")
