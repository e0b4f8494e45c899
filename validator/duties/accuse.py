"""Bring faults to court: proofs on chain, accusations before the jury."""

import json

from grail.errors import BadSubmission, ObjectCorrupt, ObjectMissing, ObjectTooLarge, Reverted, StorageError
from grail.protocol.constants import MAX_BLOB_BYTES
from grail.protocol.records import CaseState, Commitment, FaultKind
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.retention import evidence_epoch
from grail.runtime.submissions import fetch_submission
from grail.storage.tables import VerdictRow
from grail.verification.base import Outcome
from validator.duties.auditing import WITHHELD

NOTHING_TO_DO = ("AlreadyAccused", "AlreadyConvicted", "TooLate", "Paused")
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

        Not done while somebody else's accusation of the same submission is open. But whoever accuses, loses and appeals
        may hold a case open until it is too late for others: so none is waited for in the last quarter of the horizon.
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
        mine = (entry.window, entry.miner, False)
        cases = [c for c in subnet.cases() if (c.window, c.accused, c.contest) == mine]
        if not revealed or (not self._late(entry.window) and any(c.state is not CaseState.CLOSED for c in cases)):
            return False
        if kind is FaultKind.WITHHELD and self._is_there_now(entry):
            return True
        if kind is not FaultKind.WITHHELD:
            self._keep_public(entry)
        subnet.accuse(signer, entry, kind, self._evidence(row))
        return True

    def _keep_public(self, entry: Commitment) -> None:
        """Where others can read it, whatever the accused does now: the work of the window and of its epoch so far. What
        was read lies in the own store, so without relays it is there already.
        """
        node = self._node
        if not node.relays:
            return
        for number in range(evidence_epoch(entry.window), entry.window + 1):
            earlier = node.subnet.commitment(WindowId(number), entry.miner)
            if earlier is None or not node.store.exists(earlier.blob_digest):
                continue
            try:
                node.published.put(node.store.get(earlier.blob_digest, MAX_BLOB_BYTES))
            except StorageError as error:
                node.log.warning("evidence is not public", miner=entry.miner.hex(), window=number, reason=str(error))

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
        except (ObjectMissing, ObjectTooLarge, ObjectCorrupt):
            return False
        return True

    def _late(self, window: WindowId) -> bool:
        """Is this the last quarter of the time in which a window can be accused? Pauses only make it longer."""
        subnet = self._node.subnet
        horizon = subnet.policy(window).accusation_horizon_blocks
        return subnet.chain.head().number > subnet.schedule.start(WindowId(window + 1)) + 3 * horizon // 4

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
