"""Honest work that nobody calibrated for: played under its bar, or refused beforehand."""

import itertools
import json

import pytest
from typer.testing import CliRunner

from neurons.cli import app
from simulation.honest import FACTORS, Cell, HonestStudy, drawn_cells


def test_few_cells_show_most_pairs_of_conditions():
    chosen = drawn_cells(48, seed=1)
    assert chosen == drawn_cells(48, seed=1) != drawn_cells(48, seed=2)
    names = list(FACTORS)
    pairs = {(a, b, getattr(cell, a), getattr(cell, b)) for cell in chosen for a, b in itertools.combinations(names, 2)}
    possible = sum(len(FACTORS[a]) * len(FACTORS[b]) for a, b in itertools.combinations(names, 2))
    assert len(pairs) > 0.95 * possible


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> HonestStudy:
    return HonestStudy(tmp_path_factory.mktemp("honest"))


def cell(**changes) -> Cell:
    values = {"model": "gemma", "precision": "bf16", "temperature_milli": 1_000, "sharpened": 1.0, "context": 1}
    return Cell(**(values | {"attention": ("eager", "sdpa"), "batch": 16, "threads": 1} | changes))


def test_other_kernels_lengths_and_batches_stay_under_the_bar(study):
    for changes in ({}, {"context": 8, "batch": 1}, {"attention": ("sdpa", "eager"), "batch": 256}):
        result = study.play(cell(**changes))
        assert not result.refused and result.log10 < 2, result


def test_logits_four_times_as_sharp_as_calibrated_show_nothing(study):
    """In nats, evidence of 10^9 against eighty honest rollouts of the first, and of 10^3.5 against those of the second,
    which nothing refused: margins are measured in spreads of the scores, which are as sharp.
    """
    for changes in ({}, {"model": "tiny", "temperature_milli": 500, "batch": 256, "attention": ("sdpa", "sdpa")}):
        result = study.play(cell(sharpened=4.0, **changes))
        assert not result.refused and result.log10 < 2, result


def test_what_is_noisier_than_calibrated_is_refused_before_anybody_is_judged(study):
    """A profile of half the noise that there is, as a careless publisher may write it."""
    engine, profile = study._base("gemma", "bf16", 1_000)
    halved = {name: null.model_dump() | {"mu0": null.mu0 / 4} for name, null in profile.nulls.items()}
    careless = type(profile).model_validate(profile.model_dump() | {"nulls": halved})
    study._ready["gemma", "bf16", 1_000] = engine, careless
    result = study.play(cell())
    study._ready["gemma", "bf16", 1_000] = engine, profile
    assert "does not fit" in result.refused and "of what it allows" in result.refused


def test_the_command_says_what_was_played():
    answer = CliRunner().invoke(app, ["redteam", "--family", "honest", "--cells", "1", "--seed", "3", "--json"])
    found = json.loads(answer.stdout.splitlines()[-1])
    assert answer.exit_code == 0 and found["cells"] == 1 and found["max_log10"] <= found["bar"] == 2
    assert found["played"] + len(found["refused"]) == 1
    mixed = CliRunner().invoke(app, ["redteam", "--family", "honest", "--family", "forks"])
    assert "alone" in str(mixed.exception)
