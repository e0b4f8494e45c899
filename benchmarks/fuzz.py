"""Foreign bytes by the million: every parser gives one of our errors or a value that encodes to the same bytes.

    python benchmarks/fuzz.py [--cases 1000000] [--seed 0] [--json]

Mutates valid inputs (bits, bytes, numbers at field boundaries, cuts, repeats, insertions) and counts what happens. A
crash, a second encoding of the same value, or a case slower than a second ends the run with exit code 1.
"""

import argparse
import json
import random
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from grail.checkpoints.manifest import Manifest, parse_manifest
from grail.errors import GrailError
from grail.protocol.codec import BlobLimits, decode, encode
from grail.protocol.constants import FINISH_EOS
from grail.protocol.submission import Group, Rollout, Submission
from grail.protocol.units import MicroReward
from grail.settlement.scores import ScoreSheet, decode_sheet

LIMITS = BlobLimits(groups=2, group_size=2, max_tokens=5, sketch_dim=3, sketch_stride=2)
NUMBERS = (
    0,
    1,
    2,
    0x7F,
    0x80,
    0xFF,
    0x7FFF,
    0xFFFF,
    0x7C00,
    0xFC00,
    0x7FFFFFFF,
    0x80000000,
    0xFFFFFFFF,
    2**63,
    2**64 - 1,
)
SLOW_SECONDS = 1.0


@dataclass(frozen=True)
class Target:
    """A parser: valid seeds, and a function that raises GrailError or returns the canonical bytes of what it read."""

    name: str
    seeds: tuple[bytes, ...]
    again: Callable[[bytes], bytes]


def targets() -> tuple[Target, ...]:
    """Every parser that sees bytes of another neuron."""
    return (
        Target("blob", tuple(_blob(n) for n in (1, 3, 5)), lambda data: encode(decode(data, LIMITS), LIMITS)),
        Target("sheet", tuple(_sheet(n) for n in (0, 1, 40)), lambda data: decode_sheet(data, 1, bytes(20)).encode()),
        Target("manifest", (_manifest(),), _manifest_again),
    )


def _blob(tokens: int) -> bytes:
    rollout = Rollout(
        tokens=np.arange(tokens, dtype=np.int32),
        logprobs=np.full(tokens, -0.5, dtype=np.float16),
        sketch=np.full((-(-tokens // 2), 3), 0.25, dtype=np.float16),
        finish=FINISH_EOS,
        reward_micro=MicroReward(7),
    )
    group = Group(env_id=bytes(32), prompt_hash=bytes(32), rollouts=(rollout, rollout))
    return encode(Submission(window=1, miner=b"m" * 20, checkpoint_version=3, groups=(group, group)), LIMITS)


def _sheet(entries: int) -> bytes:
    return ScoreSheet(1, bytes(20), {i.to_bytes(20, "big"): i for i in range(1, entries + 1)}).encode()


def _manifest() -> bytes:
    files = {"config.json": {"size": 3, "digest": "0" * 64}, "rules.json": {"size": 1 << 40, "digest": "f" * 64}}
    return json.dumps({"files": files}).encode()


def _manifest_again(data: bytes) -> bytes:
    """A manifest is named by its bytes' digest and has no canonical form: what must hold is that it means the same."""
    manifest = parse_manifest(data)
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    return data


def mutated(data: bytes, chance: random.Random) -> bytes:
    """One to four random changes."""
    out = bytearray(data)
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(out) + 1)
        kind = chance.randrange(6)
        if kind == 0 and at < len(out):
            out[at] ^= 1 << chance.randrange(8)
        elif kind == 1 and at < len(out):
            out[at] = chance.randrange(256)
        elif kind == 2:
            size = chance.choice((1, 2, 4, 8))
            number = chance.choice(NUMBERS) % (1 << 8 * size)
            out[at : at + size] = number.to_bytes(size, chance.choice(("little", "big")))
        elif kind == 3:
            del out[at:]
        elif kind == 4:
            del out[at : at + chance.randint(1, 16)]
        else:
            other = chance.randrange(len(out) + 1)
            out[at:at] = out[other : other + chance.randint(1, 64)]
    return bytes(out)


def fuzz(target: Target, cases: int, chance: random.Random) -> Counter[str]:
    """Outcome to count. Raises AssertionError for a second encoding or a hang, and whatever a parser crashes with."""
    found: Counter[str] = Counter()
    for _ in range(cases):
        data = mutated(chance.choice(target.seeds), chance)
        began = time.perf_counter()
        try:
            same = target.again(data) == data
            assert same, f"{target.name}: two encodings of one value: {data.hex()}"
            found["read"] += 1
        except GrailError as error:
            found[type(error).__name__] += 1
        assert time.perf_counter() - began < SLOW_SECONDS, f"{target.name}: slow case {data.hex()}"
    return found


def peak_mib() -> float:
    """Peak resident memory of this program alone; getrusage would count the process that started it too."""
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def main() -> None:
    """Fuzz every target with an equal share of the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    rows = {}
    for target in targets():
        try:
            rows[target.name] = dict(fuzz(target, -(-options.cases // len(targets())), chance))
        except Exception as error:
            print(f"{target.name}: {type(error).__name__}: {error}", file=sys.stderr)
            raise SystemExit(1) from error
        print(target.name, rows[target.name], flush=True)
    peak = peak_mib()
    print(f"peak memory {peak:.0f} MiB")
    if options.json:
        print(
            json.dumps({"cases": sum(sum(row.values()) for row in rows.values()), "rows": rows, "peak_rss_mib": peak})
        )


if __name__ == "__main__":
    main()
