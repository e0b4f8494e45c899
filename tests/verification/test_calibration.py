"""Calibration: refuses too little data, finds honest noise small, is one with its bytes."""

import json
import shutil

import numpy as np
import pytest

from grail.checkpoints.files import CALIBRATION, RULES, open_checkpoint
from grail.errors import BadCheckpoint, BadInput
from grail.inference.base import RolloutRequest
from grail.models.library import packaged_folder
from grail.proofs.sketch import sketch_errors
from grail.protocol.hashing import keccak256
from grail.verification.alternatives import ALTERNATIVES
from grail.verification.calibration import (
    MIN_ROLLOUTS,
    PROCESSES,
    SHARE_CEILINGS,
    SKETCH_CEILING,
    CalibrationProfile,
    calibrate,
    laxest,
    load_profile,
    profile_of,
)
from grail.verification.evidence import Evidence
from grail.verification.replay import MARGINS


def test_too_little_data_names_the_number_that_is_needed(engine, requests, plan):
    with pytest.raises(BadInput, match=f"at least {MIN_ROLLOUTS} .* got 40"):
        calibrate({"transformers": engine}, requests, plan, rules=engine.checkpoint.rules)


def test_profile_of_the_tiny_model(engine, requests, plan, tmp_path):
    many = [RolloutRequest(r.prompt, keccak256(r.key + bytes([i]))) for i in range(8) for r in requests]
    profile = calibrate({"transformers": engine}, many, plan, rules=engine.checkpoint.rules)
    assert profile.largest_margin < 1e-3
    assert set(profile.evidence_nulls()) == {*PROCESSES, *ALTERNATIVES}
    (tmp_path / "calibration.json").write_bytes(profile.to_bytes())
    assert load_profile(tmp_path / "calibration.json") == profile
    assert CalibrationProfile.model_validate_json(profile.to_bytes()).to_bytes() == profile.to_bytes()


def test_no_profile_no_audit(tmp_path):
    with pytest.raises(BadCheckpoint, match="grail calibrate"):
        load_profile(tmp_path / "calibration.json")
    (tmp_path / "calibration.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match="expected a calibration profile"):
        load_profile(tmp_path / "calibration.json")


def lax(changes: dict) -> dict:
    raw = json.loads((packaged_folder() / CALIBRATION).read_text())
    for path, value in changes.items():
        place = raw
        *way, last = path.split(".")
        for name in way:
            place = place[name]
        place[last] = value
    return raw


@pytest.mark.parametrize(
    "changes",
    [
        {"nulls.tokens.cap": 1e30, "nulls.tokens.mu0": 0.5},
        {"nulls.tokens.mu0": 0.0021},
        {"precision": "bf16", "nulls.tokens.mu0": 0.11},
        {"nulls.sketch.cap": 0.3},
        {"nulls.sketch.mu0": 0.21},
        {"nulls.sketch.over": 0.1},
        {"nulls.tokens.cap": 5.0},
        {"nulls.flips.mu0": 0.3},
        {"nulls.flips.over": 0.2},
        {"nulls.flips.over": None},
        {"nulls.gross.over": 50.0},
        {"nulls.gross.over": None},
        {"nulls.gross.mu0": 0.4},
        {"nulls.outliers.over": 9.0},
        {"nulls.outliers.mu0": 0.4},
        {"nulls.forks.over": 9.0},
        {"nulls.forks.over": None},
        {"nulls.forks.mu0": 0.2},
        {"nulls.int8.cap": 1e9},
        {"nulls.previous.over": 0.9},
        {"largest_margin": 9.0, "nulls.outliers.over": 18.0, "nulls.forks.over": 18.0},
        {"precision": "bf16", "largest_margin": 1.5, "nulls.outliers.over": 3.0, "nulls.forks.over": 3.0},
        {"precision": "int4"},
        {"version": 5},
    ],
    ids=str,
)
def test_no_profile_may_be_lax(tmp_path, changes):
    """Whoever publishes a checkpoint writes its profile: one that excuses anything is none."""
    (tmp_path / "calibration.json").write_text(json.dumps(lax(changes)))
    with pytest.raises(BadCheckpoint, match="expected a calibration profile"):
        load_profile(tmp_path / "calibration.json")


def laxest_of(precision: str) -> CalibrationProfile:
    raw = lax({"precision": precision, "largest_margin": 0.0})
    return laxest(CalibrationProfile.model_validate(raw))


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_laxest_profile_that_is_allowed_still_convicts_random_tokens(precision):
    """At temperature 1, with everything at its ceiling: within one rollout of 32 tokens."""
    evidence = Evidence(laxest_of(precision).evidence_nulls())
    margins = np.random.default_rng(1).gumbel(8.0, 2.0, 32).clip(0)
    evidence.add(dict.fromkeys(MARGINS, margins) | {name: np.zeros(32) for name in ("logprobs", "sketch")})
    assert evidence.log10 > 9


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_the_laxest_is_the_laxest(precision):
    """A step beyond any of its ceilings is no profile."""
    worst = laxest_of(precision)
    steps = {f"nulls.{name}.mu0": most * 1.01 for name, most in SHARE_CEILINGS[precision].items()}
    steps |= {"nulls.sketch.mu0": SKETCH_CEILING.mu0 * 1.01, "nulls.sketch.cap": SKETCH_CEILING.cap * 1.01}
    steps |= {"largest_margin": worst.largest_margin * 1.01, "nulls.gross.over": worst.outlier_margin * 1.01}
    for path, value in steps.items():
        raw = place = json.loads(worst.to_bytes())
        *way, last = path.split(".")
        for name in way:
            place = place[name]
        place[last] = value
        with pytest.raises(ValueError, match=r"laxer|rounding"):
            CalibrationProfile.model_validate(raw)


def test_the_laxest_profile_that_is_allowed_still_tells_an_invented_state():
    """Twenty sketched positions of it are a false proof of audit."""
    raw = lax({"nulls.sketch.cap": SKETCH_CEILING.cap, "nulls.sketch.mu0": SKETCH_CEILING.mu0})
    null = CalibrationProfile.model_validate(raw).evidence_nulls()["sketch"]
    chance = np.random.default_rng(2)
    true, invented = (chance.standard_normal((20, 8)).astype(np.float16) for _ in range(2))
    evidence = Evidence({"sketch": null})
    evidence.add({"sketch": sketch_errors(true.astype(np.float32), invented)})
    assert evidence.log10 > 10


@pytest.mark.parametrize(
    ("rules", "why"),
    [
        ({"temperature_milli": 100}, "temperature 1, not 0.1, which decides how often honest tokens stray"),
        ({"temperature_milli": 2_000}, "temperature 1, not 2"),
        ({"max_tokens": 5}, "up to 4 tokens, and completions may have 5"),
        ({"precision": "bf16"}, "in fp32, and work is done in bf16"),
    ],
)
def test_a_profile_holds_for_what_it_was_measured_on(tiny_folder, tmp_path, rules, why):
    """At T = 0.1 an honest miner's evidence was 10^12 under a profile of T = 1."""
    folder = shutil.copytree(tiny_folder, tmp_path / "other")
    told = json.loads((folder / RULES).read_text())
    (folder / RULES).write_text(json.dumps(told | rules))
    with pytest.raises(BadCheckpoint, match=why):
        profile_of(open_checkpoint(folder))
    (folder / RULES).write_text(json.dumps(told | {"max_tokens": 2}))
    assert profile_of(open_checkpoint(folder)).max_tokens == 4, "shorter ones are fine"
