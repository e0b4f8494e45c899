"""The main job at a small size: cheats fall, honest work is paid, money reconciles, a run resumes and repeats."""

import json
from pathlib import Path

import pytest

from grail.runtime.reckon import budgets_of, reckon
from grail.verification.replay import MARGINS
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from simulation.report import MACHINE_SECTION
from simulation.results import results
from simulation.runner import run

SMALL = LocalnetOptions(windows=3, groups=8, evaluation_problems=40, final_problems=60, evaluate_every=2)


@pytest.fixture(scope="module")
def played(tmp_path_factory) -> tuple[LocalNetwork, Path, dict]:
    folder = tmp_path_factory.mktemp("run") / "seven"
    result, _ = run(SMALL, folder, quiet=True)
    network = LocalNetwork(SMALL, folder)
    return network, folder, result.as_json()


def test_all_cheats_are_slashed_and_jailed_and_nobody_else(played):
    _, _, result = played
    assert len(result["cheats"]) == 3
    for cheat in result["cheats"]:
        assert cheat["first_offence_window"] == 0
        assert cheat["slashed_window"] is not None and cheat["slashed_window"] <= 3
        assert cheat["slashed_wei"] == 1_000 * 10**18
    assert result["honest_slashed"] == () and result["honest_rejected"] == ()


def test_each_cheat_falls_by_the_check_that_should_catch_it(played):
    network, _, _ = played
    names = {part.signer.name.lower(): part.name for part in network.parts}
    checks = {(names[row.miner], row.check) for row in network.journal.verdicts() if row.outcome == "fault"}
    assert {check for name, check in checks if name == "reward-forger"} == {"reward"}
    replayed = {check for name, check in checks if name in ("best-of-n", "int4-weights")}
    assert replayed and replayed <= {*MARGINS, "logprobs", "sketch"}


def test_money_reconciles_every_window(played):
    network, _, result = played
    assert result["reconciled"] and result["supply_wei"] == result["accounted_wei"] > 0
    for entry in network.run_log.of("window"):
        assert entry["settled"] and int(entry["paid_wei"]) > 0


def test_claims_equal_the_settlement_roots(played):
    network, _, _ = played
    claimed = {}
    for event in network.journal.events("Claimed"):
        claimed[event.fields["window"]] = claimed.get(event.fields["window"], 0) + int(event.fields["amount"])
    for window in range(SMALL.windows):
        found = reckon(network.subnet, window)
        assert network.subnet.settlement(window) == found.terms.root
        minted = budgets_of(network.subnet, window, found).minted(found.terms)
        assert 0 <= minted - claimed[window] < 20, "everybody claimed, and the trainer for the treasury; dust is left"


def test_the_learner_published_and_miners_used_it(played):
    network, _, _ = played
    assert network.subnet.latest_version() == SMALL.windows + 1
    versions = [network.subnet.commitment(w, network.parts[0].signer.address).checkpoint_version for w in range(3)]
    assert versions == [1, 2, 3]


def test_the_run_folder_holds_what_was_promised(played):
    _, folder, _ = played
    for name in ("report.md", "accuracy.png", "earnings.png", "events.jsonl", "grail.sqlite", "checkpoints"):
        assert (folder / name).exists(), name
    for line in (folder / "events.jsonl").read_text().splitlines():
        json.loads(line)


def report_of(folder: Path) -> str:
    return (folder / "report.md").read_text().split(MACHINE_SECTION)[0]


def test_same_seed_same_report(played, tmp_path):
    _, folder, _ = played
    run(SMALL, tmp_path / "again", quiet=True)
    assert report_of(tmp_path / "again") == report_of(folder)


def test_a_killed_run_resumes_and_ends_the_same(played, tmp_path):
    """Stopped in the middle of a window, after money has moved, and again between windows."""
    _, folder, _ = played
    network = LocalNetwork(SMALL, tmp_path / "killed")
    network.log_accuracy(-1, SMALL.final_problems)
    network.advance()
    interrupted = []

    def stop(phase: str) -> None:
        interrupted.append(phase)
        if phase == "claiming":
            raise KeyboardInterrupt

    network.notify = stop
    with pytest.raises(KeyboardInterrupt):
        network.advance()
    assert "settling, judging" in interrupted
    run(SMALL, tmp_path / "killed", quiet=True)
    assert report_of(tmp_path / "killed") == report_of(folder)


def test_results_of_a_finished_run_can_be_read_again(played):
    network, _, result = played
    assert results(network).as_json() == result
