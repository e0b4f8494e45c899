"""Foreign bytes by the million: every parser gives one of our errors or a value that encodes to the same bytes.

    python benchmarks/fuzz.py [--cases 1000000] [--seed 0] [--json]
    python benchmarks/fuzz.py --guided [--cases 1000000]      (needs: pip install atheris)

Mutates valid inputs (bits, bytes, numbers at field boundaries, cuts, repeats, insertions) and counts what happens; or,
guided, lets atheris look for inputs that reach new code. A crash, a second encoding of the same value, or a case slower
than a second ends the run with exit code 1.
"""

import argparse
import contextlib
import json
import random
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

if "--guided" in sys.argv:  # coverage is counted in what is imported here, and in nothing else
    import atheris

    ours = atheris.instrument_imports(include=["grail"])
else:
    ours = contextlib.nullcontext()
with ours:
    from grail.checkpoints import delta
    from grail.checkpoints.manifest import Manifest, parse_manifest
    from grail.errors import BadInput, GrailError
    from grail.protocol.audit_proof import ProofName, decode_proof, encode_proof
    from grail.protocol.codec import BlobLimits, decode, encode
    from grail.protocol.constants import FINISH_EOS
    from grail.protocol.reports import AuditReport, Said, Sample, TrainingReport
    from grail.protocol.submission import Group, Rollout, Submission
    from grail.protocol.units import MicroReward, WindowId
    from grail.settlement.sheets import Entry, encode_sheet, entry_of

LIMITS = BlobLimits(groups=2, group_size=2, max_tokens=5, sketch_dim=3, sketch_stride=2)
PROOF, ROWS = ProofName(WindowId(1), b"v" * 20, b"m" * 20), (1, 2)
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
        Target("sheet", tuple(_sheet(n) for n in (0, 1, 40)), _read_sheet),
        Target("proof of audit", (encode_proof(PROOF, [np.ones((n, 3), np.float16) for n in ROWS]),), _proof_again),
        Target("report", (_report(),), lambda data: AuditReport.decode(data, 1 << 20).encode()),
        Target("training report", (_training(),), lambda data: TrainingReport.decode(data, 1 << 20).encode()),
        Target("manifest", (_manifest(),), _manifest_again),
        Target("delta", (_delta(),), _delta_again),
    )


def _blob(tokens: int) -> bytes:
    rollout = Rollout(
        tokens=np.arange(tokens, dtype=np.int32),
        logprobs=np.full(tokens, -0.5, dtype=np.float16),
        sketch=np.full((-(-tokens // 2), 3), 0.25, dtype=np.float16),
        finish=FINISH_EOS,
        reward_micro=MicroReward(7),
    )
    group = Group(env_id=bytes(32), prompt_hash=bytes(32), reward_milli=1_000, rollouts=(rollout, rollout))
    return encode(Submission(window=1, miner=b"m" * 20, checkpoint_version=3, groups=(group, group)), LIMITS)


def _sheet(entries: int) -> bytes:
    return encode_sheet([[Entry(i % 4) for i in range(entries)]])


def _read_sheet(data: bytes) -> bytes:
    """Every string of bytes is a sheet: reading it never fails. One that says nothing counts as refused."""
    for page in range(4):
        for rank in (0, 3, 63, 65_535):
            entry_of(data, page, rank)
    if not any(entry_of(data, page, rank) for page in range(4) for rank in range(64)):
        raise BadInput("a sheet that says nothing")
    return data


def _proof_again(data: bytes) -> bytes:
    return encode_proof(PROOF, decode_proof(data, PROOF, ROWS, 3))


def _report() -> bytes:
    good = Said(outcome="accept", check="replay", added={"tokens": (5_000,) * 7}, proof="ab" * 32)
    bad = Said(outcome="fault", check="reward", reason="not 1", evidence=-7, place=(1, 2), rollouts=16, tokens=99)
    name, said = "0x" + "33" * 20, {"0x" + "11" * 20: good, "0x" + "22" * 20: bad}
    return AuditReport(version=1, window=1, validator=name, verdicts=said).encode()


def _training() -> bytes:
    sample = Sample(
        environment="arithmetic/1", miner="0x" + "11" * 20, prompt="1+1=", completion="2", reward=10**6, margin=3
    )
    said = {"numbers": {"reward": 500_000, "loss": -3}, "dropped": {"no_signal": 7}, "rewards": {"arithmetic/1": 5}}
    return TrainingReport(version=1, window=3, parent="ab" * 32, samples=(sample,), **said).encode()


def _manifest() -> bytes:
    files = {"config.json": {"size": 3, "digest": "0" * 64}, "rules.json": {"size": 1 << 40, "digest": "f" * 64}}
    return json.dumps({"files": files}).encode()


def _manifest_again(data: bytes) -> bytes:
    """A manifest is named by its bytes' digest and has no canonical form: what must hold is that it means the same."""
    manifest = parse_manifest(data)
    assert Manifest.model_validate_json(manifest.model_dump_json()) == manifest
    if not any(entry_of(data, page, rank) for page in range(4) for rank in range(64)):
        raise BadInput("a sheet that says nothing")
    return data


def _weights(step: int) -> bytes:
    """A safetensors file of 600 bf16 words, every seventh of which moves with `step`."""
    words = np.arange(600, dtype="<u2")
    words[::7] += step
    header = json.dumps({"w": {"dtype": "BF16", "shape": [600], "data_offsets": [0, 1200]}}).encode()
    return len(header).to_bytes(8, "little") + header + words.tobytes()


PARENT, CHILD = _weights(0), _weights(1)


def _delta() -> bytes:
    made = delta.encode(PARENT, CHILD)
    assert made is not None
    return made


def _delta_again(data: bytes) -> bytes:
    """A delta has no canonical form; what it gives has the parent's size, whatever it says."""
    assert len(delta.apply(PARENT, data)) == len(PARENT)
    if not any(entry_of(data, page, rank) for page in range(4) for rank in range(64)):
        raise BadInput("a sheet that says nothing")
    return data


def guided(target: Target, cases: int, seed: int) -> None:
    """Atheris: coverage decides which inputs are kept. Ends the process; a finding ends it with its traceback."""
    import atheris

    def one(data: bytes) -> None:
        try:
            again = target.again(data)
        except GrailError:
            return
        assert again == data, f"{target.name}: two encodings of one value: {data.hex()}"

    with tempfile.TemporaryDirectory() as corpus:
        for number, example in enumerate(target.seeds):
            (Path(corpus) / str(number)).write_bytes(example)
        limits = [f"-runs={cases}", f"-seed={seed + 1}", "-max_len=4096", "-timeout=2", "-rss_limit_mb=2048"]
        atheris.Setup([sys.argv[0], *limits, corpus], one)
        atheris.Fuzz()


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


def main() -> None:
    """Fuzz every target with an equal share of the cases."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cases", type=int, default=1_000_000)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--guided", action="store_true", help="by coverage, with atheris")
    parser.add_argument("--target", help="of one parser alone")
    options = parser.parse_args()
    if options.guided and options.target:
        guided(next(t for t in targets() if t.name == options.target), options.cases, options.seed)
    if options.guided:
        share = str(-(-options.cases // len(targets())))
        for target in targets():
            again = [sys.executable, __file__, "--guided", "--target", target.name, "--cases", share]
            subprocess.run([*again, "--seed", str(options.seed)], check=True)
        return
    chance = random.Random(options.seed)
    rows = {}
    for target in targets():
        try:
            rows[target.name] = dict(fuzz(target, -(-options.cases // len(targets())), chance))
        except Exception as error:
            print(f"{target.name}: {type(error).__name__}: {error}", file=sys.stderr)
            raise SystemExit(1) from error
        print(target.name, rows[target.name], flush=True)
    from grail.telemetry.memory import peak_rss_mib

    peak = peak_rss_mib()
    print(f"peak memory {peak:.0f} MiB")
    if options.json:
        print(
            json.dumps({"cases": sum(sum(row.values()) for row in rows.values()), "rows": rows, "peak_rss_mib": peak})
        )


if __name__ == "__main__":
    main()
