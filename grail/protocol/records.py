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


class FaultKind(IntEnum):
    """Why a jury convicts; the numbers are FaultCourt.sol's."""

    DERIVATION = 1
    DUPLICATE = 2
    REPLAY = 3
    REWARD = 4
    STRUCTURE = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class NeuronRecord:
    """One registered neuron. `stake` counts active stake, `unbonding` what has been asked back; both in wei."""

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
    """A validator's revealed score sheet: root over its leaves and the digest of the sheet's bytes."""

    window: WindowId
    validator: Address
    root: Digest
    sheet_digest: Digest
    stake: Wei


@dataclass(frozen=True, slots=True, kw_only=True)
class Accusation:
    """A numeric fault before the jury. Stakes that voted are in wei; `deadline` is a block."""

    number: int
    window: WindowId
    accused: Address
    accuser: Address
    kind: FaultKind
    evidence: Digest
    deadline: int
    guilty: Wei
    innocent: Wei
    resolved: bool
    convicted: bool
