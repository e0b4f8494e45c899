"""Votes signed off chain: as the governor reads them; whatever is changed is refused."""

import pytest

from grail.chain.accounts import Signer
from grail.chain.deployment import deploy
from grail.chain.embedded import EmbeddedChain
from grail.chain.subnet import Subnet
from grail.errors import BadInput, Reverted
from grail.governance.acts import Act
from grail.governance.ballots import MOST_BYTES, SignedBallot, parse_ballot
from tests.chain.test_embedded import OWNER, PLAN

GRAIL = 10**18
VOTER, PAYER, STRANGER = (Signer.from_key(bytes([n]) * 32) for n in (7, 8, 9))


@pytest.fixture(scope="module")
def network() -> tuple[Subnet, int]:
    """A network whose vote runs; the voter has tokens and no gas."""
    chain = EmbeddedChain(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, PLAN))
    for signer in (VOTER, PAYER):
        chain.send(OWNER, signer.address, b"", 10**18)
    subnet.transfer(OWNER, VOTER.address, 10_000 * GRAIL)
    subnet.delegate(VOTER, VOTER.address)
    subnet.delegate(OWNER, OWNER.address)
    chain.mine(2)
    subnet.propose_motion(OWNER, (Act("RewardPolicy", "setMany", (["reject_penalty"], [7 * GRAIL])),), "why")
    (motion,) = subnet.motions()
    chain.mine(motion.start - chain.head().number + 1)
    return subnet, motion.number


def changed(ballot: SignedBallot, **values: object) -> SignedBallot:
    return SignedBallot.model_validate({**ballot.model_dump(), **values})


def test_the_governor_counts_it_and_the_payer_pays(network):
    subnet, number = network
    ballot = parse_ballot(subnet.sign_ballot(VOTER, number, "for").model_dump_json().encode())
    assert subnet.ballot_weight(ballot) == 10_000 * GRAIL
    other = "0x" + STRANGER.address.hex()
    for wrong, words in (
        ({"choice": "against"}, "has not signed"), ({"voter": other}, "has not signed"), ({"nonce": "5"}, "sign anew"),
        ({"number": str(number + 1)}, "has not signed"), ({"chain_id": 1}, "not this network"),
        ({"governor": other}, "not this network"), ({"signature": "0x00"}, "has not signed"),
        ({"signature": "0x" + "11" * 65}, "has not signed"),
    ):  # fmt: skip
        with pytest.raises(BadInput, match=words):
            subnet.ballot_weight(changed(ballot, **wrong))
    subnet.relay_ballot(PAYER, ballot)
    assert subnet.motion(number).in_favour == 10_000 * GRAIL and subnet.has_voted(number, VOTER.address)
    with pytest.raises(BadInput, match="sign anew"):
        subnet.ballot_weight(ballot)
    again = subnet.sign_ballot(VOTER, number, "against")
    with pytest.raises(Reverted, match="has voted"):
        subnet.ballot_weight(again)


def test_nobody_can_send_a_changed_ballot_past_our_checks(network):
    subnet, number = network
    ballot = changed(subnet.sign_ballot(OWNER, number, "for"), choice="against")
    with pytest.raises(Reverted, match="GovernorInvalidSignature"):
        subnet.relay_ballot(PAYER, ballot)


@pytest.mark.parametrize(
    "data",
    [
        b"", b"{}", b"[" * 10_000, b"\xff", b"0" * (MOST_BYTES + 1),
        b'{"chain_id":1,"governor":"0x12","number":"1","choice":"for","voter":"0x12","nonce":"0","signature":"0x00"}',
    ],
)  # fmt: skip
def test_what_is_no_ballot_is_refused(data):
    with pytest.raises(BadInput, match="expected a signed ballot"):
        parse_ballot(data)
