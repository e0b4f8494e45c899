"""How long a data set of verified rollouts takes to be written and checked, and what a second of it is spent on.

    python benchmarks/datasets.py [--rows 100000] [--tokens 0] [--json]

Rows of the packaged model's tokenizer and of arithmetic, right and wrong answers (or so many ids at random), in
submissions of 64 groups of 8; the check is that of `grail data verify` without a chain: every leaf, path, problem and
reward, and the root of all rows.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from grail.chain.subnet.windows import EnvironmentMix
from grail.checkpoints.files import Checkpoint, open_checkpoint
from grail.datasets.choose import Kind, Rules
from grail.datasets.files import FORMAT, ROWS, RowFile, digest_of_file, write_manifest
from grail.datasets.rows import Row, digest_of, row_of, wrong_with
from grail.datasets.verify import check
from grail.environments.mandates import BeaconMandates
from grail.environments.registry import Environments
from grail.inference.requests import MOST_OBSERVED
from grail.inference.text import TextCodec
from grail.models.library import packaged_folder
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import environment_digest
from grail.protocol.merkle import MerkleTree
from grail.protocol.submission import Group, Rollout, Submission
from grail.telemetry.memory import peak_rss_mib

GROUPS, GROUP_SIZE, SKETCH = 64, 8, 8
ENVIRONMENT = "arithmetic/1"
WINDOW, VERSION = 0, 1
BEACON = keccak256(b"a beacon of benchmarks/datasets.py")


def main() -> None:
    """Write, check, say."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--tokens", type=int, default=0, help="ids of a completion at random; 0: answers")
    parser.add_argument("--json", action="store_true")
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = measured(Path(folder), told.rows, told.tokens)
    for name, value in found.items():
        print(f"{name:18} {value:,}")
    if told.json:
        print(json.dumps(found))


def measured(folder: Path, count: int, tokens: int) -> dict[str, float]:
    """Seconds, bytes and memory of so many rows."""
    checkpoint = open_checkpoint(packaged_folder())
    began = time.monotonic()
    file, digests, sample = RowFile(folder), [], []
    for row in made(checkpoint, count, tokens):
        file.add(row)
        digests.append(digest_of(row))
        sample += [row] if len(sample) < 1_000 else []
    file.close()
    wrote = time.monotonic() - began
    rules = Rules(Kind.GRPO)
    write_manifest(folder, {
        "format": FORMAT, "rows": len(digests), "pairs": 0, "root": "0x" + MerkleTree(digests).root.hex(),
        "files": {ROWS: digest_of_file(folder / ROWS)}, "chain_id": 1, "ledger": "0x", "as": str(rules.kind),
        "beacons": {str(WINDOW): "0x" + BEACON.hex()},
        "checkpoints": {str(VERSION): "0x" + checkpoint.fingerprint.hex()},
    })  # fmt: skip
    began = time.monotonic()
    found = check(folder, Environments.installed())
    verified = time.monotonic() - began
    assert found.rows == found.graded == len(digests) and found.wrong == [], found.wrong[:3]
    parts = {}
    for name, work in (("digests", digest_of), ("leaf_and_path", wrong_with)):
        began = time.monotonic()
        for row in sample:
            work(row)
        parts[f"{name}_us"] = round(1e6 * (time.monotonic() - began) / len(sample), 1)
    return {
        "rows": found.rows, "tokens_a_row": round(float(np.mean([len(row["logprobs"]) for row in sample])), 1),
        "made_and_written_s": round(wrote, 2), "verified_s": round(verified, 2),
        "bytes": (folder / ROWS).stat().st_size, "rss_mib": round(peak_rss_mib()), **parts,
    }  # fmt: skip


def made(checkpoint: Checkpoint, count: int, tokens: int) -> Iterator[Row]:
    """Rows of as many submissions as it takes, by a model that may say so much."""
    if tokens:
        rules = checkpoint.rules.model_copy(update={"max_tokens": tokens})
        checkpoint = replace(checkpoint, rules=rules, context=checkpoint.context + tokens)
    codec, dice, number = TextCodec(checkpoint), np.random.default_rng(7), 0
    digest = environment_digest(ENVIRONMENT)
    mix = EnvironmentMix((ENVIRONMENT,), (digest,), (1,), (1_000,))
    left = count
    while left > 0:
        miner = keccak256(number.to_bytes(8, "big"))[:20]
        number += 1
        mandates = BeaconMandates(BEACON, miner, mix, Environments.installed(), checkpoint, codec, MOST_OBSERVED)
        groups = tuple(_group(mandates, codec, g, dice, tokens) for g in range(min(GROUPS, -(-left // GROUP_SIZE))))
        submission = Submission(window=WINDOW, miner=miner, checkpoint_version=VERSION, groups=groups)
        for group, index in submission.places():
            if left > 0:
                yield row_of(
                    submission, mandates.group(group), group, index, dialogue=mandates.dialogue(group), codec=codec,
                    audited_by=(), fingerprint="0x" + checkpoint.fingerprint.hex(),
                    transaction="0x" + "22" * 32,
                )  # fmt: skip
                left -= 1


def _group(mandates: BeaconMandates, codec: TextCodec, number: int, dice: np.random.Generator, length: int) -> Group:
    mandate = mandates.group(number)
    rollouts = []
    for index in range(GROUP_SIZE):
        text = mandate.problem.answer if index % 2 else str(dice.integers(0, 1_000))
        tokens = dice.integers(3, 17, length, dtype=np.int32) if length else codec.encode_completion(text)
        played = mandates.dialogue(number).play(tokens)
        rollouts.append(
            Rollout(
                tokens=tokens,
                logprobs=-dice.random(len(tokens)).astype(np.float16),
                finish=played.finish,
                sketch=dice.random((1, SKETCH)).astype(np.float16),
                reward_micro=played.grade.reward_micro,
            )
        )
    return Group(
        env_id=mandate.env_id, prompt_hash=mandate.prompt_hash, reward_milli=mandate.reward_milli,
        rollouts=tuple(rollouts),
    )  # fmt: skip


if __name__ == "__main__":
    main()
