"""The main job in turns: dialogues are played, audited, paid and learnt from; cheats fall; rows prove themselves."""

import pytest

from grail.datasets.choose import Kind, Rules
from grail.datasets.export import export
from grail.datasets.files import read_rows
from grail.datasets.rows import BRIDGE, OBSERVATION, SAMPLED
from grail.datasets.verify import check
from grail.protocol.records import Role
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    options = LocalnetOptions(
        windows=2, miners=1, cheats=1, attacks=("best-of-n",), validators=2, groups=4,
        model="tiny-turns", environment="bisect/1", mix=("arithmetic/1",),
    )  # fmt: skip
    network = LocalNetwork(options, tmp_path_factory.mktemp("dialogues") / "run")
    for _ in range(2):
        assert network.advance().right
    return network


def test_the_cheat_falls_and_the_honest_miner_is_paid(network):
    honest, cheat = (part.signer.address for part in network.parts if part.role is Role.MINER)
    assert network.subnet.neuron(cheat).jailed and not network.subnet.neuron(honest).jailed
    assert int(network.subnet.latest_version()) >= 2, "an update came of dialogues"


def test_rows_of_dialogues_prove_themselves(network, tmp_path):
    node = network.node_of(network.parts[0])
    export(node, range(0, 1), Rules(Kind.GRPO), tmp_path / "set")
    found = check(tmp_path / "set", node.environments, node, replay=4)
    assert found.wrong == [] and found.rows == found.graded == found.on_chain == 32 and found.replayed == 4
    rows = list(read_rows(tmp_path / "set"))
    assert max(row["turns"] for row in rows) == 6
    assert {row["environment"] for row in rows} == {"bisect/1", "arithmetic/1"}
    for row in rows:
        roles = [int(role) for role in row["roles"]]
        assert roles.count(SAMPLED) == len(row["logprobs"]) and roles.count(OBSERVATION) == row["turns"] - 1
        assert (BRIDGE in roles) == (row["turns"] > 1) and len(row["messages"]) == 2 * row["turns"] - 1
