"""Cheats of dialogues, in the whole pipeline; the table of all eighteen is `grail redteam --family turns`."""

import pytest

from grail.verification.base import Outcome
from simulation.adversaries import CATALOGUE, turns
from simulation.redteam import HONEST, RedTeamOptions, play

CERTAIN = ("invented-observation-once", "stops-after-a-turn", "plays-on", "claimed-no-room")
REPLAYED = ("hint-between-turns", "edited-last-turn", "noise-by-turn")


@pytest.fixture(scope="module")
def trials(tmp_path_factory):
    options = RedTeamOptions(
        windows=1, draws=2, groups=16, model=turns.MODEL, environment=turns.ENVIRONMENT,
        attacks=(*CERTAIN, "claimed-win", *REPLAYED),
    )  # fmt: skip
    return list(play(options, tmp_path_factory.mktemp("turns") / "run"))


def of(trials, name):
    return {(trial.outcome, trial.check) for trial in trials if trial.attack == name}


def test_what_is_said_of_a_dialogue_is_checked_in_every_rollout_and_costs_the_pay(trials):
    for name in CERTAIN:
        assert of(trials, name) == {(Outcome.REJECT, "dialogue")}, name
        assert {trial.tokens for trial in trials if trial.attack == name} == {0}, "before any replay"


def test_a_reward_that_a_dialogue_does_not_earn_is_a_fault(trials):
    assert of(trials, "claimed-win") == {(Outcome.FAULT, "dialogue")}


def test_what_the_model_read_instead_is_seen_by_the_replay(trials):
    for name in REPLAYED:
        assert {outcome for outcome, _ in of(trials, name)} == {Outcome.FAULT}, name


def test_honest_dialogues_are_accepted(trials):
    assert {trial.outcome for trial in trials if trial.attack == HONEST} == {Outcome.ACCEPT}


def test_dialogues_have_a_catalogue_of_their_own():
    assert len(turns.TURNS) >= 16 and not set(turns.TURNS) & set(CATALOGUE)
