"""Commit, then reveal the score sheet."""

from grail.protocol.hashing import encode_static, keccak256
from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, Digest, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.settlement.scores import ScoreSheet


def sheet_of(node: Node, window: WindowId) -> ScoreSheet | None:
    """This validator's sheet from its journalled audit; None before the audit is done."""
    note = node.journal.note(node.name, "audit", window)
    if note is None:
        return None
    scores = {bytes.fromhex(miner[2:]): int(score) for miner, score in note["scores"].items()}
    return ScoreSheet(window, node.address, scores)


def salt_of(node: Node, window: WindowId) -> Digest:
    """The window's salt: hash of a deterministic signature, so that nobody else can guess it and no crash loses it."""
    chain, ledger = node.subnet.chain.chain_id, node.subnet.ledger_address.hex()
    return keccak256(node.signer.secret(f"grail score salt, chain {chain}, ledger 0x{ledger}, window {window}"))


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
        digest = keccak256(sheet.encode())
        if node.subnet.score_commitment(window, node.address) is None:
            words = encode_static(window, node.address, sheet.root, sheet.tree.total, digest, salt_of(node, window))
            node.subnet.commit_scores(node.signer, window, keccak256(words))
        return {"root": sheet.root.hex()}


class RevealScores:
    """Stores the sheet and opens the commitment."""

    name = "reveal-scores"

    def __init__(self, node: Node) -> None:
        self._node = node

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """In the reveal phase; the transaction lands one block later."""
        return schedule.score_deadline(window) <= block < schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Reveal what was committed."""
        node = self._node
        if node.journal.note(node.name, CommitScores.name, window) is None:
            return None
        sheet = sheet_of(node, window)
        if sheet is None:
            return None
        digest = node.store.put(sheet.encode())
        if all(reveal.validator != node.address for reveal in node.subnet.reveals(window)):
            node.subnet.reveal_scores(node.signer, window, sheet.root, sheet.tree.total, digest, salt_of(node, window))
        return {"sheet": digest.hex()}
