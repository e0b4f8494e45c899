"""Those who lie about money in the local network: what they get out of it, and the file that casts them."""

import pytest

from grail.errors import SettingsError
from grail.protocol.records import Role
from simulation.cast import STAKES
from simulation.network import LocalNetwork
from simulation.options import Lie, LocalnetOptions, load_lies

LIES = (
    Lie(kind="self-convict", windows=(1,)),
    Lie(kind="dust-swarm", windows=(1, 2), count=16),
    Lie(kind="lying-proposer", windows=(1,)),
)


def test_no_liar_gains_and_no_token_is_lost(tmp_path):
    options = LocalnetOptions(windows=4, miners=2, cheats=0, validators=3, groups=4, lies=LIES)
    network = LocalNetwork(options, tmp_path / "run")
    for _ in range(4):
        assert network.advance().right
    kinds = {liar.kind: liar for liar in network.liars}
    assert set(kinds) == {"self-convict", "dust-swarm", "lying-proposer"}
    for kind, liar in kinds.items():
        assert any(entry["attack"] == kind for entry in network.run_log.of("lie")), kind
        assert liar.wealth() < liar.funds, kind
    stakes = {int(entry["stake_wei"]) for entry in network.run_log.of("neuron") if entry["name"] == "miner-1"}
    assert stakes == {STAKES[Role.MINER]}, "what its delegator staked is nothing that the miner earned"
    honest = [part for part in network.parts if part.cheat is None]
    assert not any(network.subnet.neuron(part.signer.address).jailed for part in honest)


def test_a_cast_is_read_from_a_file(tmp_path):
    path = tmp_path / "cast.toml"
    path.write_text('[[lie]]\nkind = "dust-swarm"\nwindows = [1, 2]\ncount = 3\n')
    assert load_lies(path) == (Lie(kind="dust-swarm", windows=(1, 2), count=3),)


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ('[[lie]]\nkind = "bribe"\nwindows = [1]\n', "lie.0.kind"),
        ('[[lie]]\nkind = "dust-swarm"\nwindows = []\n', "lie.0.windows"),
        ('[[lie]]\nkind = "dust-swarm"\nwindows = [1]\ncount = 17\n', "lie.0.count"),
        ("[[lie", "expected TOML"),
    ],
)
def test_a_bad_cast_is_named(tmp_path, text, named):
    path = tmp_path / "cast.toml"
    path.write_text(text)
    with pytest.raises(SettingsError, match=named):
        load_lies(path)
