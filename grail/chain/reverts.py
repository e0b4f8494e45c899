"""Revert data → a readable error with a remedy. One sentence for each custom error of Errors.sol."""

from collections.abc import Mapping
from typing import Any

from eth_abi.abi import decode
from eth_abi.exceptions import DecodingError
from eth_utils.abi import function_abi_to_4byte_selector
from web3.exceptions import ContractLogicError

from grail.errors import Reverted

REMEDIES: Mapping[str, str] = {
    "ZeroAddress": "give a real address",
    "BadRole": "choose miner, validator or trainer",
    "EndpointTooLong": "keep the endpoint under 257 bytes",
    "EmptyFingerprint": "publish a checkpoint's fingerprint, not zero",
    "BeforeGenesis": "wait for the network's first block",
    "EmptyCommitment": "commit a root, a blob digest and at least one group",
    "BadSchedule": "leave blocks for settling: commit + score + reveal < window",
    "NotRevealed": "only validators that revealed may attest",
    "NotSettled": "wait until the window is settled",
    "AboveSettlement": "the window's settlement does not cover this payout",
    "NotNumeric": "prove derivation and duplicate faults directly; a jury is for replay, reward and structure",
    "UnknownAccusation": "there is no accusation with this number",
    "Unauthorized": "use the account that the contract names for this call",
    "AlreadyWired": "the network is wired once; deploy a new one to change it",
    "CapExceeded": "the token's cap is reached: lower the emission by a vote",
    "UnknownParameter": "see docs/spec/policy.md for the names",
    "OutOfBounds": "choose a value within the stated bounds",
    "SplitAboveOne": "the shares must sum to at most 10,000 bps",
    "UnbondingTooShort": "raise unbonding_blocks first",
    "BadEnvironmentMix": "set at least one environment with a positive weight",
    "AlreadyRegistered": "one address has one role: use another key, or add stake to this one",
    "NotRegistered": "register first",
    "StakeTooLow": "stake at least the role's minimum",
    "NotActive": "register with this role, hold the minimum stake, and be out of jail",
    "QueueFull": "withdraw what is ready before asking for more",
    "NothingToWithdraw": "wait for the unbonding delay",
    "TrainerNotApproved": "ask the network's owner to approve this trainer",
    "WrongParent": "somebody published in between: build on the newest version",
    "OutsidePhase": "wait for the right blocks of the window; see `grail status`",
    "AlreadyCommitted": "one commitment a window: another process may use the same key",
    "TooManyGroups": "add stake, or commit fewer groups",
    "WrongVersion": "load the version that the window mandates",
    "HashUnavailable": "wait for the next block",
    "NoCommitment": "this neuron committed nothing in that window",
    "RevealMismatch": "reveal exactly what was committed; the journal holds it",
    "AlreadySettled": "nothing to do: the window is settled",
    "AlreadyAttested": "nothing to do: this validator has attested",
    "AlreadyRevealed": "nothing to do: this validator has revealed",
    "AlreadyClaimed": "nothing to do: the payout was made",
    "AboveBudget": "the settlement exceeds the window's emission",
    "BadProof": "the leaf is not in the committed tree",
    "NoFault": "the contract sees no fault: do not accuse",
    "AlreadyConvicted": "nothing to do: this submission is convicted",
    "AlreadyAccused": "vote on the open accusation instead",
    "TooLate": "the deadline has passed",
    "AlreadyVoted": "nothing to do: this juror has voted",
    "AlreadyResolved": "nothing to do: the accusation is closed",
    "NotDecided": "wait for more votes or the deadline",
    "ERC20InsufficientBalance": "fund the account with tokens",
    "ERC20InsufficientAllowance": "approve the contract first",
}


class RevertDecoder:
    """Knows the custom errors of a set of contract ABIs."""

    def __init__(self) -> None:
        self._errors: dict[bytes, dict[str, Any]] = {}

    def learn(self, abi: list[dict[str, Any]]) -> None:
        """Remember every error of one ABI."""
        for entry in abi:
            if entry["type"] == "error":
                self._errors[bytes(function_abi_to_4byte_selector({**entry, "type": "function"}))] = entry  # type: ignore[arg-type]

    def explain(self, data: bytes, doing: str) -> Reverted:
        """A Reverted that says what was refused, with its numbers, and what to do."""
        entry = self._errors.get(data[:4])
        if entry is None:
            reason = f"unknown reason 0x{data[:36].hex()}" if data else "no reason given"
            return Reverted(f"{doing} was refused by the contract: {reason}")
        try:
            values = decode([item["type"] for item in entry["inputs"]], data[4:])
        except DecodingError:
            values = ()
        shown = ", ".join(
            f"{item['name']} = {'0x' + value.hex() if isinstance(value, bytes) else value}"
            for item, value in zip(entry["inputs"], values, strict=False)
        )
        remedy = REMEDIES.get(entry["name"], "see docs/contracts.md")
        return Reverted(f"{doing} was refused: {entry['name']}({shown}): {remedy}", entry["name"])


def revert_data(error: ContractLogicError) -> bytes:
    """The ABI-encoded reason inside a web3 error, empty when the node gave none."""
    data = error.data
    if isinstance(data, dict):
        data = data.get("data") or next((v for v in data.values() if isinstance(v, str) and v.startswith("0x")), "")
    if isinstance(data, str) and data.startswith("0x"):
        return bytes.fromhex(data[2:])
    return b""
