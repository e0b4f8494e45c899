"""Write tests/vectors/*.json: what Python and Solidity must both compute.

    python scripts/make_vectors.py            write
    python scripts/make_vectors.py --check    fail when a file differs from what the code gives

philox.json is not made here: it holds Random123's published known answers. Integers beyond 53 bits are decimal strings.
"""

import json
import sys
from itertools import accumulate
from pathlib import Path
from typing import Any

import numpy as np

from grail.governance.policy import PARAMETERS, Floors
from grail.proofs.sketch import SketchPlan
from grail.protocol import constants as c
from grail.protocol import keys
from grail.protocol.audit_proof import ProofName, encode_proof
from grail.protocol.chunks import chunk_path, chunk_root
from grail.protocol.commitment import commitment_digest, signing_hash
from grail.protocol.gumbel import mandated_token, noise_words
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import RolloutLeaf
from grail.protocol.merkle import MerkleTree
from grail.protocol.pledges import Past, Record
from grail.protocol.records import Commitment
from grail.protocol.reports import MOST, AuditReport, Said, Sample, TrainingReport
from grail.protocol.schedule import Schedule
from grail.protocol.sortition import jury_seed, seats
from grail.protocol.sum_tree import SumTree
from grail.protocol.turns import NOTHING_OBSERVED, Bridge, observations_hash, transcript
from grail.protocol.units import MICRO, BlockNumber, CheckpointVersion, WindowId
from grail.settlement.leaves import LeafTree, SettlementLeaf, join, leaf_digest
from grail.settlement.sheets import Entry, encode_sheet, entry_of

VECTORS = Path(__file__).resolve().parent.parent / "tests" / "vectors"


def hexed(value: bytes) -> str:
    """0x-prefixed."""
    return "0x" + value.hex()


def seed(name: str, number: int = 0) -> bytes:
    """32 bytes that everybody can recompute: keccak-256 of "vector/NAME/NUMBER"."""
    return keccak256(f"vector/{name}/{number}".encode())


def key_vectors() -> list[dict[str, Any]]:
    """Every key of the chain from one block hash to one audit key."""
    rows = []
    for i in range(4):
        chain_id, ledger, miner, validator = (
            31_337 + i,
            seed("ledger", i)[:20],
            seed("miner", i)[:20],
            seed("v", i)[:20],
        )
        window, group, index, block_hash = WindowId(7 * i), i, 3 * i, seed("block", i)
        randomness = seed("randomness", i)
        fingerprint, rules = seed("fingerprint", i), seed("rules", i)
        beacon = keys.beacon(chain_id, ledger, window, block_hash)
        challenge = keys.challenge(chain_id, ledger, window, block_hash)
        problem = keys.problem_key(beacon, miner, group)
        rows.append(
            {
                "chainId": chain_id,
                "ledger": hexed(ledger),
                "window": window,
                "blockHash": hexed(block_hash),
                "randomness": hexed(randomness),
                "seed": hexed(keys.seed(block_hash, randomness)),
                "miner": hexed(miner),
                "validator": hexed(validator),
                "group": group,
                "index": index,
                "fingerprint": hexed(fingerprint),
                "rulesHash": hexed(rules),
                "beacon": hexed(beacon),
                "challenge": hexed(challenge),
                "problemKey": hexed(problem),
                "rolloutKey": hexed(keys.rollout_key(problem, fingerprint, rules, index)),
                "sketchSeed": hexed(keys.sketch_seed(beacon)),
                "auditKey": hexed(keys.audit_key(challenge, validator)),
                "environmentOf7": keys.environment_index(problem, (1, 2, 4)),
            }
        )
    return rows


def gumbel_vectors() -> list[dict[str, Any]]:
    """Noise words, and the mandated token of logits that are small integers (exact in any float type)."""
    rows = []
    for i in range(6):
        key, step = seed("gumbel", i), 5 * i
        ids = np.array([0, 1, 2, 3, 4, 17, 49_151], dtype=np.int64)
        logits = np.array([(7 * v * (i + 1)) % 5 for v in range(64)], dtype=np.float32)
        rows.append(
            {
                "key": hexed(key),
                "step": step,
                "ids": ids.tolist(),
                "words": noise_words(key, step, ids).tolist(),
                "logits": logits.astype(int).tolist(),
                "temperatureMilli": 1000 - 100 * i,
                "token": mandated_token(logits, key, step, 1000 - 100 * i),
            }
        )
    return rows


def leaf_vectors() -> list[dict[str, Any]]:
    """Leaves with extreme fields."""
    rows = []
    for i, reward in enumerate((0, 1_000_000, -1, -c.MAX_REWARD_MICRO, c.MAX_REWARD_MICRO)):
        leaf = RolloutLeaf(
            window=i,
            miner=seed("leaf-miner", i)[:20],
            checkpoint_version=i + 1,
            env_id=seed("env", i),
            group=3 * i,
            index=i,
            prompt_hash=seed("prompt", i),
            tokens_root=seed("tokens", i),
            logprobs_root=seed("logprobs", i),
            proof_root=seed("proof", i),
            n_tokens=i + 1,
            finish=i % 4,
            reward_micro=reward,
            turns=i * i + 1,
            observed_tokens=1_000 * i,
            observations_hash=seed("observations", i) if i else NOTHING_OBSERVED,
        )
        rows.append(
            {
                "window": leaf.window,
                "miner": hexed(leaf.miner),
                "checkpointVersion": leaf.checkpoint_version,
                "envId": hexed(leaf.env_id),
                "group": leaf.group,
                "index": leaf.index,
                "promptHash": hexed(leaf.prompt_hash),
                "tokensRoot": hexed(leaf.tokens_root),
                "logprobsRoot": hexed(leaf.logprobs_root),
                "proofRoot": hexed(leaf.proof_root),
                "nTokens": leaf.n_tokens,
                "finish": leaf.finish,
                "rewardMicro": leaf.reward_micro,
                "turns": leaf.turns,
                "observedTokens": leaf.observed_tokens,
                "observationsHash": hexed(leaf.observations_hash),
                "digest": hexed(leaf.digest()),
            }
        )
    return rows


def chunk_vectors() -> list[dict[str, Any]]:
    """Chunked roots of the bytes k mod 251, with the path of one chunk each."""
    rows = []
    for length, index in ((0, 0), (1, 0), (4_096, 0), (4_097, 1), (8_192, 0), (20_000, 4), (30_000, 6), (33_000, 8)):
        data = bytes(k % 251 for k in range(length))
        path = [hexed(node) for node in chunk_path(data, index)]
        rows.append({"length": length, "index": index, "root": hexed(chunk_root(data)), "path": path})
    return rows


def turn_vectors() -> list[dict[str, Any]]:
    """Sampled tokens and what the world answered: the whole transcript, where the sampled ones stand, and the hash."""
    rows = []
    for count, answers in ((3, []), (5, [(2, 3)]), (6, [(1, 1), (4, 2)]), (4, [(2, 0), (3, 5)])):
        tokens = np.arange(100, 100 + count, dtype=np.int32)
        bridges = [Bridge(after, np.arange(size, dtype=np.int32) + 7 * after) for after, size in answers]
        ids, places = transcript(tokens, bridges)
        rows.append(
            {
                "tokens": tokens.tolist(),
                "after": [bridge.after for bridge in bridges],
                "bridges": [bridge.ids.tolist() for bridge in bridges],
                "ids": ids.tolist(),
                "places": places.tolist(),
                "hash": hexed(observations_hash(bridges)),
            }
        )
    return rows


def merkle_vectors() -> list[dict[str, Any]]:
    """Trees of 1 to 33 leaves, with the path of one leaf each."""
    rows = []
    for size in (1, 2, 3, 5, 8, 33):
        leaves = [seed("merkle", i) for i in range(size)]
        tree = MerkleTree(leaves)
        rows.append(
            {
                "leaves": [hexed(leaf) for leaf in leaves],
                "root": hexed(tree.root),
                "leaf": hexed(leaves[size // 2]),
                "path": [hexed(node) for node in tree.path(leaves[size // 2])],
            }
        )
    return rows


def sketch_vectors() -> list[dict[str, Any]]:
    """Signs (0 or 1) of small matrices, row after row."""
    rows = []
    for i, (dim, hidden) in enumerate(((2, 8), (3, 33), (8, 64))):
        matrix = SketchPlan(seed("sketch", i), dim, 8).matrix(hidden)
        rows.append(
            {
                "seed": hexed(seed("sketch", i)),
                "dim": dim,
                "hiddenSize": hidden,
                "positive": (matrix > 0).astype(int).reshape(-1).tolist(),
            }
        )
    return rows


def proof_vectors() -> list[dict[str, Any]]:
    """Proofs of audit: whole, and the seeds of their projections."""
    rows = []
    for i, (dim, lengths) in enumerate(((2, [1, 2]), (3, [2]), (8, [1, 0, 3]))):
        challenge, name = seed("challenge", i), ProofName(WindowId(i), seed("v", i)[:20], seed("miner", i)[:20])
        counts = np.split(np.arange(dim * sum(lengths), dtype=np.float16), [dim * n for n in accumulate(lengths)][:-1])
        shown = [(numbers / 8 - 1).astype(np.float16).reshape(-1, dim) for numbers in counts]
        rows.append(
            {
                "challenge": hexed(challenge),
                "window": name.window,
                "validator": hexed(name.validator),
                "miner": hexed(name.miner),
                "dim": dim,
                "rows": lengths,
                "seed": hexed(keys.proof_seed(challenge, name.validator)),
                "numbers": [float(number) for sketch in shown for number in sketch.reshape(-1)],
                "proof": hexed(encode_proof(name, shown)),
            }
        )
    return rows


def report_vectors() -> list[dict[str, Any]]:
    """Reports as bytes, and the same written otherwise, which are none."""
    miners = ["0x" + seed("miner", i)[:20].hex() for i in range(3)]
    verdicts = {
        miners[0]: Said(
            outcome="accept", check="replay", evidence=-1_500, rollouts=16, tokens=900, proof=seed("proof").hex(),
            added={"tokens": (-3, 0, 1, 2, 3, 4, MOST)},
        ),
        miners[1]: Said(outcome="fault", check="reward", reason='0.5 is not "1" ▲\n', place=(3, 7), evidence=12_345),
        miners[2]: Said(outcome="abstain", check="verifier", reason="no memory"),
    }  # fmt: skip
    audit = AuditReport(version=1, window=5, validator=hexed(seed("v")[:20]), verdicts=verdicts).encode()
    sample = Sample(environment="arithmetic/1", miner=miners[0], prompt="1+1=", completion="2", reward=MICRO, margin=12)
    numbers, dropped = {"reward": 512_345, "kl": -7}, {"no_signal": 3}
    training = TrainingReport(
        version=1, window=4, parent=seed("parent").hex(), numbers=numbers, dropped=dropped, samples=(sample,)
    ).encode()
    rows = []
    for kind, data in (("audit", audit), ("training", training)):
        odd = [data + b"\n", data.replace(b":", b": ", 1), data.replace(b'"version":1', b'"version":1.0'), data[:-1]]
        odd += [data[:-1] + b',"window":4}', data[:-1] + b',"zeal":1}', b"[]"]
        rows += [{"kind": kind, "report": one.decode(), "valid": one == data} for one in (data, *odd)]
    return rows


def schedule_vectors() -> list[dict[str, Any]]:
    """Windows and deadlines."""
    rows = []
    for genesis, window, commit, score, reveal in ((0, 10, 3, 3, 2), (100, 80, 20, 20, 10), (1, 7, 1, 2, 1)):
        schedule = Schedule(genesis=genesis, window=window, commit=commit, score=score, reveal=reveal)
        for block in (genesis, genesis + window - 1, genesis + window, genesis + 5 * window + 3):
            number = schedule.window_of(BlockNumber(block))
            rows.append(
                {
                    "timing": [genesis, window, commit, score, reveal],
                    "block": block,
                    "window": number,
                    "start": schedule.start(number),
                    "commitDeadline": schedule.commit_deadline(number),
                    "challengeBlock": schedule.challenge_block(number),
                    "scoreDeadline": schedule.score_deadline(number),
                    "revealDeadline": schedule.reveal_deadline(number),
                }
            )
    return rows


def policy_vectors() -> list[dict[str, Any]]:
    """Names, defaults and bounds, with the floors of a real network."""
    floors = Floors()
    return [
        {"name": p.name, "key": hexed(p.key), "value": str(p.default), "min": str(floors.low(p)), "max": str(p.high)}
        for p in PARAMETERS
    ]


def commitment_vectors() -> list[dict[str, Any]]:
    """Digest and EIP-712 hash of commitments."""
    rows = []
    for i in range(3):
        chain_id, ledger = 31_337 + i, seed("ledger", i)[:20]
        entry = Commitment(
            window=WindowId(i),
            miner=seed("miner", i)[:20],
            root=seed("root", i),
            blob_digest=seed("blob", i),
            n_groups=i + 1,
            checkpoint_version=CheckpointVersion(2 * i),
            worth=1_000 * i,
        )
        rows.append(
            {
                "chainId": chain_id,
                "ledger": hexed(ledger),
                "window": entry.window,
                "miner": hexed(entry.miner),
                "root": hexed(entry.root),
                "blobDigest": hexed(entry.blob_digest),
                "groups": entry.n_groups,
                "checkpointVersion": entry.checkpoint_version,
                "worth": entry.worth,
                "digest": hexed(commitment_digest(entry)),
                "signingHash": hexed(signing_hash(chain_id, ledger, entry)),
            }
        )
    return rows


def sum_tree_vectors() -> list[dict[str, Any]]:
    """Trees of 0 to 17 leaves: root, sum, and the path of the middle leaf."""
    rows = []
    for size in (1, 2, 3, 4, 5, 8, 17):
        tree = SumTree(seed("context", size), {10 * (i + 1): 7 * i + size for i in range(size)})
        entry = tree.entry(tree.keys[size // 2])
        rows.append(
            {
                "context": hexed(tree.context),
                "keys": tree.keys,
                "values": [tree.leaves[key] for key in tree.keys],
                "root": hexed(tree.root),
                "sum": tree.total,
                "index": entry.index,
                "path": [hexed(part.to_bytes(32, "big")) for part in entry.path],
            }
        )
    return rows


def sortition_vectors() -> list[dict[str, Any]]:
    """Seats of stretches of the cumulative stake, long and short, at its beginning and within."""
    rows = []
    stretches = ((0, 1, 1), (2, 1, 3), (3 * 10**22, 10**22, 7 * 10**22), (900, 100, 1000), (4, 0, 9), (0, 0, 0))
    for i, (start, stake, total) in enumerate(stretches):
        jury_seats = 7
        block_hash = seed("block", i)
        drawn = jury_seed(31_337, seed("jury")[:20], i, block_hash)
        rows.append(
            {
                "chainId": 31_337,
                "jury": hexed(seed("jury")[:20]),
                "id": i,
                "blockHash": hexed(block_hash),
                "start": str(start),
                "stake": str(stake),
                "total": str(total),
                "jurySeats": jury_seats,
                "seed": hexed(drawn),
                "seats": seats(drawn, start, stake, total, jury_seats),
            }
        )
    return rows


def sheet_vectors() -> list[dict[str, Any]]:
    """Entries of sheets, some behind their end, and of bytes that nobody would write."""
    rows = []
    made = encode_sheet([[Entry(n % 4) for n in range(9)], [], [Entry.REJECT] * 5])
    for sheet in (made, made[:4], b"", b"\xff", b"\xff\xff\x1b", seed("sheet")):
        for page, rank in ((0, 0), (0, 3), (0, 8), (0, 9), (1, 0), (2, 4), (2, 5), (3, 0)):
            entry = int(entry_of(sheet, page, rank))
            rows.append({"sheet": hexed(sheet), "page": page, "rank": rank, "entry": entry})
    return rows


def pledge_vectors() -> list[dict[str, Any]]:
    """What is paid of a worth for records of pledges kept, broken, raised, lowered, and of none."""
    rows = []
    for pledged, groups, past in (
        (4, 4, ()),
        (4, 4, ((4, 4), (4, 4), (4, 4), (4, 4))),
        (4, 4, ((4, 4), (4, 0), (4, 3), (4, 4))),
        (4, 3, ((4, 4),)),
        (4, 5, ((4, 4),)),
        (0, 1, ((0, 1),)),
        (64, 64, ((1, 1), (1, 1))),
        (1, 1, ((64, 32), (64, 64))),
        (4, 4, ((0, 9), (2, 2))),
        (4_096, 4_096, ((4_096, 4_095),) * 16),
    ):
        record = Record(
            pledged,
            [Past(then, _delivering(delivered) if delivered else None) for then, delivered in past],
        )
        for worth in (0, 1, 8_191_999, 2**64 - 1):
            rows.append(
                {
                    "pledged": pledged,
                    "groups": groups,
                    "worth": str(worth),
                    "pledges": [then for then, _ in past],
                    "delivered": [delivered for _, delivered in past],
                    "paid": str(record.paid(worth, groups)),
                }
            )
    return rows


def _delivering(groups: int) -> Commitment:
    return Commitment(
        window=WindowId(0),
        miner=bytes(20),
        root=bytes(32),
        blob_digest=bytes(32),
        n_groups=groups,
        checkpoint_version=CheckpointVersion(1),
        worth=0,
    )


def leaf_tree_vectors() -> list[dict[str, Any]]:
    """Trees of leaves: root, depth, and the path of one leaf."""
    rows = []
    for count in (1, 2, 16, 17, 129):
        leaves = tuple(SettlementLeaf(seed("account", i)[:20], i, i % 4, 10 * i, 5 * i) for i in range(count))
        tree = LeafTree(7, leaves)
        index = count // 2
        leaf = leaves[index]
        rows.append(
            {
                "window": 7,
                "index": index,
                "account": hexed(leaf.account),
                "value": leaf.value,
                "holds": leaf.holds,
                "whole": leaf.whole,
                "sum": leaf.sum,
                "leaves": count,
                "depth": tree.depth,
                "digest": hexed(leaf_digest(7, index, leaf)),
                "path": [hexed(node) for node in tree.path(index)],
                "named": [hexed(node) for node in tree.named(tree.depth, 0)],
                "upper": hexed(join(tree.named(tree.depth, 0))),
                "root": hexed(tree.root),
            }
        )
    return rows


MADE = {
    "keys": key_vectors,
    "gumbel": gumbel_vectors,
    "leaf": leaf_vectors,
    "merkle": merkle_vectors,
    "sketch": sketch_vectors,
    "proof": proof_vectors,
    "reports": report_vectors,
    "schedule": schedule_vectors,
    "policy": policy_vectors,
    "commitment": commitment_vectors,
    "sum_tree": sum_tree_vectors,
    "sortition": sortition_vectors,
    "sheets": sheet_vectors,
    "pledges": pledge_vectors,
    "leaves": leaf_tree_vectors,
    "chunks": chunk_vectors,
    "turns": turn_vectors,
}


def main() -> int:
    """Write or compare."""
    VECTORS.mkdir(parents=True, exist_ok=True)
    stale = []
    for name, make in MADE.items():
        path = VECTORS / f"{name}.json"
        text = json.dumps({"cases": make()}, indent=1) + "\n"
        if not path.exists() or path.read_text() != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text)
    if stale and "--check" in sys.argv:
        print(
            f"stale vectors: {', '.join(stale)}: run scripts/make_vectors.py and say why in the commit", file=sys.stderr
        )
        return 1
    print(f"{len(MADE)} files, {len(stale)} {'stale' if '--check' in sys.argv else 'written'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
