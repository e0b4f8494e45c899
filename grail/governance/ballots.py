"""A vote that is signed off chain and sent by anybody: OpenZeppelin's Ballot (EIP-712), as one JSON object.

Whoever has it can send it, or keep it back; nobody can change it. It holds while the vote runs, for one nonce.
Source: Governor.castVoteBySig of OpenZeppelin Contracts 5.
"""

from typing import Annotated, Literal

import pydantic

from grail.errors import BadInput
from grail.protocol.hashing import encode_static, keccak256, typed_digest
from grail.protocol.units import Address, Digest

NAME = b"GrailGovernor"
CHOICES = {"against": 0, "for": 1, "abstain": 2}
MOST_BYTES = 16 << 10
"""Of a ballot: signatures of contracts that act as wallets may be long."""
_BALLOT = keccak256(b"Ballot(uint256 proposalId,uint8 support,address voter,uint256 nonce)")

Account = Annotated[str, pydantic.Field(pattern="^0x[0-9a-fA-F]{40}$")]
Number = Annotated[str, pydantic.Field(pattern="^(0|[1-9][0-9]{0,77})$")]


class SignedBallot(pydantic.BaseModel, extra="forbid", frozen=True, strict=True):
    """One account's vote on one proposal. `number`, `nonce`: decimal; `signature`: 0x and hex digits."""

    chain_id: Annotated[int, pydantic.Field(ge=1, lt=1 << 53)]
    governor: Account
    number: Number
    choice: Literal["for", "against", "abstain"]
    voter: Account
    nonce: Number
    signature: Annotated[str, pydantic.Field(pattern="^0x([0-9a-fA-F]{2})+$", max_length=8_194)]

    def digest(self) -> Digest:
        """What the voter signs."""
        governor, voter = address_of(self.governor), address_of(self.voter)
        return ballot_digest(self.chain_id, governor, int(self.number), self.choice, voter, int(self.nonce))


def ballot_digest(chain_id: int, governor: Address, number: int, choice: str, voter: Address, nonce: int) -> Digest:
    """The EIP-712 hash of a vote: bound to one chain, one governor, one nonce. Raises BadInput beyond 256 bits."""
    if max(number, nonce) >= 1 << 256:
        raise BadInput("expected numbers of at most 256 bits in a ballot")
    ballot = keccak256(encode_static(_BALLOT, number, CHOICES[choice], voter, nonce))
    return typed_digest(NAME, chain_id, governor, ballot)


def parse_ballot(data: bytes) -> SignedBallot:
    """Raises BadInput for what is no signed ballot."""
    if len(data) > MOST_BYTES:
        raise BadInput(f"expected a signed ballot of at most {MOST_BYTES} bytes, got {len(data)}")
    try:
        return SignedBallot.model_validate_json(data)
    except pydantic.ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise BadInput(f"expected a signed ballot, got: {where}: {first['msg']}") from None


def address_of(text: str) -> Address:
    """20 bytes of an account that was checked."""
    return bytes.fromhex(text[2:])
