"""Bring faults to court: proofs on chain, accusations before the jury."""

import json

from grail.errors import BadSubmission, Reverted
from grail.protocol.records import Commitment, FaultKind
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, Digest, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.retention import evidence_epoch
from grail.runtime.submissions import fetch_submission
from grail.settlement.sheets import WITHHELD
from grail.storage.tables import VerdictRow
from grail.verification.base import Outcome
from validator.duties.auditing import NOT_THERE
from validator.duties.court import NOTHING_TO_DO, keep_public, must_wait

JURY_KINDS = (FaultKind.REPLAY, FaultKind.REWARD, FaultKind.STRUCTURE, FaultKind.WITHHELD)


class Accuse:
    """Turns this validator's FAULT verdicts, and blobs that nobody can fetch, into proofs or accusations."""

    name = "accuse"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """Once the window can be audited."""
        return block > schedule.challenge_block(window)

    def run(self, window: WindowId) -> Note | None:
        """Prove at once what the contract can see: whose fault is proven before the reveals end has no part in the pay.
        Accuse of the rest after the reveals, so that no accusation tells others what to say.

        Not done while somebody else's accusation of the same submission is open.
        """
        node = self._node
        revealed = node.subnet.chain.head().number >= node.subnet.schedule.reveal_deadline(window)
        if node.journal.note(node.name, "audit", window) is None:
            return {} if revealed else None
        rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
        waiting = 0
        for row in rows:
            commitment = node.subnet.commitment(window, bytes.fromhex(row.miner[2:]))
            if commitment is None:
                continue
            try:
                if row.outcome == Outcome.FAULT.value or row.check == WITHHELD:
                    waiting += not self._accuse(commitment, row, revealed)
            except Reverted as error:
                if error.error_name not in NOTHING_TO_DO:
                    raise
        return {} if revealed and not waiting else None

    def _accuse(self, entry: Commitment, row: VerdictRow, revealed: bool) -> bool:
        """Done, or to be tried again: after the reveals, or when another's open case has ended without a conviction."""
        subnet, signer = self._node.subnet, self._node.signer
        kind = FaultKind.WITHHELD if row.check == WITHHELD else FaultKind(row.fault)
        if subnet.is_convicted(entry.window, entry.miner):
            return True
        if kind not in JURY_KINDS:
            self._prove(entry, row)
            return True
        if subnet.has_accused(entry.window, entry.miner, self._node.address):
            return True
        if not revealed or must_wait(self._node, entry.window, entry.miner):
            return False
        if kind is FaultKind.WITHHELD and self._is_there_now(entry):
            return True
        if kind is not FaultKind.WITHHELD:
            keep_public(self._node, self._epoch_so_far(entry))
        subnet.accuse(signer, entry, kind, self._evidence(row))
        return True

    def _epoch_so_far(self, entry: Commitment) -> list[Digest]:
        """The work of a miner's window and of its epoch before."""
        windows = range(evidence_epoch(entry.window), entry.window + 1)
        entries = [self._node.subnet.commitment(WindowId(number), entry.miner) for number in windows]
        return [earlier.blob_digest for earlier in entries if earlier is not None]

    def _prove(self, entry: Commitment, row: VerdictRow) -> None:
        """A leaf that is not as mandated, or, where the verdict names no place, a root with another worth."""
        subnet, signer = self._node.subnet, self._node.signer
        submission = fetch_submission(self._node, entry)
        if row.place:
            subnet.prove_derivation(signer, entry, submission.opening(row.place[0], row.place[1]))
        else:
            subnet.prove_wrong_root(signer, entry, submission.tree)

    def _is_there_now(self, entry: Commitment) -> bool:
        """Can a blob be had by now that could not be? Jurors would find it, and the accuser lose its bond."""
        try:
            fetch_submission(self._node, entry)
        except BadSubmission:
            return True
        except NOT_THERE:
            return False
        return True

    def _evidence(self, row: VerdictRow) -> bytes:
        """A small JSON object in the store: what was found, so that everybody can read why somebody was accused."""
        body = {
            "window": row.window,
            "miner": row.miner,
            "validator": row.validator,
            "check": row.check,
            "reason": row.reason,
            "place": row.place,
            "log10_evidence": round(row.log10_evidence, 3),
        }
        return self._node.published.put(json.dumps(body, sort_keys=True).encode())
