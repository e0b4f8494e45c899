"""Is the promised false-positive bound true? Evidence of honest miners, in every variation of honest numerics.

    python benchmarks/honest.py [--model tiny] [--rollouts 4096] [--png docs/images/honest.png] [--json]
    python benchmarks/honest.py --model smollm2-135m --env reasoning_gym:chain_sum --rollouts 48 --precision bf16

For each precision class a profile is calibrated on rollouts of its own, as `grail calibrate` does, with every engine
there is (where the registered profile of the model is of that class, it is taken); then other rollouts, in groups as
miners make them, are generated and replayed in each variation, cut into audits of the default size, and read as a
validator reads them.
Ville's inequality promises that at most a share 10^-t of honest audits ever reaches 10^t; the curve shows the share
that does.
"""

import argparse
import itertools
import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from grail.checkpoints.files import RULES, Checkpoint, open_checkpoint
from grail.config import load_settings
from grail.environments.registry import Environments
from grail.errors import BadCheckpoint
from grail.governance.policy import Policy
from grail.inference import installed_engines, open_engine
from grail.inference.base import Engine, RolloutRequest
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.models.library import Library
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.verification.calibration import CalibrationProfile, calibrate, profile_of, read_by_group, replays
from grail.verification.evidence import Evidence
from grail.verification.replay import Measurements

AUDIT, GROUP = Policy.defaults().audit_rollouts, Policy.defaults().group_size


@dataclass(frozen=True)
class Variation:
    """How the miner generates and how the validator replays: batch sizes (0 is everything at once), order, kernels."""

    name: str
    made: int = 0
    replayed: int = 16
    shuffled: bool = False
    attention: tuple[str, str] = ("sdpa", "sdpa")
    threads: tuple[int, int] = (2, 2)
    engine: str = "transformers"


VARIATIONS = (
    Variation("whole window, draws of 16"),
    Variation("batches of 7, replayed one by one", made=7, replayed=1),
    Variation("another order", shuffled=True, made=64, replayed=64),
    Variation("eager attention, replayed with SDPA", attention=("eager", "sdpa")),
    Variation("SDPA, replayed with eager attention", attention=("sdpa", "eager")),
    Variation("one thread, replayed with two", threads=(1, 2)),
    Variation("vLLM, replayed by transformers", engine="vllm"),
)


def main() -> None:
    """Measure, print, plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="tiny")
    parser.add_argument("--env", default="arithmetic/1")
    parser.add_argument("--calibration", type=int, default=2_048, help="rollouts that a profile is fitted to")
    parser.add_argument("--rollouts", type=int, default=4_096, help="for each variation and class")
    parser.add_argument("--precision", nargs="*", default=["fp32", "bf16"], help="classes to study")
    parser.add_argument("--png", type=Path)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    rows: list[dict[str, object]] = []
    peaks: dict[str, list[float]] = {}
    for precision, replayer in (("fp32", "fp32"), ("bf16", "bf16"), ("bf16", "fp32")):
        if precision not in options.precision:
            continue
        pair = precision if precision == replayer else f"{precision} replayed in {replayer}"
        for row, found in study(options.model, options.env, options.rollouts, options.calibration, precision, replayer):
            peaks.setdefault(pair, []).extend(found)
            rows.append({"pair": pair, **row})
            print(rows[-1], flush=True)
    curve = {pair: exceedance(np.array(found)) for pair, found in peaks.items()}
    total = sum(int(str(row["rollouts"])) for row in rows)
    print(f"{total} honest rollouts; largest evidence 10^{max(max(found) for found in peaks.values()):.2f}")
    if options.png:
        plot(curve, options.png)
    if options.json:
        print(json.dumps({"rollouts": total, "rows": rows, "curve": curve}))


def study(
    model: str, environment_id: str, count: int, calibration: int, precision: str, replayer: str
) -> Iterator[tuple[dict[str, object], list[float]]]:
    """For each variation a row and the peak log10 evidence of every audit."""
    environment = Environments.installed().by_id(environment_id)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = in_precision(Library(load_settings().work.models).find(model), Path(folder) / precision, precision)
        miner = TransformersEngine(checkpoint)
        validator = TransformersEngine(checkpoint) if precision == replayer else miner.in_float32()
        codec = TextCodec(checkpoint)
        plan = SketchPlan(keccak256(b"honest study"), Policy.defaults().sketch_dim, Policy.defaults().sketch_stride)

        engines = {"transformers": miner} | {
            name: open_engine(name, checkpoint) for name in installed_engines() if name != "transformers"
        }
        try:
            profile = profile_of(checkpoint)
        except BadCheckpoint:
            profile = calibrate(
                engines,
                own_requests(codec, environment, b"calibration", calibration, GROUP),
                plan,
                rules=checkpoint.rules,
            )
        for variation in VARIATIONS:
            if variation.engine not in engines:
                continue
            asked = own_requests(codec, environment, variation.name.encode(), count, GROUP)
            found = play(variation, miner, engines[variation.engine], validator, asked, plan)
            values = np.concatenate([m["tokens"] for group in found for m in group])
            peaks = audits(profile, found)
            yield (
                {
                    "variation": variation.name,
                    "rollouts": sum(map(len, found)),
                    "tokens": len(values),
                    "flipped": float((values > 0).mean()),
                    "largest_margin": float(values.max()),
                    "largest_log10_evidence": max(peaks),
                },
                peaks,
            )


def in_precision(source: Path, folder: Path, precision: str) -> Checkpoint:
    """A copy of the checkpoint whose rules say `precision`."""
    shutil.copytree(source, folder)
    rules = json.loads((folder / RULES).read_text())
    (folder / RULES).write_text(json.dumps(rules | {"precision": precision}))
    return open_checkpoint(folder)


def play(
    variation: Variation,
    miner: TransformersEngine,
    generator: Engine,
    validator: TransformersEngine,
    asked: Sequence[RolloutRequest],
    plan: SketchPlan,
) -> list[list[Measurements]]:
    """Generate and replay as the variation says; what is measured, group by group."""
    order = np.random.default_rng(0).permutation(len(asked)) if variation.shuffled else np.arange(len(asked))
    asked, grouped = [asked[place] for place in order], asked
    attention = {"eager": "eager", "sdpa": miner.model.config._attn_implementation}
    usual = miner.model.config._attn_implementation
    miner.model.set_attn_implementation(attention[variation.attention[0]])
    torch.set_num_threads(variation.threads[0])
    size = variation.made or len(asked)
    made = [g for first in range(0, len(asked), size) for g in generator.generate(asked[first : first + size], plan)]
    miner.model.set_attn_implementation(usual)
    validator.model.set_attn_implementation(attention[variation.attention[1]])
    torch.set_num_threads(variation.threads[1])
    traces, back = replays(validator, asked, made, plan, variation.replayed), np.argsort(order)
    return read_by_group(grouped, [made[place] for place in back], [traces[place] for place in back], plan)


def audits(profile: CalibrationProfile, found: Sequence[Sequence[Measurements]]) -> list[float]:
    """Peak log10 evidence of consecutive audits of the default size, which open whole groups: what depends most."""
    peaks, size = [], AUDIT // GROUP
    for first in range(0, len(found) - size + 1, size):
        evidence = Evidence(profile.evidence_nulls())
        for measured in itertools.chain.from_iterable(found[first : first + size]):
            evidence.add(measured)
        peaks.append(evidence.log10)
    return peaks


def exceedance(peaks: np.ndarray) -> list[tuple[float, float]]:
    """(t, share of audits whose evidence ever reached 10^t)."""
    return [(float(t), float((peaks >= t).mean())) for t in np.arange(0.05, 4.0, 0.05)]


def plot(curve: dict[str, list[tuple[float, float]]], path: Path) -> None:
    """The promised curve and the found ones."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(7, 4), layout="constrained")
    grid = np.arange(0, 4.01, 0.1)
    axes.semilogy(grid, 10.0**-grid, "k--", label="promised: 10^-t")
    for pair, points in curve.items():
        shown = [(t, share) for t, share in points if share > 0]
        axes.semilogy([t for t, _ in shown], [share for _, share in shown], marker=".", label=pair)
    axes.set(xlabel="t", ylabel="share of honest audits reaching 10^t", title="Honest evidence stays under its bound")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=120)


if __name__ == "__main__":
    main()
