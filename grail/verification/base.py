"""Check protocol, Finding, Verdict and what an audit knows (AuditContext)."""

from dataclasses import dataclass, field
from enum import Enum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grail.checkpoints.files import Checkpoint
from grail.environments.dialogue import Played
from grail.environments.mandates import BeaconMandates
from grail.governance.policy import Policy
from grail.inference.base import ReplayTrace
from grail.inference.text import TextCodec
from grail.proofs.sketch import SketchPlan
from grail.protocol.codec import BlobLimits
from grail.protocol.records import Commitment, FaultKind
from grail.protocol.submission import Submission
from grail.verification.evidence import Carried


class Outcome(Enum):
    """What an audit says. ABSTAIN is our own trouble: never accepted, never guilt."""

    ACCEPT = "accept"
    REJECT = "reject"
    FAULT = "fault"
    ABSTAIN = "abstain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What one check found. `outcome` is ACCEPT where the check holds; `place` is the (group, index) that broke it."""

    check: str
    outcome: Outcome
    reason: str
    fault: FaultKind | None = None
    place: tuple[int, int] | None = None
    log10_evidence: float = 0.0
    lasting: bool = False
    """The window alone would not have been enough."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """An audit's result. `rollouts` were opened, `further` of them on suspicion, beyond what was dealt; `tokens` were
    read till the verdict; `n_tokens` is all there are.

    `proof`: of an accept, for each dealt place what only a replay knows, float16 (rows, m).
    `added`: what the dealt places add to the evidence, read alone; `unseen`: the same without what other seats' places
    of the window had shown before, where that was given. Empty where nothing was replayed.
    """

    outcome: Outcome
    finding: Finding
    rollouts: int = 0
    further: int = 0
    tokens: int = 0
    n_tokens: int = 0
    added: Carried = field(default_factory=dict)
    unseen: Carried = field(default_factory=dict)
    proof: tuple[NDArray[np.float16], ...] = ()

    def __bool__(self) -> bool:
        raise TypeError("a Verdict is accept, reject, fault or abstain: compare its outcome")


@dataclass(slots=True, kw_only=True)
class AuditContext:
    """Everything an audit knows. Checks read it; replay fills `traces` for the opened places."""

    commitment: Commitment
    policy: Policy
    checkpoint: Checkpoint
    codec: TextCodec
    mandates: BeaconMandates
    plan: SketchPlan
    limits: BlobLimits
    blob: bytes
    submission: Submission | None = None
    opened: list[tuple[int, int]] = field(default_factory=list)
    traces: dict[tuple[int, int], ReplayTrace] = field(default_factory=dict)
    plays: dict[tuple[int, int], Played] = field(default_factory=dict)
    """Dialogues of several turns, as they follow from the ids."""
    votes: dict[tuple[int, int], dict[str, NDArray[np.float64]]] = field(default_factory=dict)

    @property
    def work(self) -> Submission:
        """The decoded submission; the structure check sets it before any other check runs."""
        assert self.submission is not None
        return self.submission


class Check(Protocol):
    """One reason why a submission may be refused. Raises only for our own trouble."""

    @property
    def name(self) -> str:
        """As it stands in verdicts and reports."""
        ...

    def run(self, context: AuditContext) -> Finding:
        """Judge. The finding's outcome is ACCEPT when the check holds."""
        ...
