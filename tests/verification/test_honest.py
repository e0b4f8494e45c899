"""Honest miners whose noise is large and shared stay under every bar. The cheap sibling of benchmarks/honest.py."""

import dataclasses
import itertools
import json
import shutil

import numpy as np
import pytest

from grail.checkpoints.files import RULES, open_checkpoint
from grail.environments.arithmetic import Arithmetic
from grail.governance.policy import Policy
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.verification.calibration import calibrate, fair_mu0, read_by_group, replays
from grail.verification.evidence import Evidence
from grail.verification.replay import shared_states

GROUP, AUDIT = Policy.defaults().group_size, Policy.defaults().audit_rollouts
PLAN = SketchPlan(keccak256(b"honest"), Policy.defaults().sketch_dim, Policy.defaults().sketch_stride)


@pytest.fixture(scope="module")
def in_bf16(tiny_folder, tmp_path_factory) -> TransformersEngine:
    folder = shutil.copytree(tiny_folder, tmp_path_factory.mktemp("bf16") / "tiny")
    rules = json.loads((folder / RULES).read_text())
    (folder / RULES).write_text(json.dumps(rules | {"precision": "bf16"}))
    return TransformersEngine(open_checkpoint(folder))


def test_miners_of_whole_groups_on_other_machines(in_bf16):
    """bf16 with another attention kernel, replayed in float32, six whole groups an audit: what depends most."""
    codec = TextCodec(in_bf16.checkpoint)
    asked = own_requests(codec, Arithmetic(), b"calibration", 64 * GROUP, GROUP)
    nulls = calibrate({"transformers": in_bf16}, asked, PLAN, rules=in_bf16.checkpoint.rules).evidence_nulls()
    asked = own_requests(codec, Arithmetic(), b"eager attention, replayed with SDPA", 24 * AUDIT, GROUP)
    usual = in_bf16.model.config._attn_implementation
    in_bf16.model.set_attn_implementation("eager")
    made = in_bf16.generate(asked, PLAN)
    in_bf16.model.set_attn_implementation(usual)
    traces = replays(in_bf16.in_float32(), asked, made, PLAN, 16)
    rollouts = list(itertools.chain.from_iterable(read_by_group(asked, made, traces, PLAN)))
    assert len(rollouts) == len(asked)
    peaks = []
    for first in range(0, len(rollouts), AUDIT):
        evidence = Evidence(nulls)
        for measured in rollouts[first : first + AUDIT]:
            evidence.add(measured)
        peaks.append(evidence.log10)
    assert max(np.concatenate([m["tokens"] for m in rollouts])) > 0.1, "noise, or nothing is shown"
    assert max(peaks) < 2, "a hundredth of honest audits may pass this, and a rejection needs 4"


@pytest.mark.parametrize(
    ("tokens", "other", "shared"),
    [
        ([5, 6, 7], [8, 6, 7], 1),
        ([5, 6, 7], [5, 6, 8], 3),
        ([5, 6, 7], [5, 9], 2),
        ([5, 6, 7], [5], 1),
        ([5], [5, 6], 1),
    ],
)
def test_states_whose_tokens_before_are_the_same(tokens, other, shared):
    assert shared_states(np.array(tokens), np.array(other)) == shared


def test_what_a_group_shares_is_measured_once(in_bf16):
    asked = own_requests(TextCodec(in_bf16.checkpoint), Arithmetic(), b"once", GROUP, GROUP)
    made = in_bf16.generate(asked, PLAN)
    (found,) = read_by_group(asked, made, replays(in_bf16, asked, made, PLAN, GROUP), PLAN)
    beginnings = {generation.tokens[:end].tobytes() for generation in made for end in range(len(generation.tokens))}
    assert sum(len(measured["logprobs"]) for measured in found) == len(beginnings)
    assert sum(len(measured["sketch"]) for measured in found) == 1, "all completions are shorter than a stride"
    assert all(len(m["tokens"]) == len(g.tokens) for m, g in zip(found, made, strict=True)), "margins are each its own"


def test_a_lie_about_a_state_is_measured_whoever_told_the_truth_before(in_bf16):
    asked = own_requests(TextCodec(in_bf16.checkpoint), Arithmetic(), b"lies", GROUP, GROUP)
    made = in_bf16.generate(asked, PLAN)
    traces = replays(in_bf16, asked, made, PLAN, GROUP)
    told = [dataclasses.replace(g, sketch=g.sketch + np.float16(1), logprobs=g.logprobs - np.float16(1)) for g in made]
    (found,) = read_by_group(asked, [*made[:4], *told[4:]], traces, PLAN)
    assert len(found[4]["logprobs"]) == len(made[4].tokens) and len(found[4]["sketch"]) == 1
    assert found[4]["logprobs"].min() > 0.01 and found[4]["sketch"].min() > 0.01


def test_a_bound_fair_to_rollouts_is_not_fair_to_groups_that_share_their_noise():
    draws = np.random.default_rng(0)
    odd = draws.random(4_000) < 0.01
    rollouts = [np.full(1, float(value)) for value in np.repeat(odd, GROUP)]
    groups = [np.full(GROUP, float(value)) for value in odd]
    assert fair_mu0(rollouts) < 0.02 < 0.2 < fair_mu0(groups)
