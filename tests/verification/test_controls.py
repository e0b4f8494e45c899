"""Negative controls: each evidence process alone convicts what no pass of the right model gave, in 99 of 100 audits.

A check that accepts zeros is no check. Published schemes have failed exactly here, so every process is tried by itself.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
import pytest

from grail.checkpoints.files import CALIBRATION
from grail.environments.arithmetic import Arithmetic
from grail.governance.policy import Policy
from grail.inference.base import Generation, ReplayRequest, ReplayTrace, RolloutRequest
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.verification.calibration import as_rollout, load_profile
from grail.verification.evidence import Evidence
from grail.verification.replay import MARGINS, measurements

AUDITS, AUDIT = 100, Policy.defaults().audit_rollouts
POWER = 0.99


@dataclasses.dataclass(frozen=True)
class Honest:
    """Honest rollouts with what an auditor replays of them."""

    requests: list[RolloutRequest]
    made: list[Generation]
    traces: list[ReplayTrace]


@pytest.fixture(scope="module")
def control_plan() -> SketchPlan:
    return SketchPlan(keccak256(b"controls"), Policy.defaults().sketch_dim, Policy.defaults().sketch_stride)


@pytest.fixture(scope="module")
def honest(codec, engine, control_plan) -> Honest:
    keys = [keccak256(b"control" + i.to_bytes(4, "big")) for i in range(AUDITS * AUDIT)]
    requests = [RolloutRequest(codec.encode(Arithmetic().problem(key).prompt), key) for key in keys]
    made = engine.generate(requests, control_plan)
    return Honest(requests, made, replayed(engine, requests, [g.tokens for g in made], control_plan))


def replayed(engine, requests: Sequence[RolloutRequest], tokens: Sequence[np.ndarray], plan) -> list[ReplayTrace]:
    asked = [ReplayRequest(r.prompt, r.key, ids) for r, ids in zip(requests, tokens, strict=True)]
    return engine.replay(asked, plan)


def power(tiny, process: str, claims: Sequence[Generation], traces: Sequence[ReplayTrace]) -> float:
    """Share of audits in which this process alone reaches the bar of a fault."""
    nulls = load_profile(tiny.folder / CALIBRATION).evidence_nulls()
    convicted = 0
    for first in range(0, len(claims), AUDIT):
        evidence = Evidence({process: nulls[process]})
        for claim, trace in zip(claims[first : first + AUDIT], traces[first : first + AUDIT], strict=True):
            evidence.add({process: measurements(as_rollout(claim), trace)[process]})
        convicted += evidence.log10 >= Policy.defaults().evidence_fault_exp
    return convicted / (len(claims) // AUDIT)


@pytest.mark.parametrize("process", [*MARGINS, "logprobs", "sketch"])
def test_the_honest_are_never_convicted(tiny, honest, process):
    assert power(tiny, process, honest.made, honest.traces) == 0


SKETCHES = {
    "zeros": lambda place, made: np.zeros_like(made[place].sketch),
    "noise": lambda place, made: np.random.default_rng(place).normal(0, 0.1, made[place].sketch.shape),
    "of another prompt": lambda place, made: np.resize(made[place - 1].sketch, made[place].sketch.shape),
    "in another order": lambda place, made: made[place].sketch[:, ::-1],
}


@pytest.mark.parametrize("control", SKETCHES)
def test_sketch(tiny, honest, control):
    forged = [
        dataclasses.replace(g, sketch=SKETCHES[control](place, honest.made).astype(np.float16))
        for place, g in enumerate(honest.made)
    ]
    assert power(tiny, "sketch", forged, honest.traces) >= POWER


def test_sketch_of_another_position(tiny, engine, honest):
    """The sketch of the second token's state where the first one's is due: stride 1 gives both."""
    plan = SketchPlan(keccak256(b"controls"), Policy.defaults().sketch_dim, 1)
    long = [i for i, g in enumerate(honest.made) if len(g.tokens) > 1]
    made = engine.generate([honest.requests[i] for i in long], plan)
    forged = [dataclasses.replace(honest.made[i], sketch=g.sketch[1:2]) for i, g in zip(long, made, strict=True)]
    whole = len(long) // AUDIT * AUDIT
    assert power(tiny, "sketch", forged[:whole], [honest.traces[i] for i in long][:whole]) >= POWER


LOGPROBS = {
    "zeros": lambda place, made: np.zeros_like(made[place].logprobs),
    "noise": lambda place, made: -np.random.default_rng(place).exponential(1, made[place].logprobs.shape),
    "of another rollout": lambda place, made: np.resize(made[place - 1].logprobs, made[place].logprobs.shape),
}


@pytest.mark.parametrize("control", LOGPROBS)
def test_logprobs(tiny, honest, control):
    forged = [
        dataclasses.replace(g, logprobs=LOGPROBS[control](place, honest.made).astype(np.float16))
        for place, g in enumerate(honest.made)
    ]
    assert power(tiny, "logprobs", forged, honest.traces) >= POWER


@pytest.mark.parametrize("control", ["random", "of another rollout", "one token"])
def test_tokens(tiny, engine, control_plan, honest, control):
    """Sketch and logprobs are what the right model says of the told tokens: only tokens and flips can tell."""
    chance = np.random.default_rng(0)
    told = {
        "random": lambda i: chance.integers(0, tiny.vocab_size, len(honest.made[i].tokens)).astype(np.int32),
        "of another rollout": lambda i: honest.made[i - 1].tokens,
        "one token": lambda i: np.array(tiny.rules.eos_ids, dtype=np.int32),
    }[control]
    tokens = [told(i) for i in range(len(honest.made))]
    traces = replayed(engine, honest.requests, tokens, control_plan)
    forged = [
        dataclasses.replace(g, tokens=ids, logprobs=t.logprobs.astype(np.float16), sketch=t.sketch.astype(np.float16))
        for g, ids, t in zip(honest.made, tokens, traces, strict=True)
    ]
    for process in MARGINS:
        assert power(tiny, process, forged, traces) >= POWER
