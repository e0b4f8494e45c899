"""Commit, then reveal what the seats say."""

from grail.chain.subnet.statements import scores_of
from grail.protocol.constants import MAX_BLOB_BYTES
from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, Digest, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.reckon import committee_of
from grail.settlement.leaves import page_count
from grail.settlement.sheets import PAGE, Entry, encode_sheet, entry_for
from validator.duties.reports import proofs_of, report_of


def sheet_of(node: Node, window: WindowId) -> bytes | None:
    """This validator's sheet from its journalled audit; None before the audit is done."""
    committee = committee_of(node.subnet, window)
    if committee is None or node.journal.note(node.name, "audit", window) is None:
        return None
    rows = [row for row in node.journal.verdicts(window) if row.validator == node.signer.name]
    proofs = proofs_of(node, window)
    said = {row.miner: entry_for(row.outcome, row.check, shown=row.miner in proofs) for row in rows}
    commitments = node.subnet.commitments(window)
    pages: list[list[Entry]] = [[] for _ in range(page_count(len(commitments)))]
    for index, entry in enumerate(commitments):
        word = said.get("0x" + entry.miner.hex(), Entry.SILENT)
        pages[index // PAGE] += [word] * len(committee.seats_of(index, node.address))
    return encode_sheet(pages)


def salt_of(node: Node, window: WindowId) -> Digest:
    """The window's salt: hash of a deterministic signature, so that nobody else can guess it and no crash loses it."""
    chain, ledger = node.subnet.chain.chain_id, node.subnet.ledger_address.hex()
    return keccak256(node.signer.secret(f"grail score salt, chain {chain}, ledger 0x{ledger}, window {window}"))


def commitment_to(node: Node, window: WindowId, sheet: bytes) -> Digest:
    """What CommitScores sends and RevealScores opens."""
    report = keccak256(report_of(node, window))
    return keccak256(encode_static(window, node.address, keccak256(sheet), report, salt_of(node, window)))


class CommitScores:
    """Publishes the sheet's commitment while scores are open."""

    name = "commit-scores"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """In the score phase; the transaction lands one block later."""
        return schedule.challenge_block(window) <= block < schedule.score_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Commit once the audit is done."""
        node = self._node
        sheet = sheet_of(node, window)
        if sheet is None:
            return None
        subnet, signer = node.subnet, node.signer
        if all(place.holder != node.address for place in subnet.active_line(window)):
            subnet.pass_over(signer, scores_of(window), window)
            return {"seated": False}
        if subnet.score_commitment(window, node.address) is not None:
            if subnet.is_strange(signer, scores_of(window)):
                node.log.error("another machine scores with this key: stop one", neuron=node.name, window=window)
        elif subnet.is_waited_out(signer, window):
            node.log.warning(
                "waits out a window of which it does not know what it signed", neuron=node.name, window=window
            )
            return {"seated": False}
        else:
            subnet.commit_scores(signer, window, commitment_to(node, window, sheet))
        return {"sheet": sheet.hex()}


class RevealScores:
    """Stores report and proofs where others read them, and opens the commitment. Never without them: an accept that
    cannot be shown is a fault, and silence costs the seats' pay alone.
    """

    name = "reveal-scores"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """In the reveal phase; the transaction lands one block later."""
        return schedule.score_deadline(window) <= block < schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Reveal what was committed."""
        node = self._node
        note = node.journal.note(node.name, CommitScores.name, window)
        if note is None or "sheet" not in note:
            return None if note is None else note
        for digest in proofs_of(node, window).values():
            node.published.put(node.store.get(digest, MAX_BLOB_BYTES))
        report = node.published.put(report_of(node, window))
        if all(reveal.validator != node.address for reveal in node.subnet.reveals(window)):
            entries = bytes.fromhex(note["sheet"])
            node.subnet.reveal_scores(node.signer, window, entries, report, salt_of(node, window))
        return {"report": report.hex()}
