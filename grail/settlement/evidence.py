"""What one leaf follows from, for whoever has to be shown [C]: commitments and sheets, as SettlementJudge.sol asks."""

from grail.protocol.records import Commitment
from grail.settlement.leaves import page_count
from grail.settlement.reckoning import Reckoning


def evidence_of(found: Reckoning, index: int) -> tuple[list[Commitment], list[bytes]]:
    """(commitments, sheets) of leaf `index`. A seat holder that revealed no sheet is shown with an empty one."""
    if index < len(found.commitments):
        entry = found.commitments[index]
        past = [before.commitment for before in found.records[entry.miner].past if before.commitment]
        shown = [entry] if entry.miner in found.convicted else [entry, *past]
        return shown, [found.sheets.get(holder, b"") for holder in found.holders(index)]
    place, page = divmod(index - len(found.commitments), page_count(len(found.commitments)))
    holder = found.committee.line[place].holder
    sheet = found.sheets.get(holder)
    if sheet is None or not found.committee.line[place].stake:
        return [], [b""]
    return [found.commitments[number] for number in found.in_page(page, holder)], [sheet]
