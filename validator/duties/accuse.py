"""Bring faults to court: proofs on chain, accusations before the jury."""

import json

from grail.errors import Reverted
from grail.protocol.merkle import verify
from grail.protocol.records import CaseState, Commitment, FaultKind
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.storage.tables import VerdictRow
from grail.verification.base import Outcome
from validator.duties.openings import open_leaf

NOTHING_TO_DO = ("AlreadyAccused", "AlreadyConvicted", "TooLate", "Paused")
JURY_KINDS = (FaultKind.REPLAY, FaultKind.REWARD, FaultKind.STRUCTURE, FaultKind.WITHHELD)
WITHHELD = "availability"


class Accuse:
    """Turns this validator's FAULT verdicts, and blobs that nobody can fetch, into proofs or accusations."""

    name = "accuse"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """After the reveals, so that no accusation tells others what to score."""
        return block >= schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Accuse every faulty miner; not done while somebody else's accusation of the same submission is open.

        But whoever accuses, loses and appeals may hold a case open until it is too late for others: so in the last
        quarter of the horizon nobody is waited for.
        """
        node = self._node
        if node.journal.note(node.name, "audit", window) is None:
            return {}
        rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
        waiting = 0
        for row in rows:
            commitment = node.subnet.commitment(window, bytes.fromhex(row.miner[2:]))
            if commitment is None:
                continue
            try:
                if row.outcome == Outcome.FAULT.value or row.check == WITHHELD:
                    waiting += not self._accuse(commitment, row)
            except Reverted as error:
                if error.error_name not in NOTHING_TO_DO:
                    raise
        return None if waiting else {}

    def _accuse(self, entry: Commitment, row: VerdictRow) -> bool:
        """Done, or to be tried again when the open case of another accuser has ended without a conviction."""
        subnet, signer = self._node.subnet, self._node.signer
        kind = FaultKind.WITHHELD if row.check == WITHHELD else FaultKind(row.fault)
        if subnet.is_convicted(entry.window, entry.miner):
            return True
        if kind not in JURY_KINDS:
            leaf, path, root = open_leaf(self._node, entry, (row.place[0], row.place[1]))
            assert verify(root, leaf.digest(), path)
            subnet.prove_derivation(signer, entry, leaf, path)
            return True
        if subnet.has_accused(entry.window, entry.miner, self._node.address):
            return True
        mine = (entry.window, entry.miner)
        if not self._late(entry.window) and any(
            (c.window, c.accused) == mine and c.state is not CaseState.CLOSED for c in subnet.cases()
        ):
            return False
        subnet.accuse(signer, entry, kind, self._evidence(row))
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
        return self._node.store.put(json.dumps(body, sort_keys=True).encode())
