"""Find the one miner whose column shows that a proposed settlement is wrong, and prove it."""

from typing import Any

from grail.protocol.constants import BPS
from grail.protocol.records import Terms
from grail.protocol.units import WindowId
from grail.runtime.node import Node
from grail.runtime.settlement_view import SettlementView, published_settlement, view_of
from grail.settlement.payouts import Share, payout_key
from grail.settlement.scores import key_of


def refutation(node: Node, window: WindowId, terms: Terms, view: SettlementView) -> dict[str, Any] | None:
    """Arguments of `Subnet.refute`; None when no single miner's column is wrong, or the table is withheld.

    The proposer's own choice of counted sheets is taken as it is: whether a sheet could be read is for votes to say.
    """
    claimed = published_settlement(node, window, terms)
    sheets = [sheet if terms.counted >> place & 1 else None for place, sheet in enumerate(view.sheets)]
    unreadable = any(terms.counted >> place & 1 and sheet is None for place, sheet in enumerate(view.sheets))
    if claimed is None or unreadable:
        return None
    right = view_of(node, window, view.reveals, sheets).outcome.scores
    budget = node.subnet.emission(window) * node.subnet.policy(window).split_miners_bps // BPS
    paid = {account for share, account in claimed.amounts if share is Share.MINER}
    for miner in sorted(set(right) | set(claimed.scores) | paid):
        score, amount = claimed.scores.get(miner, 0), claimed.amounts.get((Share.MINER, miner), 0)
        due = budget * score // terms.score_sum if terms.score_sum else 0
        if score != right.get(miner, 0) or amount != due:
            key = key_of(miner)
            return {
                "miner": miner,
                "settled": claimed.score_tree.lookup(key),
                "payout": claimed.tree.lookup(payout_key(Share.MINER, miner)),
                "sheets": [sheet.tree.lookup(key) for sheet in sheets if sheet is not None],
            }
    return None
