"""grail bench: every command measures what it names; how fast is nobody's business in a test."""

import json

import pytest
from typer.testing import CliRunner

from grail.inference import installed_engines
from neurons.cli import app

RATES = {
    "sampler": ("tok_s_own", "tok_s_seeded"),
    "generate": ("tok_s_generate", "ratio_to_bare"),
    "replay": ("tok_s_replay", "tok_s_forward", "tok_s_generate_hf", "peak_rss_mib"),
}


@pytest.mark.parametrize("subject", RATES)
def test_each_benchmark_prints_its_rates_as_json(subject):
    done = CliRunner().invoke(app, ["bench", subject, "--batch", "4", "--json"])
    found = json.loads(done.stdout)
    rows = found.get("rows", [found])
    assert rows[0]["engine"] == "transformers" and rows[0]["batch"] == 4
    assert all(row[rate] > 0 for row in rows for rate in RATES[subject])
    if subject == "sampler":
        assert all(r["overhead"] == pytest.approx(r["tok_s_own"] / r["tok_s_seeded"] - 1) for r in rows)
    if subject == "replay" and "vllm" not in installed_engines():
        assert found["tok_s_generate_vllm"] is None


def test_dialogues_are_measured_beside_single_turns():
    done = CliRunner().invoke(app, ["bench", "turns", "--batch", "8", "--json"])
    rows = json.loads(done.stdout)["rows"]
    assert rows[0]["engine"] == "transformers" and rows[0]["rollouts"] == 8 and rows[0]["turns"] > 1
    assert all(row[name] > 0 for row in rows for name in ("tok_s_one_turn", "tok_s_turns", "overhead", "check_s"))
    refused = CliRunner().invoke(app, ["bench", "turns", "--env", "arithmetic/1", "--batch", "8"])
    assert "one turn" in str(refused.exception)


def test_deltas_of_real_updates_add_up_to_the_last_version():
    done = CliRunner().invoke(app, ["bench", "delta", "--batch", "16", "--rate", "1e-11", "--updates", "2", "--json"])
    found = json.loads(done.stdout)
    assert 0 < found["changed_fraction"] < 0.5 and found["ratio"] > 1
    assert found["chain_identical"] and found["delta_bytes"] < found["full_bytes"]


def test_relays_are_measured_against_the_bound_of_their_links():
    done = CliRunner().invoke(app, ["bench", "relay", "--clients", "2", "--chunks", "4", "--chunk", "0.05", "--json"])
    found = json.loads(done.stdout)
    assert found["ratio"] > 0.9 and found["origin_uploads_per_chunk"] <= 2


def test_a_device_that_does_not_exist_is_refused():
    done = CliRunner().invoke(app, ["bench", "replay", "--device", "abacus"])
    assert "expected --device cpu or cuda, got abacus" in str(done.exception)
