"""A profile that does not fit is found by whoever uses it, before it convicts anybody."""

import dataclasses
import json

import pytest

from grail.checkpoints.files import CALIBRATION
from grail.errors import BadCheckpoint
from grail.verification.calibration import CalibrationProfile, load_profile
from grail.verification.fitness import DOUBTFUL, UNFIT, Fitness, auditors_of, honest_evidence


@pytest.fixture()
def profile(tiny) -> CalibrationProfile:
    return load_profile(tiny.folder / CALIBRATION)


def test_the_packaged_profile_fits(engine, requests, plan, profile):
    found = honest_evidence({"transformers": engine}, {"transformers": engine}, requests, plan, profile)
    assert found.log10 < 0.5
    found.require(DOUBTFUL)


def test_sharper_logits_than_were_calibrated_are_found(engine, requests, plan, profile):
    """bf16 work at T = 0.1 under a profile of float32 at T = 1: as after training that sharpens, and worse."""
    import torch

    sharp = engine.checkpoint.rules.model_copy(update={"precision": "bf16", "temperature_milli": 100})
    checkpoint = dataclasses.replace(engine.checkpoint, rules=sharp)
    rough = type(engine)(checkpoint)
    assert next(rough.model.parameters()).dtype is torch.bfloat16
    found = honest_evidence({"bf16": rough}, auditors_of("bf16", rough, "bf16"), list(requests) * 2, plan, profile)
    assert found.log10 > UNFIT.log10 and "float32" in found.where
    with pytest.raises(BadCheckpoint, match=r"does not fit.*bf16.*grail calibrate"):
        found.require(UNFIT)


def test_a_float32_network_has_one_auditor(engine):
    assert auditors_of("transformers", engine, "fp32") == {"transformers": engine}
    Fitness(1.9, "here", 0.7).require(DOUBTFUL)
    assert Fitness(0.0, "here", 0.8).reaches(DOUBTFUL) and not Fitness(0.0, "here", 0.8).reaches(UNFIT)
    assert json.dumps(dataclasses.asdict(Fitness(1.0, "x")))
