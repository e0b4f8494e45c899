"""A cheat that stays under the bar in every window: its evidence adds up, and a jury that replays the past agrees."""

import dataclasses

from grail.errors import ObjectMissing
from grail.protocol.units import WindowId
from grail.runtime.retention import evidence_epoch
from grail.verification.base import Outcome
from simulation.adversaries.sampling import NearTieSteering
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions
from validator.duties.auditing import judge, judge_history


def test_a_weak_cheat_is_convicted_by_its_history(tmp_path):
    """Runner-ups within 0.05 nats, one token of a hundred: no window alone is enough, together they are."""
    options = LocalnetOptions(windows=24, miners=1, cheats=1, attacks=(NearTieSteering.attack,), validators=2, groups=6)
    network = LocalNetwork(options, tmp_path / "run")
    cheat = next(part for part in network.parts if part.cheat)
    for _ in range(options.windows):
        assert network.advance().right
        if network.subnet.neuron(cheat.signer.address).jailed:
            break
    assert network.subnet.neuron(cheat.signer.address).jailed
    rows = [row for row in network.journal.verdicts() if row.miner == "0x" + cheat.signer.address.hex()]
    assert rows[0].outcome == Outcome.ACCEPT.value
    last = next(row for row in rows if row.outcome == Outcome.FAULT.value)
    assert last.window > 0 and "over its last windows" in last.reason
    assert not network.subnet.neuron(network.parts[0].signer.address).jailed
    juror = network.node_of(next(part for part in network.parts if part.name == "validator-2"))
    assert_a_juror_who_lacks_the_past_does_not_convict(network, juror, cheat.signer.address, last.window)


def assert_a_juror_who_lacks_the_past_does_not_convict(network, juror, miner, window):
    commitment, challenge = network.subnet.commitment(window, miner), network.subnet.challenge(window)
    drawer = network.services[2].node.address
    assert judge(juror, commitment, challenge, drawer).outcome is not Outcome.FAULT, "the window alone convicts nobody"

    class Forgetful:
        def get(self, digest, max_bytes):
            if digest != commitment.blob_digest:
                raise ObjectMissing("gone")
            return network.store.get(digest, max_bytes)

    forgetful = dataclasses.replace(juror, store=Forgetful())
    assert judge_history(forgetful, commitment, challenge, drawer).outcome is not Outcome.FAULT

    class NewestOnly:
        def fetch(self, record):
            if record.version != commitment.checkpoint_version:
                raise ObjectMissing("expired")
            return juror.checkpoints.fetch(record)

    found = judge_history(dataclasses.replace(juror, checkpoints=NewestOnly()), commitment, challenge, drawer).outcome
    assert found not in (Outcome.FAULT, Outcome.ABSTAIN), "one window that is gone is no excuse from the others"


def test_evidence_starts_anew_every_epoch():
    assert [evidence_epoch(WindowId(w)) for w in (0, 63, 64, 130)] == [0, 0, 64, 128]
