"""Calibration: refuses too little data, finds honest noise small, is one with its bytes."""

import pytest

from grail.errors import BadCheckpoint, BadInput
from grail.inference.base import RolloutRequest
from grail.protocol.hashing import keccak256
from grail.verification.alternatives import ALTERNATIVES
from grail.verification.calibration import FLOORS, MIN_ROLLOUTS, CalibrationProfile, calibrate, load_profile


def test_too_little_data_names_the_number_that_is_needed(engine, requests, plan):
    with pytest.raises(BadInput, match=f"at least {MIN_ROLLOUTS} .* got 40"):
        calibrate({"transformers": engine}, requests, plan, precision="fp32")


def test_profile_of_the_tiny_model(engine, requests, plan, tmp_path):
    many = [RolloutRequest(r.prompt, keccak256(r.key + bytes([i]))) for i in range(8) for r in requests]
    profile = calibrate({"transformers": engine}, many, plan, precision="fp32")
    assert profile.largest_margin < 1e-3
    assert set(profile.evidence_nulls()) == {*FLOORS, *ALTERNATIVES}
    (tmp_path / "calibration.json").write_bytes(profile.to_bytes())
    assert load_profile(tmp_path / "calibration.json") == profile
    assert CalibrationProfile.model_validate_json(profile.to_bytes()).to_bytes() == profile.to_bytes()


def test_no_profile_no_audit(tmp_path):
    with pytest.raises(BadCheckpoint, match="grail calibrate"):
        load_profile(tmp_path / "calibration.json")
    (tmp_path / "calibration.json").write_text("{}")
    with pytest.raises(BadCheckpoint, match="expected a calibration profile"):
        load_profile(tmp_path / "calibration.json")
