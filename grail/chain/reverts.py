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
    "Unauthorized": "use the account that the contract names for this call",
    "LengthMismatch": "give as many of one as of the other",
    "NotSpare": "only what was sent by mistake can be recovered, not what is owed to somebody",
    "TooEarly": "wait for the stated block of the network's clock",
    "TooLate": "the deadline has passed",
    "NotPast": "ask for an earlier block",
    "Paused": "the guardian has stopped value from moving; it goes on at the stated block at the latest",
    "NotPaused": "nothing to do: the network is not paused",
    "CapExceeded": "the token's cap is reached: lower the emission by a vote",
    "TransferToToken": "the token's own address keeps nothing for anybody: check where you send to",
    "UnknownParameter": "see docs/spec/policy.md for the names",
    "OutOfBounds": "choose a value within the stated bounds",
    "SplitAboveOne": "the shares must sum to at most 10,000 bps",
    "SplitNotWhole": "the five parts of the emission split must sum to 10,000 bps",
    "PenaltyTooHigh": "keep the penalty under a tenth of the validators' minimum stake",
    "UnbondingTooShort": "raise unbonding_blocks first",
    "BadEnvironmentMix": "set at least one environment with a positive weight, and rewards up to 100,000 thousandths",
    "AlreadyRegistered": "one address has one role: use another key, or add stake to this one",
    "NotRegistered": "register first",
    "BadRole": "choose miner, validator or trainer",
    "StakeTooLow": "stake at least the role's minimum",
    "NotActive": "use the hotkey of a neuron with this role that holds its minimum stake and is out of jail",
    "QueueFull": "withdraw what is ready before asking for more",
    "NothingToWithdraw": "wait for the unbonding delay, or for rewards",
    "EndpointTooLong": "keep the endpoint under 257 bytes",
    "HotkeyTaken": "use a key that neither is nor works for a neuron",
    "PoolWiped": "this neuron's stake was slashed to nothing: stake on another",
    "TooManyPools": "leave one neuron's pool before joining another",
    "TrainerNotApproved": "ask token holders to approve this trainer: grail vote propose",
    "WrongParent": "somebody published in between: build on the newest version",
    "EmptyFingerprint": "publish a checkpoint's fingerprint, not zero",
    "UnknownVersion": "versions count from 1 to the newest",
    "BeforeGenesis": "wait for the network's first block",
    "OutsidePhase": "wait for the right blocks of the window; see `grail status`",
    "AlreadyCommitted": "one commitment a window: another process may use the same key",
    "EmptyCommitment": "commit a root, a blob digest and at least one group",
    "TooManyGroups": "add stake, or commit fewer groups",
    "WrongVersion": "load the version that the window mandates",
    "HashUnavailable": "wait for the next block",
    "NotOpened": "this window draws from drand: open it, wait for the round it calls, then openWith that round",
    "RoundNotCalled": "no drand round was called for it: call open (or seal) first",
    "WrongRound": "this is not drand's signature of that round: ask another relay",
    "NoPrecompile": "the chain lacks this precompile: EIP-2537 has 0x0b to 0x11, Subtensor 0x403 and 0x805",
    "BadHotkeyProof": "this is not the hotkey's signature of its binding here and now: grail bittensor bind",
    "NotBound": "no hotkey is bound to this validator: grail bittensor bind",
    "BadSchedule": "leave blocks for settling: commit + score + reveal < window",
    "NoCommitment": "this is not what the miner committed in that window",
    "RevealMismatch": "reveal exactly what was committed; the journal holds it",
    "AlreadyRevealed": "nothing to do: this validator has revealed",
    "AlreadyProposed": "nothing to do: this settlement is stated already",
    "WrongTerms": "give the terms as the statement's event says; sums beyond the worth are never taken",
    "StillDisputed": "another settlement stands, or a duel is open: see to its end first",
    "AlreadySettled": "nothing to do: the window is settled",
    "NotSettled": "wait until the window is settled",
    "AlreadyClaimed": "nothing to do: the payout was made",
    "ClaimExpired": "unclaimed payouts have gone to the treasury: ask token holders",
    "TooMuchWorth": "commit fewer groups, or ask token holders to raise max_group_worth",
    "SheetTooLong": "a sheet is at most 24,576 bytes, four seats a byte",
    "NotSealed": "seal the window first: its draws follow from the challenge",
    "NothingToSettle": "nobody committed in this window, or nobody sealed it: it pays nobody",
    "WrongEmission": "read RewardPool.emissionOf again, or, beside another statement, name the same emission",
    "NotStanding": "there is no such statement, or it has fallen",
    "BadEvidence": "show the commitments and sheets that this leaf follows from, as the chain has them",
    "AlreadyNamed": "nothing to do: this side has named its nodes",
    "NotNamed": "both sides have to name their nodes first; who does not, falls when the time is over",
    "NotAtALeaf": "go down to the leaves first",
    "UnknownDuel": "there is no duel with this number",
    "PayHeld": "a validator rejects this work: contest it, and claim when a jury has overturned it",
    "Convicted": "this miner was convicted for the window: its pay is not paid",
    "NotPayable": "this leaf pays nobody, or not yet: a validator's pay stands in its last page",
    "NotUnjudged": "bring work before a jury this way only where its seats said nothing: contest rejections one by one",
    "NotRejected": "contest only what the validator's revealed sheet rejects",
    "NotAccepted": "accuse an audit only of work that the validator's revealed sheet accepts",
    "BadProof": "the proof does not lead to the committed root",
    "NoFault": "the contract sees no fault: do not accuse",
    "NotSigned": "the signature is not by a hotkey that was in charge at a block of the window's commit phase",
    "AlreadyRotated": "one new hotkey a block: send it again in the next one",
    "NothingToDo": "nothing to do",
    "AmountTooSmall": "ask for more: the amount is less than one share",
    "AlreadySeated": "nothing to do: this validator has a place",
    "ExchangeClosed": "more was minted in the network before than this one takes over: ask its token holders",
    "Resting": "end the rest first: grail rest --end",
    "SetTooLarge": "call ValidatorSet.shrink first: a vote has lowered max_validators",
    "NoSuchPoint": "name a point below the active stake",
    "AccusingTooDear": "lower accuse_cost, or raise min_stake_miner, slash_bps or slash_accuser_bps",
    "AlreadyConvicted": "nothing to do: this submission is convicted",
    "AlreadyAccused": "one accusation of a submission by each validator",
    "NotForJury": "prove derivation, duplicates and equivocation directly; a jury is for what needs a model",
    "NotDrawn": "this validator has no seat in this case, or its draw is not fixed yet",
    "VotingClosed": "nothing to vote on at this stage of the case",
    "BadVerdict": "say guilty, innocent or abstain",
    "AlreadyVoted": "nothing to do: this vote was cast",
    "AlreadyResolved": "nothing to do: the case is closed",
    "NotDecided": "the case is not at this stage: see `grail court list`",
    "UnknownCase": "there is no case with this number",
    "ERC20InsufficientBalance": "fund the account with tokens",
    "ERC20InsufficientAllowance": "approve the contract first",
    "ERC2612ExpiredSignature": "sign a permit with a later deadline",
    "OwnableUnauthorizedAccount": "only a vote of token holders can do this: grail vote propose",
    "GovernorUnexpectedProposalState": "the proposal is not at this stage: see `grail vote show`",
    "GovernorInsufficientProposerVotes": "hold, borrow or stake more tokens, or ask others to delegate to you",
    "GovernorAlreadyCastVote": "nothing to do: this account has voted",
    "GovernorInvalidSignature": "the ballot was not signed by its voter, or its nonce has been used: sign anew",
    "GovernorNonexistentProposal": "see `grail vote list` for the numbers",
    "TimelockUnexpectedOperationState": "wait until the timelock's delay is over: see `grail vote show`",
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
