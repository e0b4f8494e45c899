"""Ours and the published tests, on the same rollouts of the same model under the same manipulations.

    python benchmarks/detection.py [--model smollm2-135m] [--env reasoning_gym:chain_sum] [--json]

Every rollout is generated once (by the right or by a manipulated model or sampler) and replayed once by the right one;
each test then reads what both sides computed. Ours asks after one alternative in each order of the rollouts, by turns,
as validators do. "Laundered" is the cheat that generates cheaply and has the right model
write logprobs and states afterwards, by one prefill: all that then remains is the tokens.

tpr_at_fpr_1e3: share of manipulated rollouts above the threshold that one honest rollout of a thousand passes.
tokens_at_1e9: ours, the median number of tokens after which the e-value passes 10^9 (an anytime bound, calibrated on
other rollouts; the last rollout counts as if it had ended there). The others promise no bound; for them it is the size
of the binomial test on flagged rollouts that reaches 10^-9, with the 99 % upper limit of the honest rate as its null.
None: not with these rollouts.
"""

import argparse
import contextlib
import json
import math
import tempfile
import time
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from unittest.mock import patch

import numpy as np
from binomial import units_needed, upper
from honest import in_precision
from manipulations import Manipulation, manipulations, one_step_stale
from numpy.typing import NDArray
from published import Seen, published_schemes
from torch import Tensor

from benchmarks.engines import Bench
from grail.checkpoints.files import Checkpoint, open_checkpoint
from grail.config import load_settings
from grail.environments.registry import Environments
from grail.errors import BadCheckpoint
from grail.governance.policy import Policy
from grail.inference import decoding
from grail.inference.approximations import APPROXIMATIONS
from grail.inference.base import Generation, ReplayRequest, ReplayTrace, RolloutRequest
from grail.inference.cpu_instructions import avoid_broken_instructions
from grail.inference.requests import own_requests
from grail.inference.sampling import Mandate, mandated
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.models.library import Library
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.protocol.philox import key_words
from grail.telemetry.memory import peak_rss_mib
from grail.telemetry.timing import best_rounds
from grail.verification.alternatives import ALTERNATIVES, PREVIOUS
from grail.verification.audit import DRAW
from grail.verification.calibration import CalibrationProfile, as_rollout, calibrate, profile_of
from grail.verification.evidence import Evidence
from grail.verification.replay import MARGINS, Measurements, Reader

POLICY = Policy.defaults()
PLAN = SketchPlan(keccak256(b"detection study"), POLICY.sketch_dim, POLICY.sketch_stride)
ENOUGH, ORDERS = 9.0, 101
SLICE = 8
"""Tokens between looks at the evidence, one sketched position."""


class Watched(TransformersEngine):
    """Keeps the last hidden states of what it samples and replays, by Philox key, in the order of steps."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        super().__init__(checkpoint)
        self.kept: dict[tuple[int, ...], list[NDArray[np.float32]]] = {}
        self.sample_by(mandated)

    def sample_by(self, chooser: decoding.Chooser) -> None:
        """Choose tokens so."""

        def choose(logits: Tensor, temperature_milli: int, keys: Tensor, steps: Tensor) -> Mandate:
            self._keep(keys, self._states)
            return chooser(logits, temperature_milli, keys, steps)

        self.choose = choose

    def logits(self, states: Tensor) -> Tensor:
        """As the engine's; remembers what it was asked for."""
        self._states = states
        return super().logits(states)

    def _measure(self, states: Tensor, keys: Tensor, steps: Tensor, claimed: Tensor) -> tuple[Any, Any]:
        self._keep(keys, states)
        return super()._measure(states, keys, steps, claimed)

    def _keep(self, keys: Tensor, states: Tensor) -> None:
        for key, state in zip(keys.tolist(), states.float().numpy().copy(), strict=True):
            self.kept.setdefault(tuple(key), []).append(state)


@dataclass(frozen=True)
class Played:
    """One rollout: what the miner shows, what the validator measured, what both computed."""

    group: int
    generation: Generation
    trace: ReplayTrace
    seen: Seen
    votes: dict[str, NDArray[np.float64]]
    """By alternative, one entry a token: 1 where only the alternative mandates it, 0 where only the model, else NaN."""

    @property
    def laundered(self) -> "Played":
        """With logprobs and states as the right model writes them for these tokens."""
        generation = replace(
            self.generation,
            logprobs=np.minimum(self.trace.logprobs, 0).astype(np.float16) + np.float16(0),
            sketch=self.trace.sketch.astype(np.float16),
        )
        return replace(
            self, generation=generation, seen=Seen(self.seen.replayed, self.seen.replayed, self.seen.margins)
        )

    def measured(self, reader: Reader, asked_after: Iterable[str]) -> Measurements:
        """As the replay check reads it after what `reader` has read; with what these alternatives mandate."""
        measured = reader.measure(self.group, as_rollout(self.generation), self.trace)
        return measured | {name: _cast(self.votes[name]) for name in asked_after}


@dataclass(frozen=True)
class Study:
    """One precision class of one model."""

    checkpoint: Checkpoint
    environment: str
    honest: int
    each: int

    def requests(self, purpose: str, count: int) -> list[RolloutRequest]:
        """Problems of their own for each purpose, in groups as miners make them."""
        codec, environment = TextCodec(self.checkpoint), Environments.installed().by_id(self.environment)
        return own_requests(codec, environment, purpose.encode(), count, POLICY.group_size)

    def profile(self) -> CalibrationProfile:
        """The registered one where it lies beside the weights, else one fitted to rollouts of its own."""
        with contextlib.suppress(BadCheckpoint):
            return profile_of(self.checkpoint)
        engine = TransformersEngine(self.checkpoint)
        asked = self.requests("calibration", 256)
        return calibrate({"transformers": engine}, asked, PLAN, rules=self.checkpoint.rules)

    def play(self, engine: Watched, how: Manipulation | None, count: int) -> list[Played]:
        """Generate `count` rollouts so (None: honestly), and replay them with the right model."""
        right, how = engine.model, how or Manipulation("honest")
        asked = self.requests(how.name, count)
        foreign = [RolloutRequest(r.prompt, keccak256(r.key)) for r in asked] if how.foreign_keys else asked
        if how.model:
            engine.use_model(how.model(right))
        engine.sample_by(how.sampler)
        made = engine.generate(foreign, PLAN)
        claimed = _by_request(foreign, engine)
        engine.sample_by(mandated)
        engine.use_model(right)
        if how.edited:
            made = [_edited(generation, how.edited, place) for place, generation in enumerate(made)]
        shown = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(asked, made, strict=True)]
        traces = engine.replay(shown, PLAN)
        replayed = _by_request(asked, engine)
        votes = [
            {name: _votes(t, o) for name, o in others.items()} for t, others in self._others(engine, shown, traces)
        ]
        played = [
            Played(place // POLICY.group_size, g, t, Seen(c, r, t.margins), v)
            for place, (g, t, c, r, v) in enumerate(zip(made, traces, claimed, replayed, votes, strict=True))
        ]
        return [one.laundered for one in played] if how.edited else played

    def _others(
        self, engine: Watched, shown: list[ReplayRequest], traces: Sequence[ReplayTrace]
    ) -> Iterator[tuple[ReplayTrace, dict[str, ReplayTrace]]]:
        """Each trace with those of the alternatives; the version before is what the stale cheat runs."""
        right, found = engine.model, {}
        for name, change in {**APPROXIMATIONS, PREVIOUS: one_step_stale}.items():
            engine.use_model(change(right))
            found[name] = engine.replay(shown, PLAN)
            engine.kept = {}
        engine.use_model(right)
        for place, trace in enumerate(traces):
            yield trace, {name: others[place] for name, others in found.items()}


def _votes(trace: ReplayTrace, other: ReplayTrace) -> NDArray[np.float64]:
    strays = other.margins == 0
    return np.where((trace.margins == 0) != strays, strays, np.nan)


def _by_request(asked: Sequence[RolloutRequest], engine: Watched) -> list[NDArray[np.float32]]:
    kept, engine.kept = engine.kept, {}
    return [np.stack(kept[tuple(int(word) for word in key_words(request.key))]) for request in asked]


def _edited(generation: Generation, count: int, place: int) -> Generation:
    """Its last tokens before the end replaced by others that occur in it."""
    tokens, draws = generation.tokens.copy(), np.random.default_rng(place)
    tokens[-count - 1 : -1] = draws.choice(tokens, len(tokens[-count - 1 : -1]))
    return replace(generation, tokens=tokens)


def study(setting: Study) -> Iterator[dict[str, object]]:
    """A row for every scheme and manipulation."""
    precision = setting.checkpoint.rules.precision
    profile = setting.profile()
    engine = Watched(setting.checkpoint)
    honest = setting.play(engine, None, setting.honest)
    margins = np.concatenate([one.trace.margins for one in honest])
    schemes = published_schemes(max(float(np.quantile(margins, 0.999)), 1e-3))
    limits = {scheme.name: _threshold([scheme.score(one.seen) for one in honest]) for scheme in schemes}
    rates = {
        scheme.name: upper(sum(scheme.score(one.seen) > _cut(scheme, limits) for one in honest), len(honest))
        for scheme in schemes
    }
    own_limit = _threshold([_evidence(profile, one) for one in honest])
    stored = 2 * PLAN.dim / PLAN.stride + 2  # sketch and logprob, float16
    yield {
        "precision": precision,
        "manipulation": f"honest: at most 10^{_largest(profile, honest):.2f} in an audit",
        "scheme": "ours",
        "tpr_at_fpr_1e3": float(np.mean([_evidence(profile, one) > own_limit for one in honest])),
        "tokens_at_1e9": _tokens_needed(profile, honest),
        "bytes_per_token": stored,
    }
    for how in manipulations():
        played = setting.play(engine, how, setting.each)
        tokens = float(np.mean([len(one.trace.margins) for one in played]))
        kinds = {"": played, ", laundered": [one.laundered for one in played]} if how.model else {"": played}
        for suffix, shown in kinds.items():
            base = {"precision": precision, "manipulation": how.name + suffix}
            yield base | {
                "scheme": "ours",
                "tpr_at_fpr_1e3": float(np.mean([_evidence(profile, one) > own_limit for one in shown])),
                "tokens_at_1e9": _tokens_needed(profile, shown),
                "bytes_per_token": stored,
            }
            for scheme in schemes:
                scores = np.array([scheme.score(one.seen) for one in shown])
                flagged = float((scores > _cut(scheme, limits)).mean())
                units = units_needed(flagged, rates[scheme.name])
                yield base | {
                    "scheme": scheme.name,
                    "tpr_at_fpr_1e3": float((scores > limits[scheme.name]).mean()),
                    "tokens_at_1e9": None if units is None else round(units * tokens),
                    "bytes_per_token": scheme.bytes_per_token,
                }


def _cut(scheme: Any, limits: dict[str, float]) -> float:
    return 1.0 if scheme.published else limits[scheme.name]


def _evidence(profile: CalibrationProfile, played: Played) -> float:
    """Of one rollout whose validators ask after every alternative."""
    evidence = Evidence(profile.evidence_nulls())
    evidence.add(played.measured(Reader(PLAN), ALTERNATIVES))
    return evidence.log10_now


def _largest(profile: CalibrationProfile, honest: Sequence[Played]) -> float:
    """Largest log10 evidence that consecutive audits ever reach, each asking after one alternative, by turns."""
    peaks, size = [0.0], POLICY.audit_rollouts
    for number, first in enumerate(range(0, len(honest) - size + 1, size)):
        evidence, reader = Evidence(profile.evidence_nulls()), Reader(PLAN)
        for one in honest[first : first + size]:
            evidence.add(one.measured(reader, [ALTERNATIVES[number % len(ALTERNATIVES)]]))
        peaks.append(evidence.log10)
    return max(peaks)


def _cast(ballot: NDArray[np.float64]) -> NDArray[np.float64]:
    return ballot[~np.isnan(ballot)]


def _threshold(scores: Sequence[float]) -> float:
    """What one of a thousand honest rollouts passes."""
    return float(np.sort(scores)[-1 - len(scores) // 1_000])


def _tokens_needed(profile: CalibrationProfile, played: Sequence[Played]) -> int | None:
    """Median over orders of the rollouts; None where most orders end before the evidence is enough."""
    draws = np.random.default_rng(0)
    found = [
        _stream(profile, [played[i] for i in draws.permutation(len(played))], ALTERNATIVES[number % len(ALTERNATIVES)])
        for number in range(ORDERS)
    ]
    middle = sorted(found)[ORDERS // 2]
    return None if math.isinf(middle) else int(middle)


def _stream(profile: CalibrationProfile, played: Sequence[Played], asked_after: str) -> float:
    """Tokens until the evidence is enough, read a slice at a time."""
    evidence, reader, read = Evidence(profile.evidence_nulls()), Reader(PLAN), 0
    for one in played:
        count = len(one.trace.margins)
        measured = one.measured(reader, [])
        skipped = count - len(measured["logprobs"]), PLAN.rows(count) - len(measured["sketch"])
        for start in range(0, count, SLICE):
            part, row = slice(start, start + SLICE), start // PLAN.stride
            looked = {name: measured[name][part] for name in MARGINS}
            looked["logprobs"] = measured["logprobs"][max(start - skipped[0], 0) : max(start + SLICE - skipped[0], 0)]
            looked["sketch"] = measured["sketch"][max(row - skipped[1], 0) : max(row + 1 - skipped[1], 0)]
            looked[asked_after] = _cast(one.votes[asked_after][part])
            evidence.add(looked)
            read += len(looked["tokens"])
            if evidence.log10_now >= ENOUGH:
                return read
    return math.inf


def costs(setting: Study, batch: int) -> dict[str, float]:
    """What proving adds to generating, and what replaying costs of what transformers as it comes takes to generate."""
    bench = Bench(setting.checkpoint, Environments.installed().by_id(setting.environment), batch)
    engine, asked = bench.transformers, bench.requests
    made = engine.generate(asked, PLAN)
    shown = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(asked, made, strict=True)]

    def bare() -> None:
        with (
            patch.object(decoding, "logprobs_of", lambda logits, *_: logits[:, 0]),
            patch.object(decoding, "project", lambda states, projection: states[:, : len(projection)].float()),
        ):
            engine.generate(asked, PLAN)

    seconds = best_rounds(
        {
            "full": lambda: engine.generate(asked, PLAN),
            "bare": bare,
            "replay": lambda: engine.replay(shown, PLAN),
            "plain": bench.generate_bare,
        }
    )
    return {
        "prover_overhead": seconds["full"] / seconds["bare"] - 1,
        "verifier_ratio": seconds["replay"] / seconds["plain"],
        "verifier_ratio_to_ours": seconds["replay"] / seconds["full"],
    }


def main() -> None:
    """Measure, print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", default="smollm2-135m")
    parser.add_argument("--env", default="reasoning_gym:chain_sum")
    parser.add_argument("--honest", type=int, default=1_024, help="honest rollouts of each precision")
    parser.add_argument("--each", type=int, default=96, help="rollouts of each manipulation")
    parser.add_argument("--precision", nargs="*", default=["bf16", "fp32"], help="of the study; none: costs alone")
    parser.add_argument("--batch", type=int, default=DRAW, help="rollouts of the costs; default: what an audit draws")
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    avoid_broken_instructions()
    source, began = Library(load_settings().work.models).find(options.model), time.perf_counter()
    results: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        for precision in options.precision:
            original = open_checkpoint(source)
            same = original.rules.precision == precision
            checkpoint = original if same else in_precision(source, Path(folder) / precision, precision)
            setting = Study(checkpoint, options.env, options.honest, options.each)
            for row in study(setting):
                results.append(row)
                print(_line(row), flush=True)
        spent = costs(Study(open_checkpoint(source), options.env, 0, 0), options.batch)
    told = spent | {"peak_rss_mib": peak_rss_mib(), "seconds": time.perf_counter() - began}
    print(", ".join(f"{name} {value:.3g}" for name, value in told.items()))
    if options.json:
        print(json.dumps({"results": results, **told}))


def _line(row: dict[str, object]) -> str:
    tokens = row["tokens_at_1e9"]
    return (
        f"{row['precision']}  {row['manipulation']!s:40s} {row['scheme']!s:16s} "
        f"TPR {row['tpr_at_fpr_1e3']:.3f}  tokens {'-' if tokens is None else tokens!s:>7s}  "
        f"{row['bytes_per_token']:.1f} B/token"
    )


if __name__ == "__main__":
    main()
