"""Bring faults to court, and vote on the accusations of others after auditing them oneself."""

import json

from grail.errors import Reverted
from grail.protocol.merkle import verify
from grail.protocol.records import Accusation, FaultKind
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.storage.tables import VerdictRow
from grail.verification.base import Outcome
from validator.duties.auditing import judge_history
from validator.duties.openings import open_leaf

NOTHING_TO_DO = ("AlreadyAccused", "AlreadyConvicted", "AlreadyVoted", "AlreadyResolved", "NotDecided")


class Accuse:
    """Turns this validator's FAULT verdicts into proofs on chain or accusations before the jury."""

    name = "accuse"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """After the reveals, so that no accusation tells others what to score."""
        return block >= schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Accuse every faulty miner that nobody has accused yet."""
        node = self._node
        if node.journal.note(node.name, "audit", window) is None:
            return {}
        rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
        for row in rows:
            if row.outcome == Outcome.FAULT.value:
                self._accuse(window, bytes.fromhex(row.miner[2:]), row)
        return {}

    def _accuse(self, window: WindowId, miner: bytes, row: VerdictRow) -> None:
        subnet, signer = self._node.subnet, self._node.signer
        kind = FaultKind(row.fault)
        try:
            if kind is FaultKind.DERIVATION:
                if not subnet.is_convicted(window, miner):
                    leaf, path, root = open_leaf(self._node, window, miner, (row.place[0], row.place[1]))
                    assert verify(root, leaf.digest(), path)
                    subnet.prove_derivation(signer, window, miner, leaf, path)
            elif not subnet.is_accused(window, miner):
                subnet.accuse(signer, window, miner, kind, self._evidence(window, row))
        except Reverted as error:
            if error.error_name not in NOTHING_TO_DO:
                raise

    def _evidence(self, window: WindowId, row: VerdictRow) -> bytes:
        """A small JSON object in the store: what was found, so that everybody can read why somebody was accused."""
        body = {
            "window": window,
            "miner": row.miner,
            "validator": row.validator,
            "check": row.check,
            "reason": row.reason,
            "place": row.place,
            "log10_evidence": round(row.log10_evidence, 3),
        }
        return self._node.store.put(json.dumps(body, sort_keys=True).encode())


class Vote:
    """A juror: audits the accused submission along the accuser's mandated draws, votes, closes what is decided.

    Not done once a window but at every tick: `run` never returns a note.
    """

    name = "vote"

    def __init__(self, node: Node) -> None:
        self._node = node
        self._closed = 0

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """At any block of the newest window that has begun."""
        return schedule.window_of(block) == window

    def run(self, window: WindowId) -> Note | None:
        """Vote where this juror has not, resolve where a majority has decided."""
        subnet = self._node.subnet
        accusations = subnet.accusations(self._closed)
        for accusation in accusations:
            if not accusation.resolved:
                self._handle(accusation)
        open_ones = [a.number for a in accusations if not a.resolved]
        self._closed = min(open_ones) if open_ones else self._closed + len(accusations)
        return None

    def _handle(self, accusation: Accusation) -> None:
        subnet, signer = self._node.subnet, self._node.signer
        try:
            if not subnet.has_voted(accusation.number, signer.address):
                guilty = self._opinion(accusation)
                if guilty is not None:
                    subnet.vote(signer, accusation.number, guilty)
            if self._decided(accusation.number):
                subnet.resolve(signer, accusation.number)
        except Reverted as error:
            if error.error_name not in NOTHING_TO_DO:
                raise

    def _opinion(self, accusation: Accusation) -> bool | None:
        """Guilty, innocent, or None when this juror cannot tell and so does not vote."""
        node = self._node
        commitment = node.subnet.commitment(accusation.window, accusation.accused)
        challenge = node.subnet.challenge(accusation.window)
        if commitment is None or challenge is None:
            return None
        verdict = judge_history(node, commitment, challenge, accusation.accuser)
        return None if verdict.outcome is Outcome.ABSTAIN else verdict.outcome is Outcome.FAULT

    def _decided(self, number: int) -> bool:
        (now,) = self._node.subnet.accusations(number)[:1]
        total = self._node.subnet.validator_stake()
        over = self._node.subnet.chain.head().number > now.deadline
        return not now.resolved and (2 * now.guilty > total or 2 * now.innocent >= total or over)
