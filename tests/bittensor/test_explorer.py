"""The explorer knows hotkeys and alpha: rows equal the contract's, pages name them, a rebuild finds the same."""

import httpx
from sqlalchemy import select

from explorer.index.check import check
from explorer.index.follow import Follower, rebuild
from explorer.running import serving
from grail.chain.deployment import deploy
from grail.chain.subnet import Subnet
from grail.protocol.records import Role
from grail.storage import chain_tables as t
from grail.storage.database import Database
from neurons.devnet.layout import free_ports
from simulation.cast import GRAIL
from tests.bittensor.conftest import keypair
from tests.bittensor.evm import ALPHA, subtensor
from tests.bittensor.test_evm import NETUID, plan_for
from tests.chain.test_deployment import STRANGER
from tests.chain.test_embedded import OWNER


def test_alpha_is_indexed_checked_and_shown(tmp_path):
    chain = subtensor(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, plan_for(chain, overrides={"metagraph_factor": 2})))
    subnet.register(OWNER, Role.VALIDATOR, "test://one", 5_000 * GRAIL)
    chain.send(OWNER, STRANGER.address, b"", 10**20)
    subnet.transfer(OWNER, STRANGER.address, 9_000 * GRAIL)
    subnet.register(STRANGER, Role.VALIDATOR, "test://two", 5_000 * GRAIL)
    key = keypair("miner0")
    ALPHA[key.public_key, NETUID] = 700 * 10**9
    subnet.bind_hotkey(OWNER, key.public_key, key.sign(subnet.hotkey_binding(OWNER.address, key.public_key)))
    subnet.name_hotkey(STRANGER, keypair("miner1").public_key)
    for _ in range(2):
        subnet.sync_alpha(STRANGER, OWNER.address)
        chain.mine(subnet.schedule.genesis + 1 - chain.head().number)
    url = f"sqlite:///{tmp_path / 'rows.sqlite'}"
    rows = Database(url)
    Follower(subnet, rows).catch_up()
    found = check(rows, subnet)
    assert found.differences == () and found.supply_gap == 0
    with rows.engine.connect() as connection:
        before = connection.execute(select(t.ALPHAS)).all()
    rebuild(rows)
    with rows.engine.connect() as connection:
        assert connection.execute(select(t.ALPHAS)).all() == before and len(before) == 3
    port = free_ports(1)[0]
    with serving(url, "127.0.0.1", port):
        told = {
            row["neuron"]: row for row in httpx.get(f"http://127.0.0.1:{port}/api/v1/validators").json()["validators"]
        }
        own, other = (told["0x" + signer.address.hex()] for signer in (OWNER, STRANGER))
        assert own["bittensor_hotkey"] == key.ss58_address and int(own["alpha"]) == 700 * GRAIL
        assert other["bittensor_hotkey"] == keypair("miner1").ss58_address and int(other["alpha"]) == 0
        page = httpx.get(f"http://127.0.0.1:{port}/validators").text
        assert "alpha counted" in page and "700.00" in page
        assert key.ss58_address in httpx.get(f"http://127.0.0.1:{port}/neurons/0x{OWNER.address.hex()}").text
    subnet.bind_hotkey(STRANGER, key.public_key, key.sign(subnet.hotkey_binding(STRANGER.address, key.public_key)))
    Follower(subnet, rows).catch_up()
    assert check(rows, subnet).differences == ()
