"""A calibration profile that is too strict: validators say so and judge nobody, a trainer makes another."""

import json
import os
import shutil

import pytest
from typer.testing import CliRunner

from grail.checkpoints.files import CALIBRATION, RULES
from grail.config import TrainingSettings
from grail.errors import BadCheckpoint
from grail.models.library import packaged_folder
from grail.protocol.records import Role
from grail.verification.base import Outcome
from grail.verification.calibration import FLOORS, load_profile
from neurons.cli import app
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from trainer.duties.learn import Learn


@pytest.fixture()
def strict(tmp_path):
    """Work in bf16 under what float32 would need: whoever published it measured nothing."""
    folder = shutil.copytree(packaged_folder(), tmp_path / "model")
    rules, profile = json.loads((folder / RULES).read_text()), json.loads((folder / CALIBRATION).read_text())
    (folder / RULES).write_text(json.dumps(rules | {"precision": "bf16"}))
    for name, floor in FLOORS["bf16"].items():
        profile["nulls"][name]["mu0"] = floor
    (folder / CALIBRATION).write_text(json.dumps(profile | {"precision": "bf16"}))
    return folder


def test_an_honest_miner_is_not_judged_under_a_profile_that_does_not_fit(strict, tmp_path):
    options = LocalnetOptions(windows=1, miners=1, cheats=0, validators=2, groups=4, model=str(strict))
    network = LocalNetwork(options, tmp_path / "run")
    network.advance()
    rows = network.journal.verdicts(0)
    assert rows and {row.outcome for row in rows} == {Outcome.ABSTAIN.value}
    assert all("does not fit" in row.reason for row in rows)
    assert all(case.contest for case in network.subnet.cases())
    assert not network.subnet.neuron(network.parts[0].signer.address).jailed


def test_a_trainer_calibrates_what_does_not_fit_any_more(strict, tmp_path):
    network = LocalNetwork(LocalnetOptions(windows=1, miners=1, cheats=0, validators=1, groups=4), tmp_path / "run")
    node = network.node_of(next(part for part in network.parts if part.role is Role.TRAINER))
    linked, before = tmp_path / "parents-profile", (strict / CALIBRATION).read_bytes()
    os.link(strict / CALIBRATION, linked)
    found = Learn(node, tmp_path / "trainer", TrainingSettings(check_fitness=False), "cpu")._calibrated(strict, 0)
    assert found is not None and (strict / CALIBRATION).read_bytes() == before
    found = Learn(node, tmp_path / "trainer", TrainingSettings(), "cpu")._calibrated(strict, 0)
    assert found is not None and load_profile(strict / CALIBRATION).largest_margin > 0
    assert linked.read_bytes() == before, "the version before keeps its own"


def test_whoever_asks_is_told(strict):
    told = CliRunner().invoke(app, ["calibrate", str(strict), "--engine", "transformers", "--check"])
    assert isinstance(told.exception, BadCheckpoint) or told.exit_code == 1
    fits = CliRunner().invoke(app, ["calibrate", str(packaged_folder()), "--engine", "transformers", "--check"])
    assert fits.exit_code == 0 and "against own honest work: 10^0.0" in fits.output
