"""grail bench: every command measures what it names; how fast is nobody's business in a test."""

import json

import pytest
from typer.testing import CliRunner

from neurons.cli import app

RATES = {
    "sampler": ("tok_s_own", "tok_s_seeded", "overhead"),
    "generate": ("tok_s_generate", "tok_s_generate_hf"),
    "replay": ("tok_s_replay", "tok_s_forward", "tok_s_generate"),
}


@pytest.mark.parametrize("subject", RATES)
def test_each_benchmark_prints_its_rates_as_json(subject):
    done = CliRunner().invoke(app, ["bench", subject, "--batch", "4", "--json"])
    found = json.loads(done.stdout)
    assert found["engine"] == "transformers" and found["batch"] == 4
    assert all(found[rate] > 0 for rate in RATES[subject] if rate != "overhead")
    if subject == "sampler":
        assert found["overhead"] == pytest.approx(found["tok_s_own"] / found["tok_s_seeded"] - 1)


def test_a_device_that_does_not_exist_is_refused():
    done = CliRunner().invoke(app, ["bench", "replay", "--device", "abacus"])
    assert "expected --device cpu or cuda, got abacus" in str(done.exception)
