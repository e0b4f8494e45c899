"""A duty's numbers in Prometheus and TensorBoard as their own readers see them, and as a picture."""

from types import SimpleNamespace

import httpx
import pytest
from typer.testing import CliRunner

from grail.config import MeterSettings
from grail.errors import BadInput, SettingsError
from grail.storage.database import Database
from grail.storage.journal import Journal
from grail.telemetry.meters import Meters, Prometheus, numbers_of
from neurons.cli import app

NOTE = {
    "updated": True, "fingerprint": "ab", "loss": -0.5, "steps": 3, "tokens": 900, "seconds": 3.0, "reward": 0.25,
    "rewards": {"arithmetic/1": 0.25}, "shares": {"aa": 0.75, "bb": 0.25}, "dropped": {}, "places": [1, 2], "kl": 0.01,
    "entropy": 1.0, "gradient_norm": 2.0, "clipped_low": 0.0, "clipped_high": 0.1, "length": 3.0, "staleness": 1.0,
}  # fmt: skip


def test_numbers_of_a_note():
    found = numbers_of(NOTE)
    assert found["updated"] == 1.0 and found["shares/aa"] == 0.75 and found["rewards/arithmetic/1"] == 0.25
    assert not {"fingerprint", "places"} & set(found)


def test_prometheus_serves_the_newest_values():
    pytest.importorskip("prometheus_client")
    meter = Prometheus("127.0.0.1", 0)
    meters = Meters((meter,))
    try:
        meters.note("0xme", "learn", 4, NOTE | {"loss": 1.0})
        meters.note("0xme", "learn", 5, NOTE)
        text = httpx.get(f"http://127.0.0.1:{meter.server.server_port}/metrics").text
    finally:
        meter.server.shutdown()
    assert 'grail_learn_loss{neuron="0xme",part=""} -0.5' in text
    assert 'grail_learn_shares{neuron="0xme",part="aa"} 0.75' in text
    assert 'grail_learn_rewards{neuron="0xme",part="arithmetic/1"} 0.25' in text
    assert 'grail_learn_window{neuron="0xme",part=""} 5.0' in text


def test_a_port_that_is_taken_is_named():
    pytest.importorskip("prometheus_client")
    meter = Prometheus("127.0.0.1", 0)
    try:
        with pytest.raises(SettingsError, match="cannot serve metrics"):
            Prometheus("127.0.0.1", meter.server.server_port)
    finally:
        meter.server.shutdown()


def test_tensorboard_reads_what_was_written(tmp_path):
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    meters = Meters.open(MeterSettings(tensorboard=tmp_path), None)
    meters.note("0xme", "learn", 4, NOTE)
    meters.note("0xme", "learn", 5, NOTE | {"loss": 1.0})
    read = EventAccumulator(str(tmp_path))
    read.Reload()
    assert [(e.step, e.value) for e in read.Scalars("learn/loss")] == [(4, -0.5), (5, 1.0)]


def test_a_meter_that_fails_stops_nothing():
    said = []

    def broken(*_):
        raise OSError("no such host")

    log = SimpleNamespace(warning=lambda *args, **told: said.append(told))
    Meters((SimpleNamespace(note=broken),), log).note("0xme", "learn", 4, NOTE)
    assert said[0]["reason"] == "no such host"


def test_plot_draws_a_run(tmp_path):
    journal = Journal(Database.in_file(tmp_path / "grail.sqlite"))
    for window in range(3):
        journal.record("trainer", "learn", window, NOTE | {"loss": -float(window)})
    done = CliRunner().invoke(app, ["plot", str(tmp_path)])
    assert done.exit_code == 0 and "3 updates" in done.output
    assert (tmp_path / "learning.png").read_bytes().startswith(b"\x89PNG")


def test_plot_says_what_is_missing(tmp_path):
    assert "expected a run" in str(CliRunner().invoke(app, ["plot", str(tmp_path)]).exception)
    Journal(Database.in_file(tmp_path / "grail.sqlite"))
    result = CliRunner().invoke(app, ["plot", str(tmp_path)])
    assert isinstance(result.exception, BadInput) and "no updates" in str(result.exception)


def test_wandb_keeps_a_run_offline(tmp_path, monkeypatch):
    pytest.importorskip("wandb", reason="NOTICE: wandb is missing: it is not tested")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    meters = Meters.open(MeterSettings(wandb="grail-test"), None)
    meters.note("0xme", "learn", 4, NOTE)
    run = meters._meters[0]._run
    assert run.summary["learn/rewards/arithmetic/1"] == 0.25 and run.summary["window"] == 4
    run.finish()
    assert list(tmp_path.glob("wandb/offline-run-*/*.wandb"))
