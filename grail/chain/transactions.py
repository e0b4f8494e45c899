"""One transaction: nonce, gas, fee, signature, resends of the same action until it is mined, receipt."""

import time
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from web3 import Web3
from web3.exceptions import ContractLogicError, TransactionNotFound, Web3RPCError

from grail.chain.accounts import Signer
from grail.chain.base import Receipt
from grail.chain.reverts import RevertDecoder, revert_data
from grail.chain.rpc import faults
from grail.chain.rpc.blocks import read_block
from grail.chain.rpc.fees import Fee, market_fee, shown_fee
from grail.errors import ChainError, ChainUnavailable, TooLate
from grail.protocol.units import Address, BlockNumber

RECEIPT_SECONDS = 120
BUMP_SECONDS = 45
"""A transaction that is not mined after this is offered a higher fee."""
POLL_SECONDS = 0.05
LONGEST_POLL = 2.0
USED_SECONDS = 15
"""How long the receipt of a nonce that is used is looked for: a replica may lag behind."""
PLAIN_GAS = 21_000
TAKEN_BACK = b"taken back"
"""Begins the key of what waits at the nonce of a transaction that came too late."""
GAS_HEADROOM = 1.3
"""Gas limit over the estimate: state may move between estimate and inclusion."""
UNDERPRICED_TRIES = 24
"""An eighth more each time: sixteen times the first offer."""


@dataclass(slots=True)
class _Waiting:
    """An action that is signed, and not known to be mined. `hashes`: of all its versions, which share one nonce."""

    fields: dict[str, Any]
    fee: Fee
    raw: bytes = b""
    hashes: list[bytes] = field(default_factory=list)
    sent: bool = False


class TransactionSender:
    """Sends transactions of any number of signers over one web3 connection.

    An action keeps its nonce until it is mined, whatever fails and whoever asks again, so it is never done twice. Asked
    again after it was mined, it is a new action.
    """

    def __init__(self, web3: Web3, chain_id: int, reverts: RevertDecoder, fee_cap: int | None = None) -> None:
        """`fee_cap`: most wei for a unit of gas; None for no bound."""
        self._web3 = web3
        self._chain_id = chain_id
        self._reverts = reverts
        self._cap = fee_cap
        self._waiting: dict[tuple[Address, bytes], _Waiting] = {}
        self._no_pending = False

    def send(
        self, signer: Signer, to: Address | None, data: bytes, value: int, last: BlockNumber | None = None
    ) -> Receipt:
        """Send and wait. Raises Reverted before paying when the estimate already fails, or from the receipt;
        ChainUnavailable when it is not mined in time: it stays sent, and the same call goes on waiting for it; TooLate
        when block `last` comes first: it is taken back.
        """
        action = (signer.address, (to or b"") + data + value.to_bytes(32, "big"))
        waiting = self._waiting.get(action)
        if waiting is None:
            if self._is_over(last):
                raise TooLate(f"block {last:,} is the last one for this transaction of {signer.name}: it is not sent")
            waiting = self._signed(signer, *self._fields(signer, to, data, value))
            self._waiting[action] = waiting
        elif waiting.sent:
            self._bump(signer, waiting)
        try:
            self._push_earlier(signer, waiting)
            self._broadcast(signer, waiting)
            receipt = self._wait(signer, waiting, last)
        except TooLate:
            del self._waiting[action]
            self._take_back(signer, waiting)
            raise
        except _Refused as refused:
            del self._waiting[action]
            raise ChainError(str(refused)) from refused
        del self._waiting[action]
        if receipt["status"] != 1:
            raise self._failed(signer, to, data, value)
        contract = receipt["contractAddress"]
        return Receipt(
            transaction=bytes(receipt["transactionHash"]),
            block=BlockNumber(receipt["blockNumber"]),
            gas_used=receipt["gasUsed"],
            contract=bytes.fromhex(contract[2:]) if contract else None,
        )

    # Making

    def _fields(self, signer: Signer, to: Address | None, data: bytes, value: int) -> tuple[dict[str, Any], Fee]:
        fields: dict[str, Any] = {"from": signer.name, "data": "0x" + data.hex(), "value": value}
        if to is not None:
            fields["to"] = Web3.to_checksum_address(to)
        gas = self._gas(fields, data)
        fee = market_fee(self._web3, self._cap)
        del fields["from"]
        return fields | {"gas": gas, "nonce": self._nonce(signer), "chainId": self._chain_id}, fee

    def _signed(self, signer: Signer, fields: dict[str, Any], fee: Fee) -> _Waiting:
        waiting = _Waiting(fields, fee)
        self._sign(signer, waiting)
        return waiting

    def _sign(self, signer: Signer, waiting: _Waiting) -> None:
        signed = signer.account.sign_transaction(waiting.fields | waiting.fee.fields())
        waiting.raw = bytes(signed.raw_transaction)
        waiting.hashes.append(bytes(signed.hash))
        waiting.sent = False

    def _nonce(self, signer: Signer) -> int:
        """The next one: behind what the node knows of, and behind what waits here."""
        known = self._count(signer, "latest" if self._no_pending else "pending")
        own = [w.fields["nonce"] + 1 for (who, _), w in self._waiting.items() if who == signer.address]
        return max([known, *own])

    def _count(self, signer: Signer, block: Any) -> int:
        try:
            return self._web3.eth.get_transaction_count(signer.account.address, block)
        except Web3RPCError as error:
            if block == "pending" and faults.says(error, faults.NOT_OFFERED_WORDS):
                self._no_pending = True
                return self._count(signer, "latest")
            raise

    def _gas(self, fields: dict[str, Any], data: bytes) -> int:
        block: Any = "latest" if self._no_pending else "pending"
        try:
            return int(self._web3.eth.estimate_gas(fields, block) * GAS_HEADROOM)  # type: ignore[arg-type]
        except (ContractLogicError, Web3RPCError) as error:
            if faults.says(error, faults.POOR_WORDS):
                raise self._too_poor(fields["from"], int(fields["value"]), str(error)) from error
            reason = revert_data(error) if isinstance(error, ContractLogicError) else b""
            if reason or faults.says(error, faults.REVERT_WORDS):
                raise self._reverts.explain(reason, f"transaction 0x{data[:4].hex()}") from error
            if block == "pending" and faults.says(error, faults.NOT_OFFERED_WORDS):
                self._no_pending = True
                return self._gas(fields, data)
            raise ChainError(f"the node cannot estimate a transaction of {fields['from']} ({error})") from error

    # Sending

    def _push_earlier(self, signer: Signer, waiting: _Waiting) -> None:
        """Own actions at lower nonces that are not mined are offered more: while they wait, nothing behind them can be.

        One that can never be mined any more is forgotten: whoever wanted it asks again.
        """
        mine = [(key, w) for key, w in self._waiting.items() if key[0] == signer.address]
        lower = [(key, w) for key, w in mine if w.fields["nonce"] < waiting.fields["nonce"]]
        for key, earlier in sorted(lower, key=lambda pair: pair[1].fields["nonce"]):
            if self._receipt(earlier) is not None:
                if key[1].startswith(TAKEN_BACK):
                    del self._waiting[key]
                continue
            try:
                self._bump(signer, earlier)
                self._broadcast(signer, earlier)
            except _Refused:
                del self._waiting[key]

    def _bump(self, signer: Signer, waiting: _Waiting) -> None:
        """Offer more for the same nonce, where the owner's bound allows it."""
        fee = waiting.fee.bumped(market_fee(self._web3, self._cap), self._cap)
        if fee is not None:
            waiting.fee = fee
            self._sign(signer, waiting)

    def _broadcast(self, signer: Signer, waiting: _Waiting) -> None:
        """Give the newest version to the node, for more where it asks for more.

        Raises _Refused where this action cannot be mined at this nonce, ChainUnavailable above the owner's bound.
        """
        for _ in range(UNDERPRICED_TRIES):
            reason = self._offered(signer, waiting)
            if reason is None:
                waiting.sent = True
                return
            before = waiting.fee
            self._bump(signer, waiting)
            if waiting.fee == before:
                break
        raise ChainUnavailable(
            f"a transaction of {signer.name} needs more than {shown_fee(waiting.fee)} ({reason}), and "
            "chain.max_fee_gwei allows no more: wait, or raise it"
        )

    def _offered(self, signer: Signer, waiting: _Waiting) -> str | None:
        """None where the node has it now; its reason where it wants a higher fee."""
        try:
            self._web3.eth.send_raw_transaction(waiting.raw)
        except Web3RPCError as error:
            if faults.says(error, faults.UNDERPRICED_WORDS):
                return str(error)
            if faults.says(error, faults.POOR_WORDS):
                cost = waiting.fields["gas"] * waiting.fee.most + waiting.fields["value"]
                raise _Refused(str(self._too_poor(signer.name, cost, str(error)))) from error
            if faults.says(error, faults.NONCE_USED_WORDS):
                self._used(signer, waiting, error)
            elif not faults.says(error, faults.KNOWN_WORDS):
                raise _Refused(f"the node refused a transaction of {signer.name} ({error})") from error
        return None

    def _used(self, signer: Signer, waiting: _Waiting, error: Web3RPCError) -> None:
        """The nonce is used: by a version of this action, whose answer was lost, or by another process."""
        ends = time.monotonic() + min(USED_SECONDS, RECEIPT_SECONDS)
        while self._receipt(waiting) is None:
            if time.monotonic() > ends:
                raise _Refused(
                    f"the node refused a transaction of {signer.name} ({error}): does another process use the same key?"
                ) from error
            time.sleep(POLL_SECONDS)

    # Waiting

    def _receipt(self, waiting: _Waiting) -> Any | None:
        """Of whichever version was mined."""
        for version in reversed(waiting.hashes):
            try:
                found = self._web3.eth.get_transaction_receipt(version)  # type: ignore[arg-type]
            except TransactionNotFound:
                continue
            if found is not None and found.get("blockNumber") is not None:
                return found
        return None

    def _is_over(self, last: BlockNumber | None) -> bool:
        """Has the last block come in which it could be mined?"""
        head = None if last is None else read_block(self._web3, "latest")
        return last is not None and head is not None and head.number >= last

    def _take_back(self, signer: Signer, waiting: _Waiting) -> None:
        """An empty transaction takes the place of one that means nothing any more: it would cost gas for nothing."""
        waiting.fields |= _nothing(signer)
        self._waiting[signer.address, TAKEN_BACK + waiting.fields["nonce"].to_bytes(8, "big")] = waiting
        self._bump(signer, waiting)
        with suppress(_Refused, ChainUnavailable):
            self._broadcast(signer, waiting)

    def _wait(self, signer: Signer, waiting: _Waiting, last: BlockNumber | None) -> Any:
        began = time.monotonic()
        bumped, pause = began, POLL_SECONDS
        while time.monotonic() < began + RECEIPT_SECONDS:
            found = self._receipt(waiting)
            if found is not None:
                return found
            if self._is_over(last) and self._receipt(waiting) is None:
                raise TooLate(f"a transaction of {signer.name} was not mined until block {last:,}: it is taken back")
            if time.monotonic() > bumped + BUMP_SECONDS:
                bumped = time.monotonic()
                self._clear_way(signer, waiting)
                self._bump(signer, waiting)
                self._broadcast(signer, waiting)
            time.sleep(pause)
            pause = min(LONGEST_POLL, pause * 1.2)
        raise ChainUnavailable(
            f"transaction 0x{waiting.hashes[-1].hex()} of {signer.name} was not mined within {RECEIPT_SECONDS} s at "
            f"{shown_fee(waiting.fee)}: is the chain making blocks? It stays sent, and is offered more when asked again"
        )

    def _clear_way(self, signer: Signer, waiting: _Waiting) -> None:
        """A transaction of before a restart may be stuck at a lower nonce: an empty one takes its place."""
        nonce = self._count(signer, "latest")
        ours = [w.fields["nonce"] for (who, _), w in self._waiting.items() if who == signer.address]
        if nonce >= waiting.fields["nonce"] or nonce in ours:
            return
        fields = _nothing(signer) | {"nonce": nonce, "chainId": self._chain_id}
        self._broadcast(signer, self._signed(signer, fields, market_fee(self._web3, self._cap)))

    def _too_poor(self, account: str, need: int, reason: str) -> ChainError:
        try:
            have = f"{Web3.from_wei(self._web3.eth.get_balance(Web3.to_checksum_address(account)), 'ether')}"
        except (Web3RPCError, ChainError):
            have = "too little"
        return ChainError(
            f"account {account} cannot pay for its transaction: it needs {Web3.from_wei(need, 'ether')} and gas in the "
            f"chain's own coin, has {have} ({reason[:120]}): send it some"
        )

    def _failed(self, signer: Signer, to: Address | None, data: bytes, value: int) -> ChainError:
        """Run the failed transaction again as a call, to learn why."""
        try:
            self._fields(signer, to, data, value)
        except ChainError as reason:
            return reason
        return ChainError(f"transaction 0x{data[:4].hex()} failed when mined but not afterwards: try again")


def _nothing(signer: Signer) -> dict[str, Any]:
    """Fields of a transaction that does nothing."""
    return {"to": signer.name, "value": 0, "data": "0x", "gas": PLAIN_GAS}


class _Refused(Exception):
    """This version of an action will never be mined."""
