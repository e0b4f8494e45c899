"""Votes of token holders: proposals as calls on our contracts, their state, casting, queueing, executing."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

from grail.chain.accounts import Signer, recovered
from grail.chain.base import Receipt
from grail.chain.subnet.windows import Windows
from grail.errors import BadInput, SettingsError
from grail.governance.acts import Act, description_digest
from grail.governance.ballots import CHOICES, SignedBallot, address_of, ballot_digest
from grail.protocol.units import Address, BlockNumber, Wei


class MotionState(IntEnum):
    """Where a proposal of token holders stands; the numbers are OpenZeppelin's IGovernor.ProposalState."""

    PENDING = 0
    ACTIVE = 1
    CANCELED = 2
    DEFEATED = 3
    SUCCEEDED = 4
    QUEUED = 5
    EXPIRED = 6
    EXECUTED = 7


class Choice(IntEnum):
    """How to vote; the numbers are OpenZeppelin's GovernorCountingSimple.VoteType."""

    AGAINST = 0
    FOR = 1
    ABSTAIN = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Motion:
    """A proposal of token holders. Votes in wei; `start` and `end` in blocks; `ready_at` in seconds, 0 till queued."""

    number: int
    proposer: Address
    description: str
    acts: tuple[Act, ...]
    state: MotionState
    start: int
    end: int
    against: Wei
    in_favour: Wei
    abstain: Wei
    quorum: Wei
    ready_at: int


class Votes(Windows):
    """GrailGovernor, TimelockController, and delegation of votes in GrailToken."""

    def propose_motion(self, signer: Signer, acts: Sequence[Act], description: str) -> Receipt:
        """Propose calls to be made by the timelock."""
        return self.contracts["GrailGovernor"].send(signer, "propose", *self._calls(acts), description)

    def cast(self, signer: Signer, number: int, choice: Choice, reason: str = "") -> Receipt:
        """Vote with all tokens held by or delegated to the signer, and all that it has staked."""
        return self.contracts["GrailGovernor"].send(signer, "castVoteWithReason", number, int(choice), reason)

    def sign_ballot(self, signer: Signer, number: int, choice: str) -> SignedBallot:
        """The signer's vote on a proposal, for anybody to send. `choice`: for, against or abstain."""
        governor, chain_id = self.contracts["GrailGovernor"], self.chain.chain_id
        nonce = governor.call("nonces", signer.address)
        digest = ballot_digest(chain_id, governor.address, number, choice, signer.address, nonce)
        return SignedBallot.model_validate(
            {
                "chain_id": chain_id,
                "governor": "0x" + governor.address.hex(),
                "number": str(number),
                "choice": choice,
                "voter": "0x" + signer.address.hex(),
                "nonce": str(nonce),
                "signature": "0x" + signer.sign_hash(digest).hex(),
            }
        )

    def ballot_weight(self, ballot: SignedBallot) -> Wei:
        """What a signed ballot would count for, now, in wei. Raises BadInput for another network's, for one of another
        nonce, and for one that its voter has not signed; Reverted where the vote does not run.
        """
        governor, voter = self.contracts["GrailGovernor"], address_of(ballot.voter)
        if (ballot.chain_id, address_of(ballot.governor)) != (self.chain.chain_id, governor.address):
            raise BadInput(f"a ballot for governor {ballot.governor} of chain {ballot.chain_id}: not this network's")
        nonce = governor.call("nonces", voter)
        if int(ballot.nonce) != nonce:
            raise BadInput(f"a ballot with nonce {ballot.nonce} of {ballot.voter}, whose nonce is {nonce}: sign anew")
        signature = bytes.fromhex(ballot.signature[2:])
        if not self.chain.code(voter) and recovered(ballot.digest(), signature) != voter:
            raise BadInput(f"a ballot that {ballot.voter} has not signed")
        return Wei(governor.call("castVoteBySig", *_cast_values(ballot)))

    def relay_ballot(self, payer: Signer, ballot: SignedBallot) -> Receipt:
        """Send a signed ballot; the payer pays the gas and nothing else."""
        return self.contracts["GrailGovernor"].send(payer, "castVoteBySig", *_cast_values(ballot))

    def has_voted(self, number: int, voter: Address) -> bool:
        """Has this account voted on a proposal?"""
        return self.contracts["GrailGovernor"].call("hasVoted", number, voter)

    def queue_motion(self, signer: Signer, motion: Motion) -> Receipt:
        """Hand a successful proposal to the timelock."""
        return self._settle_motion(signer, motion, "queue")

    def execute_motion(self, signer: Signer, motion: Motion) -> Receipt:
        """Make a queued proposal's calls, once its delay is over."""
        return self._settle_motion(signer, motion, "execute")

    def delegate(self, signer: Signer, to: Address) -> Receipt:
        """Let somebody (oneself, to begin with) vote with the signer's unstaked tokens."""
        return self._token.send(signer, "delegate", to)

    def voting_power(self, account: Address) -> Wei:
        """Votes at the newest block but one, in wei."""
        block = self.chain.head().number - 1
        return Wei(self.contracts["GrailGovernor"].call("getVotes", account, block))

    def motions(self) -> list[Motion]:
        """Every proposal so far, oldest first."""
        governor = self.contracts["GrailGovernor"]
        logs = self.chain.logs([governor.address], BlockNumber(self.book.first_block), self.chain.head().number)
        events = [event for event in map(governor.event, logs) if event and event.name == "ProposalCreated"]
        return [self._motion(event.fields) for event in events]

    def motion(self, number: int | str) -> Motion:
        """One proposal by its number or the number's first digits. Raises SettingsError when none or several match."""
        found = [motion for motion in self.motions() if str(motion.number).startswith(str(number))]
        if len(found) != 1:
            raise SettingsError(f"expected one proposal whose number begins with {number}, got {len(found)}")
        return found[0]

    def _motion(self, fields: dict[str, Any]) -> Motion:
        governor, number = self.contracts["GrailGovernor"], fields["proposalId"]
        against, in_favour, abstain = governor.call("proposalVotes", number)
        start = governor.call("proposalSnapshot", number)
        asked = start if start < self.chain.head().number else self.chain.head().number - 1
        return Motion(
            number=number,
            proposer=fields["proposer"] if isinstance(fields["proposer"], bytes) else bytes(20),
            description=fields["description"],
            acts=tuple(map(self._act, fields["targets"], fields["calldatas"])),
            state=MotionState(governor.call("state", number)),
            start=start,
            end=governor.call("proposalDeadline", number),
            against=Wei(against),
            in_favour=Wei(in_favour),
            abstain=Wei(abstain),
            quorum=Wei(governor.call("quorum", asked)),
            ready_at=governor.call("proposalEta", number),
        )

    def _act(self, target: Any, data: bytes) -> Act:
        address = bytes.fromhex(target[2:]) if isinstance(target, str) else target
        for name, contract in self.contracts.items():
            if contract.address == address:
                try:
                    return Act(name, *contract.decode_calldata(data))
                except BadInput:
                    return Act(name, "0x" + bytes(data).hex(), ())
        return Act("0x" + address.hex(), "0x" + bytes(data).hex(), ())

    def _calls(self, acts: Sequence[Act]) -> tuple[list[Address], list[int], list[bytes]]:
        calls = [(self.contracts[act.contract], act) for act in acts]
        data = [contract.calldata(act.function, *act.values) for contract, act in calls]
        return [contract.address for contract, _ in calls], [0] * len(calls), data

    def _settle_motion(self, signer: Signer, motion: Motion, step: str) -> Receipt:
        digest = description_digest(motion.description)
        return self.contracts["GrailGovernor"].send(signer, step, *self._calls(motion.acts), digest)


def _cast_values(ballot: SignedBallot) -> tuple[Any, ...]:
    signature = bytes.fromhex(ballot.signature[2:])
    return int(ballot.number), CHOICES[ballot.choice], address_of(ballot.voter), signature
