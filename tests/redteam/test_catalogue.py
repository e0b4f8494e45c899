"""Each known attack is caught by a check that is meant to catch it; what may be missed says why; the honest pass."""

import pytest

from grail.checkpoints.files import CALIBRATION, open_checkpoint
from grail.errors import BadInput, SettingsError
from grail.models.library import packaged_folder
from grail.verification.base import Outcome
from grail.verification.calibration import laxest, load_profile, profile_of
from neurons.cli.redteam import _chosen
from simulation import laxness
from simulation.adversaries import ATTACKS, CATALOGUE, turns
from simulation.redteam import RedTeamOptions, markdown, play, residuals, tallies


def test_the_honest_miner_is_accepted_every_time(played):
    assert [trial.outcome for trial in played[1]] == [Outcome.ACCEPT] * 2


@pytest.mark.parametrize("name", [attack.attack for attack in CATALOGUE])
def test_attack(played, name):
    tally, attack = played[0][name], ATTACKS[name]
    assert tally.trials and set(tally.checks) <= attack.caught_by
    if not attack.residual:
        assert tally.missed == 0, f"{tally.missed} of {len(tally.trials)} audits missed it"


def test_what_may_be_missed_is_listed_with_its_reason(played):
    listed = {entry["name"]: entry["why"] for entry in residuals(list(played[0].values()))}
    missed = {name for name, tally in played[0].items() if tally.missed}
    assert set(listed) == missed and all(ATTACKS[name].residual in why for name, why in listed.items())


def test_the_catalogue_is_complete_and_in_words(played):
    assert len(ATTACKS) == len(CATALOGUE) + len(turns.TURNS) and len(CATALOGUE) >= 54
    table = markdown(list(played[0].values()))
    assert all(f"| {attack.attack} |" in table for attack in CATALOGUE)
    assert all(attack.gain and attack.__doc__ and attack.caught_by for attack in ATTACKS.values())


def test_an_unknown_attack_is_named(tmp_path):
    with pytest.raises(SettingsError, match="got no-such-attack"):
        list(play(RedTeamOptions(attacks=("no-such-attack",)), tmp_path / "run"))


def test_a_family_is_played_alone():
    assert _chosen([], ["forks"]) == ("forked", "forked-1-in-4", "near-tie-fork-1-in-8")
    assert _chosen(["greedy"], ["forks"])[0] == "greedy" and _chosen([], []) == tuple(a.attack for a in CATALOGUE)
    with pytest.raises(BadInput, match=r"forks.* got such"):
        _chosen([], ["such"])


def test_lax_profiles_are_a_family_of_their_own(tmp_path):
    with pytest.raises(BadInput, match="played alone"):
        _chosen(["greedy"], [laxness.FAMILY])
    with pytest.raises(BadInput, match="played alone"):
        _chosen([], [turns.FAMILY, "forks"])
    folder = laxness.lax_model("tiny", tmp_path)
    assert profile_of(open_checkpoint(folder)) == laxest(load_profile(packaged_folder() / CALIBRATION))
    assert set(laxness.CHEATS) <= set(ATTACKS)


@pytest.mark.slow
def test_plain_cheats_are_convicted_under_the_laxest_profile(tmp_path):
    """In fp32, all but another temperature, which is too near for so few tokens."""
    model = str(laxness.lax_model("tiny", tmp_path))
    cheats = tuple(name for name in laxness.CHEATS if name != "temperature-0.9")
    options = RedTeamOptions(windows=1, draws=2, groups=32, model=model, attacks=cheats)
    found, honest = tallies(list(play(options, tmp_path / "run")), cheats)
    assert {tally.attack: (tally.missed, tally.unpaid) for tally in found} == dict.fromkeys(cheats, (0, 0))
    assert all(trial.outcome is Outcome.ACCEPT for trial in honest)
