"""One rollout as a row: what was asked, what was sampled, and the way from its leaf to a commitment on chain.

Text is there to be read; what counts are the ids, a role to each. A row's digest is taken over all of its columns, and
a manifest's root over all digests: whoever changes a bit changes that root.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from grail.environments.dialogue import Dialogue, Played
from grail.environments.mandates import GroupMandate
from grail.inference.text import TextCodec
from grail.protocol.hashing import WORD, keccak256
from grail.protocol.leaf import RolloutLeaf, environment_digest, halves_root, hash_tokens, tokens_root
from grail.protocol.submission import CONTEXT, Submission, leaf_worth
from grail.protocol.sum_tree import Entry, root_of
from grail.protocol.turns import Bridge, observations_hash, observed_tokens, transcript
from grail.protocol.units import Digest

PROMPT, SAMPLED, BRIDGE, OBSERVATION = range(4)
"""Roles of an id. Behind a turn: what the rules put around the world's answer, and that answer."""
NUMBERS = (
    "window", "group", "index", "checkpoint_version", "reward_micro", "reward_milli", "observed_milli", "finish",
    "turns", "leaf_index", "leaves",
)  # fmt: skip
DIGESTS = ("problem_key", "fingerprint", "proof_root", "leaf", "root", "transaction")
TEXTS = ("miner", "environment", "prompt", "completion", *DIGESTS)
LISTS = ("ids", "roles", "logprobs", "path", "audited_by", "messages")
ARRAYS = ("ids", "roles", "logprobs")
"""Lists of numbers."""
COLUMNS = (*NUMBERS, *TEXTS, *LISTS)
Row = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Parts:
    """What a row says, as the protocol has it: `prompt` and `tokens` int32, `logprobs` float16; `bridges`: what stands
    between its turns.
    """

    prompt: np.ndarray[Any, Any]
    tokens: np.ndarray[Any, Any]
    logprobs: np.ndarray[Any, Any]
    bridges: tuple[Bridge, ...] = ()


def row_of(
    submission: Submission, mandate: GroupMandate, group: int, index: int, *, dialogue: Dialogue, codec: TextCodec,
    fingerprint: str, transaction: str, audited_by: Sequence[str],
) -> Row:  # fmt: skip
    """One rollout of a submission. `dialogue`: of its group; the others as the columns are called."""
    rollout, opening = submission.groups[group].rollouts[index], submission.opening(group, index)
    played = dialogue.play(rollout.tokens)
    written, roles = transcript(rollout.tokens, played.bridges)[0], roles_of(codec, rollout.tokens, played)
    return {
        "window": submission.window, "group": group, "index": index, "finish": rollout.finish,
        "checkpoint_version": submission.checkpoint_version, "reward_micro": rollout.reward_micro,
        "reward_milli": submission.groups[group].reward_milli, "observed_milli": submission.observed_milli,
        "turns": rollout.turns, "leaf_index": opening.entry.index,
        "leaves": opening.size, "miner": _hex(submission.miner), "environment": mandate.environment.id,
        "prompt": mandate.problem.prompt, "completion": completion_of(played), "problem_key": _hex(mandate.problem_key),
        "fingerprint": fingerprint, "proof_root": _hex(opening.leaf.proof_root), "leaf": _hex(opening.leaf.digest()),
        "root": _hex(submission.tree.root), "transaction": transaction,
        "ids": np.concatenate([mandate.prompt, written]).tolist(),
        "roles": [PROMPT] * len(mandate.prompt) + roles, "messages": messages_of(played),
        "logprobs": rollout.logprobs.tolist(), "audited_by": list(audited_by),
        "path": [_hex(part.to_bytes(32, "big")) for part in opening.entry.path],
    }  # fmt: skip


def roles_of(codec: TextCodec, tokens: np.ndarray[Any, Any], played: Played) -> list[int]:
    """A role for each id behind the prompt."""
    places = transcript(tokens, played.bridges)[1]
    roles = np.full(len(tokens) + played.observed, BRIDGE, np.int8)
    roles[places] = SAMPLED
    for bridge, said in zip(played.bridges, played.observations, strict=True):
        start = int(places[bridge.after - 1]) + 1
        roles[start : start + len(bridge.ids)][codec.observed(said, bridge.ids)] = OBSERVATION
    return [int(role) for role in roles]


def messages_of(played: Played) -> list[str]:
    """The model's and the world's texts by turns, the model's first."""
    both = zip(played.actions, (*played.observations, None), strict=True)
    return [text for pair in both for text in pair if text is not None]


def completion_of(played: Played) -> str:
    """All that was written behind the prompt, a line a text."""
    return "\n".join(messages_of(played))


def _hex(data: bytes) -> str:
    return "0x" + data.hex()


def digest_of(row: Row) -> Digest:
    """keccak-256 over all columns in their order, each behind its length."""
    parts = [int(row[name]).to_bytes(8, "big", signed=True) for name in NUMBERS]
    parts += [str(row[name]).encode() for name in TEXTS]
    parts += [np.asarray(row["ids"], "<i4").tobytes(), np.asarray(row["roles"], "<i1").tobytes()]
    parts += [np.asarray(row["logprobs"], "<f2").tobytes()]
    parts += ["\n".join(row[name]).encode() for name in ("path", "audited_by", "messages")]
    return keccak256(b"".join(len(part).to_bytes(8, "big") + part for part in parts))


def parts_of(row: Row) -> Parts:
    """Prompt, sampled ids, their logprobs, what stands between turns. Raises ValueError where roles and ids do not go
    together.
    """
    ids, roles = np.asarray(row["ids"], np.int32), np.asarray(row["roles"], np.int8)
    logprobs = np.asarray(row["logprobs"], np.float16)
    prompts = int((roles == PROMPT).sum())
    sampled = roles[prompts:] == SAMPLED
    known = np.isin(roles, (PROMPT, SAMPLED, BRIDGE, OBSERVATION)).all() and (roles[:prompts] == PROMPT).all()
    whole = len(sampled) > 0 and bool(sampled[0]) and bool(sampled[-1])
    if len(ids) != len(roles) or not known or not whole or len(logprobs) != sampled.sum():
        raise ValueError("ids, roles and logprobs do not go together")
    written = ids[prompts:]
    edges = np.flatnonzero(np.diff(sampled.astype(np.int8)))
    bridges = [
        Bridge(int(sampled[: start + 1].sum()), written[start + 1 : end + 1])
        for start, end in zip(edges[::2].tolist(), edges[1::2].tolist(), strict=True)
    ]
    return Parts(ids[:prompts], written[sampled], logprobs, tuple(bridges))


def leaf_of(row: Row, parts: Parts) -> RolloutLeaf:
    """The leaf that these contents have."""
    return RolloutLeaf(
        window=row["window"], miner=bytes.fromhex(row["miner"][2:]), checkpoint_version=row["checkpoint_version"],
        env_id=environment_digest(row["environment"]), group=row["group"], index=row["index"],
        prompt_hash=hash_tokens(parts.prompt), tokens_root=tokens_root(parts.tokens),
        logprobs_root=halves_root(parts.logprobs), proof_root=bytes.fromhex(row["proof_root"][2:]),
        n_tokens=len(parts.tokens), finish=row["finish"], reward_micro=row["reward_micro"],
        turns=row["turns"], observed_tokens=observed_tokens(parts.bridges),
        observations_hash=observations_hash(parts.bridges),
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
        observed = observed_tokens(parts.bridges)
        worth = leaf_worth(row["reward_milli"], len(parts.tokens), observed, row["observed_milli"])
        entry = Entry(
            int.from_bytes(leaf, "big"), worth, row["leaf_index"], tuple(int.from_bytes(part, "big") for part in path)
        )
        root = root_of(CONTEXT, row["leaves"], entry)
    except (ValueError, OverflowError, TypeError) as error:
        return str(error)
    return None if "0x" + root.hex() == row["root"] else "its path does not end in its root"
