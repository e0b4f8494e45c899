"""Every attack of the catalogue once against the real pipeline: contracts, blobs, challenge, audits."""

import pytest

from simulation.redteam import RedTeamOptions, Tally, Trial, play, tallies


@pytest.fixture(scope="session")
def played(tmp_path_factory) -> tuple[dict[str, Tally], list[Trial]]:
    """Tallies by attack, and the honest miner's trials. Two windows, for some attacks need a yesterday."""
    options = RedTeamOptions(windows=2, draws=1, groups=32)
    found, honest = tallies(list(play(options, tmp_path_factory.mktemp("redteam") / "run")), options.attacks)
    return {tally.attack: tally for tally in found}, honest
