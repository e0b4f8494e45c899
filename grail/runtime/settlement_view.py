"""What a window pays, recomputed from the chain and the revealed score sheets. Every role can check every payout."""

from collections.abc import Sequence
from dataclasses import dataclass

from grail.errors import BadInput, StorageError
from grail.protocol.records import ScoreReveal
from grail.protocol.units import WindowId
from grail.runtime.node import Node
from grail.settlement.consensus import Consensus, consensus
from grail.settlement.payouts import Settlement, settle
from grail.settlement.scores import MAX_SHEET_BYTES, ScoreSheet, decode_sheet


@dataclass(frozen=True, slots=True)
class SettlementView:
    """The consensus of a window, the settlement that follows, and the reveals whose sheets could not be used."""

    outcome: Consensus
    settlement: Settlement
    unusable: tuple[ScoreReveal, ...]


def view_settlement(node: Node, window: WindowId) -> SettlementView:
    """Fetch the revealed sheets, check them against their roots, and compute.

    A sheet that is missing, malformed or does not give its root counts as not revealed.
    """
    reveals = node.subnet.reveals(window)
    sheets, unusable = [], []
    for reveal in reveals:
        sheet = _sheet(node, reveal)
        if sheet is None:
            unusable.append(reveal)
        else:
            sheets.append(sheet)
    policy = node.subnet.policy(window)
    outcome = consensus(sheets, _stakes(reveals), policy.kappa_bps)
    record = node.subnet.active_checkpoint(window)
    trainer = record.publisher if record is not None else None
    settlement = settle(window, outcome, policy, trainer, node.subnet.book.treasury)
    return SettlementView(outcome, settlement, tuple(unusable))


def _stakes(reveals: Sequence[ScoreReveal]) -> dict:
    return {reveal.validator: reveal.stake for reveal in reveals}


def _sheet(node: Node, reveal: ScoreReveal) -> ScoreSheet | None:
    try:
        blob = node.store.get(reveal.sheet_digest, MAX_SHEET_BYTES)
        sheet = decode_sheet(blob, reveal.window, reveal.validator)
    except (StorageError, BadInput) as error:
        node.log.warning("unusable score sheet", validator=reveal.validator.hex(), reason=str(error))
        return None
    return sheet if sheet.root == reveal.root else None
