"""One rollout as a row: what was asked, what was sampled, and the way from its leaf to a commitment on chain.

Text is there to be read; what counts are the ids, a role to each. A row's digest is taken over all of its columns, and
a manifest's root over all digests: whoever changes a bit changes that root.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grail.environments.mandates import GroupMandate
from grail.protocol.hashing import WORD, keccak256
from grail.protocol.leaf import RolloutLeaf, environment_digest, hash_halves, hash_tokens
from grail.protocol.submission import CONTEXT, Submission
from grail.protocol.sum_tree import Entry, root_of
from grail.protocol.units import Digest

PROMPT, SAMPLED = 0, 1
"""Roles of an id."""
NUMBERS = (
    "window", "group", "index", "checkpoint_version", "reward_micro", "reward_milli", "finish", "leaf_index", "leaves",
)  # fmt: skip
DIGESTS = ("problem_key", "fingerprint", "proof_hash", "leaf", "root", "transaction")
TEXTS = ("miner", "environment", "prompt", "completion", *DIGESTS)
LISTS = ("ids", "roles", "logprobs", "path", "audited_by")
ARRAYS = ("ids", "roles", "logprobs")
"""Lists of numbers."""
COLUMNS = (*NUMBERS, *TEXTS, *LISTS)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a row says, as the protocol has it: `prompt` and `tokens` int32, `logprobs` float16."""

    prompt: np.ndarray[Any, Any]
    tokens: np.ndarray[Any, Any]
    logprobs: np.ndarray[Any, Any]


def row_of(
    submission: Submission, mandate: GroupMandate, group: int, index: int, *, completion: str, fingerprint: str,
    transaction: str, audited_by: Sequence[str],
) -> Row:  # fmt: skip
    """One rollout of a submission. `completion`: its text; the others as the columns are called."""
    rollout, opening = submission.groups[group].rollouts[index], submission.opening(group, index)
    return {
        "window": submission.window, "group": group, "index": index, "finish": rollout.finish,
        "checkpoint_version": submission.checkpoint_version, "reward_micro": rollout.reward_micro,
        "reward_milli": submission.groups[group].reward_milli, "leaf_index": opening.entry.index,
        "leaves": opening.size, "miner": _hex(submission.miner), "environment": mandate.environment.id,
        "prompt": mandate.problem.prompt, "completion": completion, "problem_key": _hex(mandate.problem_key),
        "fingerprint": fingerprint, "proof_hash": _hex(opening.leaf.proof_hash), "leaf": _hex(opening.leaf.digest()),
        "root": _hex(submission.tree.root), "transaction": transaction,
        "ids": np.concatenate([mandate.prompt, rollout.tokens]).tolist(),
        "roles": [PROMPT] * len(mandate.prompt) + [SAMPLED] * len(rollout.tokens),
        "logprobs": rollout.logprobs.tolist(), "audited_by": list(audited_by),
        "path": [_hex(part.to_bytes(32, "big")) for part in opening.entry.path],
    }  # fmt: skip


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def digest_of(row: Row) -> Digest:
    """keccak-256 over all columns in their order, each behind its length."""
    parts = [int(row[name]).to_bytes(8, "big", signed=True) for name in NUMBERS]
    parts += [str(row[name]).encode() for name in TEXTS]
    parts += [np.asarray(row["ids"], "<i4").tobytes(), np.asarray(row["roles"], "<i1").tobytes()]
    parts += [np.asarray(row["logprobs"], "<f2").tobytes()]
    parts += ["\n".join(row[name]).encode() for name in ("path", "audited_by")]
    return keccak256(b"".join(len(part).to_bytes(8, "big") + part for part in parts))


def parts_of(row: Row) -> Parts:
    """Prompt, sampled ids and their logprobs. Raises ValueError where roles and ids do not go together."""
    ids, roles = np.asarray(row["ids"], np.int32), np.asarray(row["roles"], np.int8)
    logprobs = np.asarray(row["logprobs"], np.float16)
    prompts = int((roles == PROMPT).sum())
    ordered = np.concatenate([np.full(prompts, PROMPT, np.int8), np.full(len(ids) - prompts, SAMPLED, np.int8)])
    if len(ids) != len(roles) or not np.array_equal(roles, ordered) or len(logprobs) != len(ids) - prompts:
        raise ValueError("ids, roles and logprobs do not go together")
    return Parts(ids[:prompts], ids[prompts:], logprobs)


def leaf_of(row: Row, parts: Parts) -> RolloutLeaf:
    """The leaf that these contents have."""
    return RolloutLeaf(
        window=row["window"], miner=bytes.fromhex(row["miner"][2:]), checkpoint_version=row["checkpoint_version"],
        env_id=environment_digest(row["environment"]), group=row["group"], index=row["index"],
        prompt_hash=hash_tokens(parts.prompt), tokens_hash=hash_tokens(parts.tokens),
        logprobs_hash=hash_halves(parts.logprobs), proof_hash=bytes.fromhex(row["proof_hash"][2:]),
        n_tokens=len(parts.tokens), finish=row["finish"], reward_micro=row["reward_micro"],
    )  # fmt: skip


def wrong_with(row: Row) -> str | None:
    """What is wrong with a row by itself: its leaf is not its contents', or its path does not end in its root."""
    try:
        parts = parts_of(row)
        leaf = leaf_of(row, parts).digest()
        if "0x" + leaf.hex() != row["leaf"]:
            return "its leaf is not that of its contents"
        path = [bytes.fromhex(part[2:]) for part in row["path"]]
        if any(len(part) != WORD for part in path):
            return "its path is not of words"
        worth = row["reward_milli"] * len(parts.tokens)
        entry = Entry(
            int.from_bytes(leaf, "big"), worth, row["leaf_index"], tuple(int.from_bytes(part, "big") for part in path)
        )
        root = root_of(CONTEXT, row["leaves"], entry)
    except (ValueError, OverflowError, TypeError) as error:
        return str(error)
    return None if "0x" + root.hex() == row["root"] else "its path does not end in its root"
