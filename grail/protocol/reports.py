"""Bytes ↔ reports [C]: why a sheet says what it says, and what an update did (docs/spec/reports.md).

Canonical JSON of integers and ASCII: one way to write each. The transaction that names its digest signs it. Claims:
whoever acts on one reads the places itself.
"""

import json
from typing import Annotated, Literal, Self, TypeVar

import pydantic

from grail.errors import BadInput
from grail.protocol.units import Address, Digest, WindowId

BYTES_PER_MINER = 4_096
MAX_TRAINING_BYTES = 256 << 10
PROCESSES = 32
"""Most evidence processes that a report may name for a miner."""
WEALTH_UNIT, DECADE_UNIT, MICRO_UNIT = 10_000, 1_000, 1_000_000
"""Units of a nat of log wealth, of a decade of evidence, and of whatever else is measured."""
MOST = 10**8
"""Largest number of either, both ways."""
LARGEST = (1 << 53) - 1
REASON, NAME, ENVIRONMENT, TEXT = 160, 40, 120, 2_000
"""Most characters of a reason, of a name, of an environment's id, and of a sample's text."""
SAMPLES = 4
ADDRESS, DIGEST = "^0x[0-9a-f]{40}$", "^[0-9a-f]{64}$"

Name = Annotated[str, pydantic.Field(max_length=NAME)]
Wealth = Annotated[int, pydantic.Field(ge=-MOST, le=MOST)]
Count = Annotated[int, pydantic.Field(ge=0, le=LARGEST)]
Signed = Annotated[int, pydantic.Field(ge=-LARGEST, le=LARGEST)]
EnvironmentId = Annotated[str, pydantic.Field(max_length=ENVIRONMENT)]
Some = TypeVar("Some", bound="_Canonical")


class _Canonical(pydantic.BaseModel, extra="forbid", frozen=True, strict=True):
    """What has one way to be written: names sorted, no blanks, ASCII, what is as by default left out."""

    def encode(self) -> bytes:
        """Its bytes."""
        return json.dumps(self.model_dump(exclude_defaults=True), sort_keys=True, separators=(",", ":")).encode()

    @classmethod
    def decode(cls, data: bytes, most: int) -> Self:
        """Raises BadInput for more than `most` bytes, for what is no report, and for one that is written otherwise."""
        if len(data) > most:
            raise BadInput(f"expected a report of at most {most} bytes, got {len(data)}")
        try:
            found = cls.model_validate_json(data)
        except pydantic.ValidationError as error:
            first = error.errors()[0]
            where = ".".join(map(str, first["loc"])) or "the whole"
            raise BadInput(f"expected a report, got: {where}: {first['msg']}") from None
        if found.encode() != data:
            raise BadInput("expected a report in its canonical form, got the same written otherwise")
        return found


class Said(_Canonical):
    """What a validator says of one submission. `evidence`: in 1/1000 decades; `place`: group and index of what broke;
    `added`: by process, log wealth that the dealt places gave, in 1/10000 nats; `proof`: digest of the proof of audit.
    """

    outcome: Literal["accept", "reject", "fault", "abstain"]
    check: Name
    reason: Annotated[str, pydantic.Field(max_length=REASON)] = ""
    evidence: Wealth = 0
    place: tuple[Count, Count] | None = None
    rollouts: Count = 0
    tokens: Count = 0
    added: Annotated[
        dict[Name, Annotated[tuple[Wealth, ...], pydantic.Field(max_length=16)]], pydantic.Field(max_length=PROCESSES)
    ] = {}
    proof: Annotated[str, pydantic.Field(pattern=DIGEST)] | None = None


class AuditReport(_Canonical):
    """A validator's report of a window, by miner."""

    version: Literal[1]
    window: Count
    validator: Annotated[str, pydantic.Field(pattern=ADDRESS)]
    verdicts: dict[Annotated[str, pydantic.Field(pattern=ADDRESS)], Said]

    def proof_of(self, miner: Address) -> Digest | None:
        """The digest of the proof that it names for a miner; None where it names none."""
        said = self.verdicts.get("0x" + miner.hex())
        return None if said is None or said.proof is None else bytes.fromhex(said.proof)

    def proofs(self) -> list[Digest]:
        """All proofs that it names."""
        return [bytes.fromhex(said.proof) for said in self.verdicts.values() if said.proof is not None]


class Sample(_Canonical):
    """A rollout that was learnt from. `reward`, `margin` (the largest of its tokens, in nats): in millionths."""

    environment: EnvironmentId
    miner: Annotated[str, pydantic.Field(pattern=ADDRESS)]
    prompt: Annotated[str, pydantic.Field(max_length=TEXT)]
    completion: Annotated[str, pydantic.Field(max_length=TEXT)]
    reward: Signed
    margin: Count


class TrainingReport(_Canonical):
    """What a trainer says of the update that made a version: `numbers` in millionths, `dropped` groups by reason."""

    version: Literal[1]
    window: Count
    parent: Annotated[str, pydantic.Field(pattern=DIGEST)]
    numbers: Annotated[dict[Name, Signed], pydantic.Field(max_length=64)]
    dropped: Annotated[dict[Name, Count], pydantic.Field(max_length=32)] = {}
    rewards: Annotated[dict[EnvironmentId, Signed], pydantic.Field(max_length=64)] = {}
    samples: Annotated[tuple[Sample, ...], pydantic.Field(max_length=SAMPLES)] = ()


def report_bytes(miners: int) -> int:
    """Longest report that may say something of so many miners."""
    return BYTES_PER_MINER * (1 + miners)


def audit_report(data: bytes, window: WindowId, validator: Address, miners: int) -> AuditReport:
    """A validator's report of a window, in which it had seats in so many miners' work. Raises BadInput on anything
    else, and on another's.
    """
    found = AuditReport.decode(data, report_bytes(miners))
    if (found.window, found.validator) != (window, "0x" + validator.hex()):
        raise BadInput(f"expected 0x{validator.hex()}'s report of window {window}, got {found.validator}'s")
    return found


def proofs_in(data: bytes) -> list[Digest]:
    """Digests of the proofs that a report names; what is no report names none."""
    try:
        return AuditReport.decode(data, len(data)).proofs()
    except BadInput:
        return []


def scaled(value: float, unit: int, most: int = MOST) -> int:
    """A measured number in units, no larger than may be said of it; no number is 0."""
    return 0 if value != value else round(max(-most, min(most, value * unit)))
