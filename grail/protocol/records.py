"""What the chain stores, as typed records [C]. The contracts are the source; these are their readings."""

from dataclasses import dataclass
from enum import IntEnum

from grail.protocol.units import Address, CheckpointVersion, Digest, Wei, WindowId


class Role(IntEnum):
    """Registered roles; the numbers are NeuronRegistry.sol's."""

    NONE = 0
    MINER = 1
    VALIDATOR = 2
    TRAINER = 3


class Moment(IntEnum):
    """When a window draws randomness; the numbers are RolloutLedger.sol's: before work, and after commitments."""

    OPEN = 0
    SEAL = 1


class FaultKind(IntEnum):
    """Why somebody is convicted; the numbers are FaultCourt.sol's. A jury is for REPLAY, REWARD, STRUCTURE and
    WITHHELD."""

    DERIVATION = 1
    DUPLICATE = 2
    REPLAY = 3
    REWARD = 4
    STRUCTURE = 5
    EQUIVOCATION = 6
    WITHHELD = 7


class Ballot(IntEnum):
    """A juror's word; the numbers are Jury.sol's."""

    NONE = 0
    GUILTY = 1
    INNOCENT = 2
    ABSTAIN = 3


class CaseState(IntEnum):
    """Where a case stands; the numbers are Jury.sol's."""

    VOTING = 0
    RULED = 1
    APPEALED = 2
    CLOSED = 3


class ProposalState(IntEnum):
    """Where a window's settlement stands; the numbers are ScoreBoard.sol's."""

    NONE = 0
    PROPOSED = 1
    DISPUTED = 2
    DECIDED = 3
    FINAL = 4


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronRecord:
    """One registered neuron. `stake` counts active stake, delegations included, `unbonding` what has been asked back;
    both in wei."""

    address: Address
    role: Role
    stake: Wei
    unbonding: Wei
    jailed: bool
    endpoint: str


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckpointRecord:
    """One version of the weights."""

    version: CheckpointVersion
    fingerprint: Digest
    parent: Digest
    manifest: Digest
    rules_hash: Digest
    calibration: Digest
    proof_scheme: str
    active_from: WindowId
    publisher: Address


@dataclass(frozen=True, slots=True, kw_only=True)
class Commitment:
    """A miner's submission as committed before the deadline."""

    window: WindowId
    miner: Address
    root: Digest
    blob_digest: Digest
    n_groups: int
    checkpoint_version: CheckpointVersion


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReveal:
    """A validator's revealed score sheet: root and sum of its tree, the digest of the sheet's bytes, its stake."""

    window: WindowId
    validator: Address
    root: Digest
    total: int
    sheet_digest: Digest
    stake: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a window is to pay, as the ScoreBoard is told. Bit i of `counted`: the i-th reveal's sheet counts."""

    score_root: Digest
    score_sum: int
    payout_root: Digest
    payout_sum: int
    payout_size: int
    counted: int
    table: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """A window's proposed settlement. `deadline` is of the pause switch's clock; amounts in wei."""

    window: WindowId
    state: ProposalState
    digest: Digest
    emission: Wei
    bond: Wei
    proposer: Address
    objector: Address
    deadline: int
    round: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A numeric fault before the jury. Deadlines are of the pause switch's clock; weights are seats, on appeal wei.

    While RULED, `commit_end` is the end of the time to appeal.
    """

    number: int
    window: WindowId
    accused: Address
    accuser: Address
    kind: FaultKind
    state: CaseState
    ruling: Ballot
    evidence: Digest
    draw_block: int
    commit_end: int
    reveal_end: int
    guilty: int
    innocent: int

    @property
    def round(self) -> int:
        """1, or 2 on appeal."""
        return 2 if self.state is CaseState.APPEALED else 1
