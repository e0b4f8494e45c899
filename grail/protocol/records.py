"""What the chain stores, as typed records [C]. The contracts are the source; these are their readings."""

from dataclasses import dataclass
from enum import IntEnum

from grail.protocol.units import Address, BlockNumber, CheckpointVersion, Digest, Wei, WindowId


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
    WITHHELD, and for the audits of validators."""

    DERIVATION = 1
    DUPLICATE = 2
    REPLAY = 3
    REWARD = 4
    STRUCTURE = 5
    EQUIVOCATION = 6
    WITHHELD = 7
    AUDIT = 8
    HIDDEN_AUDIT = 9


AUDITS = (FaultKind.AUDIT, FaultKind.HIDDEN_AUDIT)
"""A validator's faults: an audit that was not made or whose verdict is refuted, one that is not shown."""


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


@dataclass(frozen=True, slots=True)
class AlphaReading:
    """What the contract has read of the alpha of a validator's `hotkey` (32 bytes, zeros for none): amounts in 1e-18
    alpha, `least` the smallest in the window of block `read_at`, which is 0 where it has read nothing."""

    hotkey: bytes
    counted: int
    least: int
    read_at: BlockNumber


@dataclass(frozen=True, slots=True)
class Rest:
    """A validator's planned pause. `window`: in which it can leave the set; `taken`: it has."""

    window: WindowId
    announced: bool
    taken: bool


@dataclass(frozen=True, slots=True)
class Succession:
    """The token of the network before, which is exchanged for this one's. Amounts in wei: most that can ever be, what
    was, and what there still is."""

    token: Address
    limit: Wei
    exchanged: Wei
    supply: Wei

    @property
    def is_open(self) -> bool:
        """Can more be exchanged? Not where more was minted there than `limit`."""
        return self.supply + self.exchanged <= self.limit


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
    """A miner's submission as committed before the deadline.

    `worth`: tokens times what their environments earn, in thousandths; `root` is a sum tree that ends in it.
    """

    window: WindowId
    miner: Address
    root: Digest
    blob_digest: Digest
    n_groups: int
    checkpoint_version: CheckpointVersion
    worth: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ScoreReveal:
    """A validator's revealed sheet, and the digest of its report in the object store."""

    window: WindowId
    validator: Address
    entries: bytes
    report: Digest


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What a window is to pay: the root of its leaves, and the sums that they end in (thousandths of a token).

    whole: worth of all submissions but those convicted in time. due: worth that is paid at once. earned: worth that
    validators' seats have judged.
    """

    root: Digest
    whole: int
    due: int
    earned: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposal:
    """One statement of what a window pays. `duels`: how many are open."""

    number: int
    digest: Digest
    proposer: Address
    duels: int
    standing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Round:
    """All statements for one window. `deadline`: of the pause switch's clock; 0 while there is none. Amounts in wei."""

    window: WindowId
    emission: Wei
    bond: Wei
    deadline: int
    closed: bool
    proposals: tuple[Proposal, ...]

    @property
    def standing(self) -> tuple[Proposal, ...]:
        """Those that have not fallen."""
        return tuple(proposal for proposal in self.proposals if proposal.standing)


@dataclass(frozen=True, slots=True, kw_only=True)
class Duel:
    """Two statements (`ids`) and the nodes in which they differ, `depth` levels above the leaves."""

    number: int
    window: WindowId
    ids: tuple[int, int]
    nodes: tuple[Digest, Digest]
    index: int
    depth: int
    deadline: int
    named: tuple[bool, bool]
    ended: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """A numeric fault before the jury, or (`contest`) a plea against the accuser's rejection.

    Deadlines are of the pause switch's clock; weights are seats, on appeal wei. While RULED, `commit_end` is the end of
    the time to appeal.
    """

    number: int
    contest: bool
    window: WindowId
    accused: Address
    accuser: Address
    kind: FaultKind | None
    state: CaseState
    ruling: Ballot
    evidence: Digest
    draw_block: int
    commit_end: int
    reveal_end: int
    guilty: int
    innocent: int

    @property
    def miner(self) -> Address:
        """Whose work it is about: the accused's own, or, where an audit is accused, that which it accepted."""
        return self.evidence[-20:] if self.kind in AUDITS else self.accused

    @property
    def round(self) -> int:
        """1, or 2 on appeal."""
        return 2 if self.state is CaseState.APPEALED else 1
