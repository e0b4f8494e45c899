"""Audit the submissions in which this validator has seats; verdicts into the journal."""

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor

from grail.protocol.records import Commitment
from grail.protocol.schedule import Schedule
from grail.protocol.units import Address, BlockNumber, Digest, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.reckon import committee_of
from grail.settlement.sheets import WITHHELD
from grail.storage.tables import VerdictRow
from grail.verification.base import Outcome, Verdict
from validator.duties.lasting import Handed, judge_lasting
from validator.duties.reports import keep_proof


class Audit:
    """Opens what is dealt to its seats. An abstention is retried while the sheets are still open; a blob that could not
    be fetched, for the first half of that time: a relay may be starting anew, and who withholds must not delay sheets.
    """

    name = "audit"
    reads_only = True

    def __init__(self, node: Node) -> None:
        self._node = node
        self._handed = Handed(node)

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """From the challenge to the last block that takes scores."""
        return schedule.challenge_block(window) < block < schedule.score_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Judge all; the note maps miners to outcomes."""
        node = self._node
        challenge = node.subnet.challenge(window)
        if challenge is None:
            return None
        if not node.takes_work(window):
            return {"verdicts": {}}
        settled = {row.miner for row in node.journal.verdicts(window) if self._is_mine_and_final(row)}
        committee = committee_of(node.subnet, window)
        if committee is None:
            return None
        seated = [c for i, c in enumerate(node.subnet.commitments(window)) if committee.seats_of(i, node.address)]
        waiting = [c for c in seated if "0x" + c.miner.hex() not in settled]
        for miner, verdict in self._judge_all(window, waiting, challenge):
            self._keep(window, miner, verdict)
        rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
        backlog = [row.miner for row in rows if not self._is_mine_and_final(row) and self._time_is_left(window, row)]
        if backlog:
            node.log.warning("audit backlog", neuron=node.name, window=window, miners=backlog)
            return None
        return {"verdicts": {row.miner: row.outcome for row in rows}}

    def _judge_all(
        self, window: WindowId, waiting: Sequence[Commitment], challenge: Digest
    ) -> Iterator[tuple[Address, Verdict]]:
        """Each verdict as soon as it is there, in the order of the commitments; several audits at a time where replays
        go to a cluster.
        """
        node = self._node
        if not waiting:
            return
        for commitment in waiting:
            node.subnet.require_stored(commitment)
        self._handed.go_on(window)

        def work(commitment: Commitment) -> tuple[Address, Verdict]:
            return commitment.miner, self.judge(commitment, challenge)

        if node.engines.parallel == 1:
            yield from map(work, waiting)
            return
        with ThreadPoolExecutor(node.engines.parallel, thread_name_prefix="audit") as pool:
            yield work(waiting[0])  # alone: it fetches and loads the checkpoint
            yield from pool.map(work, waiting[1:])

    def judge(self, commitment: Commitment, challenge: Digest) -> Verdict:
        """What this validator finds; from several threads where replays go to a cluster."""
        return judge_lasting(self._node, commitment, challenge, self._handed)

    def _keep(self, window: WindowId, miner: Address, verdict: Verdict) -> None:
        """Store a verdict, and what shows its replay; `tokens` is what was read till it was clear."""
        finding = verdict.finding
        keep_proof(self._node, window, miner, verdict)
        self._node.journal.add_verdict(
            validator=self._node.signer.name,
            window=window,
            miner="0x" + miner.hex(),
            outcome=verdict.outcome.value,
            check=finding.check,
            reason=finding.reason,
            log10_evidence=finding.log10_evidence,
            rollouts=verdict.rollouts,
            tokens=verdict.tokens,
            fault=int(finding.fault or 0),
            place=list(finding.place or ()),
            added={name: list(wealth) for name, wealth in verdict.added.items()},
        )

    def _is_mine_and_final(self, row: VerdictRow) -> bool:
        return row.validator == self._node.signer.name and row.outcome != Outcome.ABSTAIN.value and not _unread(row)

    def _time_is_left(self, window: WindowId, row: VerdictRow) -> bool:
        """Is there a later block at which a retry would still count?"""
        head, schedule = self._node.subnet.chain.head().number, self._node.subnet.schedule
        first, last = schedule.challenge_block(window), schedule.score_deadline(window)
        return head + 2 < ((first + last) // 2 if _unread(row) else last)


def _unread(row: VerdictRow) -> bool:
    return row.check == WITHHELD
