"""What a window pays, recomputed from the chain and the revealed score sheets. Every role can check every payout."""

from collections.abc import Sequence
from dataclasses import dataclass

from grail.errors import BadInput, StorageError
from grail.protocol.hashing import keccak256
from grail.protocol.records import ScoreReveal, Terms
from grail.protocol.units import WindowId
from grail.runtime.node import Node
from grail.settlement.consensus import Consensus, consensus
from grail.settlement.payouts import MAX_TABLE_BYTES, Settlement, decode_table, settle
from grail.settlement.scores import MAX_SHEET_BYTES, ScoreSheet, decode_sheet


@dataclass(frozen=True, slots=True)
class SettlementView:
    """The consensus of a window and what follows. `sheets` is parallel to `reveals`; None where one was unusable."""

    reveals: tuple[ScoreReveal, ...]
    sheets: tuple[ScoreSheet | None, ...]
    outcome: Consensus
    settlement: Settlement

    @property
    def terms(self) -> Terms:
        """What the ScoreBoard is told."""
        scores, payouts = self.settlement.score_tree, self.settlement.tree
        return Terms(
            score_root=scores.root,
            score_sum=scores.total,
            payout_root=payouts.root,
            payout_sum=payouts.total,
            payout_size=len(payouts.keys),
            counted=sum(1 << place for place, sheet in enumerate(self.sheets) if sheet is not None),
            table=keccak256(self.settlement.table()),
        )


def view_settlement(node: Node, window: WindowId) -> SettlementView:
    """Fetch the revealed sheets, check them against their roots, and compute.

    A sheet that is missing, malformed or does not give its root is not counted.
    """
    reveals = node.subnet.reveals(window)
    sheets = [_sheet(node, reveal) for reveal in reveals]
    return view_of(node, window, reveals, sheets)


def view_of(
    node: Node, window: WindowId, reveals: Sequence[ScoreReveal], sheets: Sequence[ScoreSheet | None]
) -> SettlementView:
    """What follows when exactly these sheets are counted."""
    policy = node.subnet.policy(window)
    stakes = {reveal.validator: reveal.stake for reveal in reveals}
    outcome = consensus([sheet for sheet in sheets if sheet is not None], stakes, policy.kappa_bps)
    record = node.subnet.active_checkpoint(window)
    trainer = record.publisher if record is not None else None
    emission, treasury = node.subnet.emission(window), node.subnet.book.treasury
    settlement = settle(window, outcome, policy, emission, trainer, treasury)
    return SettlementView(tuple(reveals), tuple(sheets), outcome, settlement)


def published_settlement(node: Node, window: WindowId, terms: Terms) -> Settlement | None:
    """The proposer's own table, when it is there and gives the roots that were proposed."""
    try:
        table = decode_table(node.store.get(terms.table, MAX_TABLE_BYTES), window)
    except (StorageError, BadInput) as error:
        node.log.warning("unusable settlement table", window=window, reason=str(error))
        return None
    same = (table.tree.root, table.score_tree.root) == (terms.payout_root, terms.score_root)
    return table if same else None


def _sheet(node: Node, reveal: ScoreReveal) -> ScoreSheet | None:
    try:
        blob = node.store.get(reveal.sheet_digest, MAX_SHEET_BYTES)
        sheet = decode_sheet(blob, reveal.window, reveal.validator)
    except (StorageError, BadInput) as error:
        node.log.warning("unusable score sheet", validator=reveal.validator.hex(), reason=str(error))
        return None
    return sheet if (sheet.root, sheet.tree.total) == (reveal.root, reveal.total) else None
