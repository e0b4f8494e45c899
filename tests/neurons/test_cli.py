"""The command line: help for everything, one clear line for every mistake."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from grail.checkpoints.files import CALIBRATION

GRAIL = str(Path(sys.executable).with_name("grail"))
COMMANDS = ("localnet", "mine", "validate", "train", "status", "verify", "calibrate", "doctor", "register")


def grail(*arguments: str, **options) -> subprocess.CompletedProcess:
    return subprocess.run([GRAIL, *arguments], capture_output=True, text=True, timeout=300, **options)


def test_help_names_every_command():
    out = grail("--help").stdout
    assert all(command in out for command in (*COMMANDS, "config", "keys"))


@pytest.mark.parametrize("command", COMMANDS)
def test_each_command_explains_itself_with_an_example(command):
    done = grail(command, "--help")
    assert done.returncode == 0
    assert f"grail {command}" in done.stdout.replace("\n", " ")


def test_dry_run_starts_nothing(tmp_path):
    done = grail("localnet", "--dry-run", "--windows", "7", "--out", str(tmp_path / "run"))
    assert json.loads(done.stdout)["windows"] == 7
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["localnet", "--model", "nowhere"], "expected a model or a checkpoint folder"),
        (["localnet", "--env", "chess/9"], "expected an environment among arithmetic/1"),
        (["status", "--config", "missing.toml"], "expected a settings file at missing.toml"),
        (["calibrate", "missing"], "expected a readable file"),
        (["verify", "missing"], "run folder"),
        (["register", "--role", "king", "--stake", "1 GRAIL"], "expected a role among miner, validator, trainer"),
    ],
)
def test_a_mistake_gives_one_line_with_a_remedy(arguments, words, tmp_path):
    done = grail(*arguments, cwd=tmp_path)
    assert done.returncode == 1
    assert words in done.stderr and "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 3


def test_json_is_the_last_line_and_a_second_run_needs_resume(tmp_path):
    arguments = [
        "localnet",
        "--windows",
        "1",
        "--miners",
        "1",
        "--cheats",
        "1",
        "--groups",
        "4",
        "--evaluation",
        "20",
        "--out",
        str(tmp_path),
    ]
    done = grail(*arguments, "--quiet", "--json")
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    wanted = (
        "windows seconds setup_seconds peak_rss_mib accuracy_start accuracy_end accuracy_start_greedy "
        "accuracy_end_greedy cheats honest_slashed honest_rejected reconciled supply_wei accounted_wei"
    )
    assert set(wanted.split()) <= set(found)
    assert set(found["cheats"][0]) == {"name", "first_offence_window", "slashed_window", "slashed_wei"}
    again = grail(*arguments)
    assert again.returncode == 1 and "--resume" in again.stderr
    more = grail("localnet", "--windows", "2", "--out", str(tmp_path), "--resume", "--quiet", "--json")
    assert json.loads(more.stdout.splitlines()[-1])["windows"] == 2
    blob = next(p for p in (tmp_path / "objects").rglob("*") if p.is_file() and p.read_bytes()[:4] == b"GRLS")
    looked = grail("verify", str(blob), "--run", str(tmp_path), "--json")
    assert json.loads(looked.stdout.splitlines()[-1])["outcome"] in ("accept", "fault")


def test_calibrate_dry_run_writes_nothing(tiny_folder):
    before = (tiny_folder / CALIBRATION).read_bytes()
    done = grail("calibrate", str(tiny_folder), "--rollouts", "256", "--dry-run")
    assert done.returncode == 0 and "largest honest margin" in done.stdout
    assert (tiny_folder / CALIBRATION).read_bytes() == before
    assert "at least 256" in grail("calibrate", str(tiny_folder), "--rollouts", "5", "--dry-run").stderr


def test_config_show_takes_the_environment_and_hides_the_password(tmp_path):
    (tmp_path / "m.toml").write_text("[work]\ngroups = 3\n")
    env = {"GRAIL_WORK__ENGINE": "vllm", "GRAIL_PASSWORD": "hunter2", "PATH": "/usr/bin"}
    done = grail("config", "show", "--config", str(tmp_path / "m.toml"), env=env)
    shown = json.loads(done.stdout)
    assert (shown["work"]["groups"], shown["work"]["engine"]) == (3, "vllm")
    assert "hunter2" not in done.stdout
    (tmp_path / "bad.toml").write_text("[work]\ngroops = 3\n")
    assert "work.groops" in grail("config", "show", "--config", str(tmp_path / "bad.toml")).stderr


def test_keys_new_makes_an_encrypted_file(tmp_path):
    env = {"GRAIL_PASSWORD": "secret", "PATH": "/usr/bin"}
    done = grail("keys", "new", str(tmp_path / "k.json"), env=env)
    assert done.stdout.startswith("0x") and "ciphertext" in (tmp_path / "k.json").read_text()


def test_doctor_economics_weighs_cheats_of_every_size():
    answer = grail("doctor", "economics", "--json")
    found = json.loads(answer.stdout.splitlines()[-1])
    assert answer.returncode == 0 and found["least_margin"] > 10
    cheats, picks, audits = found["strategies"][:4], found["strategies"][4:8], found["strategies"][8:]
    assert [row["name"].split()[1] for row in cheats] == ["1", "6", "32", "64"]
    assert all(row["margin"] is None or row["margin"] > 10 for row in cheats)
    assert [row["name"].split(":")[0] for row in picks] == [
        "ground keys", "late stake", "picked identities", "picked prefixes",
    ]  # fmt: skip
    assert all(row["gain_per_window"] > 0 and row["margin"] >= 1 for row in picks)
    assert [row["name"] for row in audits] == ["honest audit", "copy", "lazy, reads a third", "collude", "skip checks"]
    assert audits[0]["gain_per_window"] > 0 and all(row["margin"] > 10 for row in audits[1:4])
    assert 0 < found["laziness_before_checks_pay"] < 0.05
    assert found["start_up_windows"] == 2.5
    shares = [row["share"] for row in found["committee"]]
    assert shares == [0.1, 0.2, 0.3, 0.4, 0.5] and found["committee"][0]["p_no_honest_seat"] == 1e-5
    assert "deterrence holds" in answer.stdout
    blind = grail("doctor", "economics", "--rollouts-needed", "9", "--json")
    assert blind.returncode == 1 and "cheating pays" in blind.stdout
    assert "NOBODY JUDGES AUDITS" in grail("doctor", "economics", "--validators", "2").stdout
    assert grail("doctor", "astrology").returncode == 2
