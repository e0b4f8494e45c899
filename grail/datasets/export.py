"""From the chain and its objects to a data set: accepted submissions, each rollout with its proof."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from grail.datasets.choose import Candidate, Kind, Rules, choose
from grail.datasets.files import (
    CARD,
    FORMAT,
    PAIRS,
    ROWS,
    RowFile,
    digest_of_file,
    write_manifest,
    write_pairs,
)
from grail.datasets.rows import Row, digest_of, row_of
from grail.errors import BadSubmission, SettingsError, StorageError
from grail.inference.text import TextCodec
from grail.protocol.audit_sample import dealt_order
from grail.protocol.hashing import keccak256
from grail.protocol.merkle import MerkleTree
from grail.protocol.records import Commitment
from grail.protocol.submission import Submission
from grail.protocol.units import WindowId
from grail.runtime.node import Node
from grail.runtime.reckon import reckon
from grail.runtime.submissions import fetch_submission
from grail.settlement.reckoning import Reckoning
from grail.settlement.sheets import Entry

MOST_MISSING = 100
"""Submissions that could not be read, of which the manifest says why."""
Notify = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Exported:
    """How many rows and pairs, their root, and submissions that could not be read: (window, miner, why)."""

    rows: int
    pairs: int
    root: str
    missing: tuple[tuple[int, str, str], ...]


@dataclass
class _Told:
    """What the manifest says of where rows come from, gathered on the way."""

    beacons: dict[int, str] = field(default_factory=dict)
    checkpoints: dict[int, str] = field(default_factory=dict)
    missing: list[tuple[int, str, str]] = field(default_factory=list)


def export(node: Node, windows: range, rules: Rules, folder: Path, notify: Notify = lambda _: None) -> Exported:
    """Write the data set of settled windows into an empty or new folder. Raises SettingsError for windows that are not
    settled, and where nothing is left to write.
    """
    for window in windows:
        if not node.subnet.round(WindowId(window)).closed:
            raise SettingsError(f"expected settled windows, and window {window} is not: grail status")
    folder.mkdir(parents=True, exist_ok=True)
    chosen = None
    if rules.kind is not Kind.GRPO or rules.top:
        notify("looking for what to choose")
        chosen = choose((_candidate(row) for row in rows_of(node, windows, _Told(), notify)), rules)
    told, digests, leaves = _Told(), [], {}
    file = RowFile(folder)
    for row in rows_of(node, windows, told, notify):
        if chosen is None or bytes.fromhex(row["leaf"][2:]) in chosen.leaves:
            file.add(row)
            digests.append(digest_of(row))
            if chosen is not None and chosen.pairs:
                leaves[row["leaf"]] = (row["prompt"], row["completion"], row["reward_micro"])
    file.close()
    if not digests:
        raise SettingsError(f"nothing in windows {windows.start} to {windows.stop - 1} is of kind {rules.kind}")
    pairs = [_pair(leaves, "0x" + a.hex(), "0x" + b.hex()) for a, b in (chosen.pairs if chosen else ())]
    if pairs:
        write_pairs(folder, pairs)
    root = "0x" + MerkleTree(digests).root.hex()
    write_manifest(folder, _manifest(node, windows, rules, folder, told, root, len(digests), len(pairs)))
    (folder / CARD).write_text(_card(node, windows, rules, len(digests), len(pairs), root))
    return Exported(len(digests), len(pairs), root, tuple(told.missing))


def rows_of(node: Node, windows: range, told: _Told, notify: Notify = lambda _: None) -> Iterator[Row]:
    """Every rollout of every accepted submission, in the order of windows, miners, groups."""
    for number in windows:
        window = WindowId(number)
        found = reckon(node.subnet, window)
        if found is None:
            continue
        notify(f"window {number}")
        transactions = node.subnet.commitment_transactions(window)
        told.beacons[number] = "0x" + node.subnet.beacon(window).hex()
        for entry in sorted(found.accepted(), key=lambda entry: entry.miner):
            name = "0x" + entry.miner.hex()
            try:
                submission = fetch_submission(node, entry)
                if submission.tree.root != entry.root:
                    raise BadSubmission("it is not what was committed")
            except (StorageError, BadSubmission) as error:
                told.missing.append((number, name, str(error)))
                continue
            transaction = "0x" + transactions[entry.miner].hex()
            yield from _rows(node, found, entry, submission, transaction, told)


def audited_by(node: Node, found: Reckoning, entry: Commitment) -> dict[tuple[int, int], list[str]]:
    """By (group, index): who was dealt this rollout to read, and accepts the submission. From the chain alone."""
    window = WindowId(found.window)
    policy, index = node.subnet.policy(window), list(found.commitments).index(entry)
    read: dict[tuple[int, int], list[str]] = {}
    for holder in dict.fromkeys(found.holders(index)):
        if Entry.ACCEPT not in found.said(index, holder):
            continue
        order, count = dealt_order(
            found.committee.challenge, entry.miner, entry.n_groups, policy.group_size,
            mine=found.committee.seats_of(index, holder), seats=policy.audit_seats, rollouts=policy.audit_rollouts,
        )  # fmt: skip
        for place in order[:count]:
            read.setdefault(place, []).append("0x" + holder.hex())
    return read


def _rows(
    node: Node, found: Reckoning, entry: Commitment, submission: Submission, transaction: str, told: _Told
) -> Iterator[Row]:
    checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(entry.checkpoint_version))
    told.checkpoints[entry.checkpoint_version] = fingerprint = "0x" + checkpoint.fingerprint.hex()
    codec = TextCodec(checkpoint)
    mandates = node.mandates(entry.window, entry.miner, checkpoint, codec)
    readers = audited_by(node, found, entry)
    for group, index in submission.places():
        yield row_of(
            submission, mandates.group(group), group, index, dialogue=mandates.dialogue(group), codec=codec,
            fingerprint=fingerprint, transaction=transaction, audited_by=readers.get((group, index), []),
        )  # fmt: skip


def _candidate(row: Row) -> Candidate:
    text = keccak256(row["prompt"].encode() + b"\0" + row["completion"].encode())
    group = (row["window"], row["miner"], row["group"])
    return Candidate(bytes.fromhex(row["leaf"][2:]), group, row["reward_micro"], len(row["logprobs"]), text)


def _pair(leaves: dict[str, tuple[str, str, int]], better: str, worse: str) -> dict[str, Any]:
    (prompt, chosen, high), (_, rejected, low) = leaves[better], leaves[worse]
    found = {"prompt": prompt, "chosen": chosen, "rejected": rejected, "chosen_leaf": better, "rejected_leaf": worse}
    return {**found, "margin_micro": high - low}


def _manifest(
    node: Node, windows: range, rules: Rules, folder: Path, told: _Told, root: str, rows: int, pairs: int
) -> dict[str, Any]:
    files = {name: digest_of_file(folder / name) for name in (ROWS, *([PAIRS] if pairs else []))}
    return {
        "format": FORMAT, "rows": rows, "pairs": pairs, "root": root, "files": files,
        "chain_id": node.subnet.chain.chain_id, "ledger": "0x" + node.subnet.ledger_address.hex(),
        "windows": [windows.start, windows.stop], "as": str(rules.kind), "top": rules.top,
        "margin_micro": rules.margin, "seed": rules.seed, "beacons": {str(k): v for k, v in told.beacons.items()},
        "checkpoints": {str(k): v for k, v in told.checkpoints.items()},
        "missing": [list(one) for one in told.missing[:MOST_MISSING]],
    }  # fmt: skip


def _card(node: Node, windows: range, rules: Rules, rows: int, pairs: int, root: str) -> str:
    held = f", {pairs:,} pairs of them in {PAIRS}" if pairs else ""
    rule = f"top {rules.top or 'all'}, margin {rules.margin} micro, seed {rules.seed}"
    return f"""---
configs:
- config_name: rows
  data_files: {ROWS}
---
# Verified rollouts, windows {windows.start} to {windows.stop - 1}

{rows:,} rollouts{held}, chosen as `{rules.kind}`: {rule}.
Chain {node.subnet.chain.chain_id}, ledger 0x{node.subnet.ledger_address.hex()}; root of all rows {root}.

Each row has its proof: `leaf` is the hash of ids, logprobs, prompt, environment, reward and place; `path` leads from it
to `root`, which the miner committed on chain in `transaction` before anybody knew what would be read. `audited_by`
names the validators that were dealt this rollout and accept its submission; where it is empty the rollout is *covered*:
others of its submission were read, this one need not have been. `roles`: 0 prompt, 1 sampled, 2 and 3 what the world
answers between turns (3) and what stands around it (2). `logprobs` are the
miner's claim.

    grail data verify . --chain RPC
"""
