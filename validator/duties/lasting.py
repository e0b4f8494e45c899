"""Evidence that belongs to the miner, not to who read it: each committee goes on from what the ones before have read.

Others' word is enough to become suspicious, not for a verdict. Where the window alone is not enough, this validator
reads the earlier windows' places itself; whose word was too large for them is not listened to any more in this epoch.
"""

import math
import threading

from grail.governance.policy import Policy
from grail.protocol.records import Commitment
from grail.protocol.units import Address, Digest, WindowId
from grail.runtime.node import Node
from grail.runtime.retention import EVIDENCE_WINDOWS, evidence_epoch
from grail.verification.base import Verdict
from grail.verification.evidence import Carried, add_up
from validator.duties.auditing import Reading, evidence_before, judge
from validator.duties.reports import claims_of

ACCUSER_DECADES = 1.0
"""Of evidence that an accusation takes besides what convicts: a juror's hardware may read a little less, and the
accuser would lose its bond."""
FURTHER_WINDOWS = EVIDENCE_WINDOWS
"""What suspicion of a miner may cost in an epoch, in windows' dealt places of a seat: as much again as its audits.
Doses of odd claims, or a validator's word about a rival, hold evidence above the bar of suspicion without ever proving
a thing; beyond this, dealt places are read alone, and go on adding up."""
TOO_MUCH = math.log(10)
"""Log wealth, in any bet, that honest readings of the same places differ by at most."""


class Handed:
    """What the seats of an epoch's windows say they have read of each miner, added up."""

    def __init__(self, node: Node) -> None:
        self._node = node
        self._epoch = self._next = WindowId(0)
        self._sums: dict[Address, dict[str, list[float]]] = {}
        self._liars: set[Address] = set()
        self._lock = threading.Lock()
        self.measured: dict[Reading, Verdict] = {}
        """What this validator has read itself."""
        self._further: dict[Address, int] = {}

    def go_on(self, window: WindowId) -> None:
        """Read the reports of the windows before this one that are not read yet, from the first of its epoch on."""
        epoch = evidence_epoch(window)
        if epoch != self._epoch:
            self._liars, self.measured, self._further = set(), {}, {}
        if epoch != self._epoch or window < self._next:
            self._epoch, self._next, self._sums = epoch, epoch, {}
        for number in range(self._next, window):
            for reveal in self._node.subnet.reveals(WindowId(number)):
                if reveal.validator not in self._liars:
                    for miner, claimed in claims_of(self._node, reveal).items():
                        self._sums[miner] = add_up([self._sums.get(miner, {}), claimed])
        self._next = window

    def of(self, miner: Address) -> Carried:
        """The evidence against a miner, as it is said."""
        return self._sums.get(miner, {})

    def further_left(self, miner: Address, policy: Policy) -> int:
        """Rollouts beyond what is dealt that suspicion may have this validator read of a miner in this epoch."""
        return max(0, FURTHER_WINDOWS * policy.audit_rollouts - self._further.get(miner, 0))

    def was_read(self, miner: Address, verdict: Verdict) -> None:
        """Count what suspicion had it read."""
        self._further[miner] = self._further.get(miner, 0) + verdict.further

    def distrust(self, miner: Address) -> None:
        """Find whose word about a miner was too large for what was measured; read all reports again without theirs."""
        with self._lock:
            self._distrust(miner)

    def _distrust(self, miner: Address) -> None:
        window, liars = self._next, set()
        for (whom, number, holder), found in list(self.measured.items()):
            if whom == miner:
                reveals = (r for r in self._node.subnet.reveals(number) if r.validator == holder)
                claims = [claims_of(self._node, reveal).get(miner, {}) for reveal in reveals]
                liars |= {holder for claimed in claims if exceeds(claimed, found.added)}
        if liars - self._liars:
            self._node.log.warning("reports overstate", validators=sorted(liar.hex() for liar in liars))
            self._liars |= liars
            self._next, self._sums = self._epoch, {}
            self.go_on(window)


def exceeds(claimed: Carried, found: Carried) -> bool:
    """Is a claim larger, in any bet of any process, than honest readings of the same places differ by?"""
    return any(
        said - true > TOO_MUCH
        for name, wealth in claimed.items()
        for said, true in zip(wealth, found.get(name, [0.0] * len(wealth)), strict=True)
    )


def judge_lasting(node: Node, commitment: Commitment, challenge: Digest, handed: Handed) -> Verdict:
    """What a seat's holder finds, going on from what others have read of the miner in the epoch's windows before."""
    miner, left = commitment.miner, handed.further_left(commitment.miner, node.subnet.policy(commitment.window))
    verdict = judge(node, commitment, challenge, node.address, handed.of(miner), beyond=ACCUSER_DECADES, further=left)
    handed.was_read(miner, verdict)
    if not verdict.finding.lasting:
        return verdict
    before = evidence_before(node, commitment, handed.measured)
    if isinstance(before, Verdict):
        return before
    handed.distrust(miner)
    return judge(node, commitment, challenge, node.address, before, beyond=ACCUSER_DECADES)
