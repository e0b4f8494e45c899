"""Who is accused takes its work away: jurors that never read it find it with the accuser, who has."""

from contextlib import ExitStack

from benchmarks.relays import served
from grail.protocol.records import Ballot, Role
from grail.storage.file_store import FileStore
from grail.storage.relay_server import relay_app
from simulation.adversaries.editing import EditedAnswer
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions


def test_a_cheat_that_shuts_its_endpoint_when_accused_is_convicted(tmp_path):
    """No neuron shares a store. The jury had no seat in the submission: what was read in the audit is not with it."""
    options = LocalnetOptions(windows=2, miners=1, cheats=1, attacks=(EditedAnswer.attack,), validators=3, groups=4)
    network = LocalNetwork(options, tmp_path / "run")
    stores, servers = {}, {}
    with ExitStack() as all_servers:
        for part, service in zip(network.parts, network.services, strict=True):
            if part.role is Role.TRAINER:
                continue
            stores[part.name] = FileStore(tmp_path / part.name)
            servers[part.name] = all_servers.enter_context(ExitStack())
            url = servers[part.name].enter_context(served(relay_app(stores[part.name])))
            network.subnet.set_endpoint(part.signer, url)
            object.__setattr__(service.node, "store", stores[part.name])
            object.__setattr__(service.node, "private_endpoints", True)
        cheat = next(part for part in network.parts if part.cheat)
        mine_to, miner = network.mine_to, "0x" + cheat.signer.address.hex()

        def and_it_is_gone(block):
            mine_to(block)
            if block == network.subnet.schedule.reveal_deadline(0):
                servers[cheat.name].close()
                blob = network.subnet.commitment(0, cheat.signer.address).blob_digest
                read = {row.validator for row in network.journal.verdicts(0) if row.miner == miner}
                judges = [part for part in network.parts if part.role is Role.VALIDATOR]
                accuser = next(part for part in judges if part.signer.name in read)
                for part in judges:
                    if part is not accuser and stores[part.name].exists(blob):
                        stores[part.name].remove(blob)

        network.mine_to = and_it_is_gone
        assert network.advance().right
    case = next(case for case in network.subnet.cases() if not case.contest)
    assert case.accused == cheat.signer.address and case.ruling is Ballot.GUILTY
    assert network.subnet.neuron(cheat.signer.address).jailed


def test_a_juror_that_cannot_read_the_work_abstains(tmp_path):
    """Nobody delivers it any more: that is no proof of innocence, and none of guilt."""
    options = LocalnetOptions(windows=2, miners=1, cheats=1, attacks=(EditedAnswer.attack,), validators=3, groups=4)
    network = LocalNetwork(options, tmp_path / "run")
    cheat = next(part for part in network.parts if part.cheat)
    mine_to = network.mine_to

    def and_it_is_gone(block):
        mine_to(block)
        if block == network.subnet.schedule.reveal_deadline(0):
            network.store.remove(network.subnet.commitment(0, cheat.signer.address).blob_digest)

    network.mine_to = and_it_is_gone
    assert network.advance().right
    case = next(case for case in network.subnet.cases() if not case.contest)
    assert case.accused == cheat.signer.address and case.ruling is Ballot.NONE
    assert not network.subnet.neuron(cheat.signer.address).jailed
