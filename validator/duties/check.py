"""Check some of the audits that others have made, and accuse of the false ones.

Which ones is this validator's secret, so that nobody can know, ask or pay who will check it. Nobody pays for checks
either, so there is nothing to be lazy for: what a false audit costs its maker pays whoever finds it.
"""

from collections.abc import Iterator

from grail.errors import Reverted
from grail.protocol.draws import Draws
from grail.protocol.hashing import keccak256
from grail.protocol.records import Commitment, FaultKind
from grail.protocol.schedule import Schedule
from grail.protocol.units import Address, BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.reckon import committee_of, reckon
from grail.settlement.sheets import WITHHELD, Entry
from grail.verification.base import Outcome, Verdict
from validator.duties.auditing import NOT_THERE
from validator.duties.checking import judge_audit, reveal_of
from validator.duties.court import NOTHING_TO_DO, keep_public, must_wait, quarters_passed
from validator.duties.lasting import ACCUSER_DECADES
from validator.duties.reports import report_named_by

ONE_IN = 16
"""Of as many seats as it holds itself a validator checks one in so many of others', and at least one a window: some six
per cent of what its audits cost."""

PATIENCE = 2
"""Quarters of the time for accusations that a validator has to show what could not be read at once: an honest one's
server may be down, and nothing is lost by waiting. It is asked twice, not at every tick: it may be slow on purpose.
"""

Audited = tuple[Commitment, Address]
"""A submission, and who holds a seat in it."""
AuditKey = tuple[WindowId, Address, Address]
"""A window, an auditor, and the miner whose work it accepted."""


class CheckAudits:
    """Reads the work in time, checks when the sheets are shown."""

    name = "check-audits"

    def __init__(self, node: Node) -> None:
        self._node = node
        self._fetched: set[WindowId] = set()
        self._found: dict[AuditKey, Verdict] = {}
        self._hidden: set[AuditKey] = set()

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the challenge on."""
        return block > schedule.challenge_block(window)

    def run(self, window: WindowId) -> Note | None:
        """The note says by validator what came of each check."""
        node = self._node
        if not node.takes_work(window) or committee_of(node.subnet, window) is None:
            return None if node.subnet.challenge(window) is None else {}
        head = node.subnet.chain.head().number
        if head <= node.subnet.schedule.reveal_deadline(window):
            self._fetch(window)
            return None
        found = [(auditor, self._check(entry, auditor)) for entry, auditor in self._targets(window)]
        if any(outcome is None for _, outcome in found):
            return None
        self._found = {key: verdict for key, verdict in self._found.items() if key[0] != window}
        self._hidden = {key for key in self._hidden if key[0] != window}
        checked: dict[str, list[str | None]] = {}
        for auditor, outcome in found:
            checked.setdefault("0x" + auditor.hex(), []).append(outcome)
        return {"checked": checked}

    def _drawn(self, window: WindowId) -> Iterator[Audited]:
        """Seats of others, in a secret order, as many as are to be checked."""
        node, committee = self._node, committee_of(self._node.subnet, window)
        if committee is None:
            return
        commitments = node.subnet.commitments(window)
        pairs = [(entry, holder) for i, entry in enumerate(commitments) for holder in committee.holders(i)]
        others = [pair for pair in pairs if pair[1] != node.address]
        own = len(pairs) - len(others)
        chain, ledger = node.subnet.chain.chain_id, node.subnet.ledger_address.hex()
        text = f"grail checks of audits, chain {chain}, ledger 0x{ledger}, window {window}"
        order = Draws(keccak256(node.signer.secret(text))).permutation(len(others)) if others else []
        for place in order[: max(1, -(-own // ONE_IN))]:
            yield others[place]

    def _targets(self, window: WindowId) -> list[Audited]:
        """What was drawn, and every accept of what this validator found to be a fault. Of one auditor's work all: what
        one of its accepts does not show, another may.
        """
        node, found = self._node, reckon(self._node.subnet, window)
        if found is None:
            return []
        faults = {row.miner for row in node.journal.verdicts(window) if self._is_my_fault(row)}
        suspects = [
            (entry, holder)
            for index, entry in enumerate(found.commitments)
            for holder in found.holders(index)
            if "0x" + entry.miner.hex() in faults
        ]
        index_of = {entry: index for index, entry in enumerate(found.commitments)}
        return [
            (entry, holder)
            for entry, holder in dict.fromkeys([*suspects, *self._drawn(window)])
            if holder != node.address and Entry.ACCEPT in found.said(index_of[entry], holder)
        ]

    def _is_my_fault(self, row) -> bool:  # type: ignore[no-untyped-def]
        return row.validator == self._node.signer.name and row.outcome == Outcome.FAULT.value

    def _fetch(self, window: WindowId) -> None:
        """The drawn work into the own store, while its miner must still deliver it."""
        node = self._node
        if window in self._fetched:
            return
        for entry, _ in self._drawn(window):
            checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(entry.checkpoint_version))
            limits = node.blob_limits(window, checkpoint, entry.n_groups)
            try:
                node.objects_of(entry.miner).get(entry.blob_digest, limits.max_bytes())
            except NOT_THERE as missing:
                node.log.info("nothing to check", miner=entry.miner.hex(), window=window, reason=str(missing))
        self._fetched.add(window)

    def _check(self, entry: Commitment, auditor: Address) -> str | None:
        """One audit: what it was found to be, once nothing is left to do about it; None: try again."""
        node, window = self._node, entry.window
        if node.subnet.is_convicted(window, auditor) or node.subnet.has_accused(window, auditor, node.address):
            return Outcome.FAULT.value
        key, patient = (window, auditor, entry.miner), quarters_passed(node, window) < PATIENCE
        if must_wait(node, window, auditor) or (key in self._hidden and patient):
            return None
        if key not in self._found:
            self._found[key] = judge_audit(node, entry, auditor, beyond=ACCUSER_DECADES)
        verdict = self._found[key]
        if verdict.outcome in (Outcome.ACCEPT, Outcome.ABSTAIN):
            return verdict.outcome.value
        hidden = verdict.finding.check == WITHHELD
        if hidden and patient:
            self._hidden.add(key)
            del self._found[key]  # it may be shown yet
            return None
        self._accuse(entry, auditor, FaultKind.HIDDEN_AUDIT if hidden else FaultKind.AUDIT, verdict)
        return Outcome.FAULT.value

    def _accuse(self, entry: Commitment, auditor: Address, kind: FaultKind, verdict: Verdict) -> None:
        node, reveal = self._node, reveal_of(self._node, entry.window, auditor)
        if reveal is None:
            return
        if kind is FaultKind.AUDIT:
            report = report_named_by(node, reveal, node.objects_of(auditor))
            proof = None if report is None else report.proof_of(entry.miner)
            keep_public(node, [entry.blob_digest, reveal.report, *([proof] if proof else [])])
        about = {"validator": auditor.hex(), "miner": entry.miner.hex(), "window": entry.window}
        node.log.warning("accuses an audit", **about, reason=verdict.finding.reason)
        try:
            node.subnet.accuse_audit(node.signer, entry, kind, auditor, reveal.entries)
        except Reverted as error:
            if error.error_name not in NOTHING_TO_DO:
                raise
