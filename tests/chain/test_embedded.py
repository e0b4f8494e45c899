"""The embedded chain: deterministic, saved, with readable refusals."""

import pytest

from grail.chain.accounts import Signer, create_keystore, load_keystore
from grail.chain.address_book import AddressBook
from grail.chain.deployment import NetworkPlan, VotingRules, deploy, open_contracts
from grail.chain.embedded import EmbeddedChain
from grail.chain.subnet import Subnet
from grail.errors import Reverted, SettingsError, WrongChain
from grail.governance.policy import Policy
from grail.protocol import keys
from grail.protocol.leaf import environment_digest
from grail.protocol.records import Role
from grail.protocol.schedule import Schedule

OWNER = Signer.from_key(b"\1" * 32)
MINER = Signer.from_key(b"\2" * 32)
GUARDIAN = Signer.from_key(b"\5" * 32)
PLAN = NetworkPlan(
    schedule=Schedule(genesis=40, window=30, commit=8, score=8, reveal=6),
    overrides={
        "accusation_horizon_blocks": 30,
        "vote_commit_blocks": 10,
        "vote_reveal_blocks": 10,
        "appeal_blocks": 10,
        "pause_blocks": 20,
        "settlement_challenge_blocks": 6,
        "settlement_move_blocks": 6,
        "commission_notice_blocks": 10,
        "claim_expiry_blocks": 200,
        "unbonding_blocks": 160,
    },
    environments={"arithmetic/1": (1, 1_000), "other/1": (3, 500)},
    holders={OWNER.address: 10**25},
    cap=10**26,
    guardian=GUARDIAN.address,
    voting=VotingRules(
        delay_blocks=2, period_blocks=20, late_extension_blocks=2, threshold=10**21, timelock_seconds=60
    ),
    phase_floor=2,
)


@pytest.fixture()
def subnet() -> Subnet:
    chain = EmbeddedChain(OWNER.address)
    return Subnet(chain, deploy(chain, OWNER, PLAN))


def test_the_same_calls_give_the_same_blocks(subnet):
    other = EmbeddedChain(OWNER.address)
    deploy(other, OWNER, PLAN)
    for chain in (subnet.chain, other):
        chain.mine(50)
    assert subnet.chain.head() == other.head()


def test_a_saved_chain_is_found_again(tmp_path):
    chain = EmbeddedChain(OWNER.address, tmp_path / "chain.sqlite")
    book = deploy(chain, OWNER, PLAN)
    chain.save()
    saved = chain.head()
    chain.mine(5)
    again = EmbeddedChain(OWNER.address, tmp_path / "chain.sqlite")
    assert again.head() == saved
    assert open_contracts(again, book)["RewardPolicy"].call("get", "group_size") == 8
    again.send(OWNER, MINER.address, b"", 1)
    assert again.head().number == saved.number + 1


def test_policy_and_environments_read_as_the_contract_says(subnet):
    subnet.chain.mine(30)
    window = subnet.current_window()
    assert subnet.policy(window) == Policy.defaults(PLAN.floors, **PLAN.overrides)
    policy = subnet.contracts["RewardPolicy"]
    for i in range(20):
        problem = bytes([i]) * 32
        mandated, reward = policy.call("environmentOf", problem, subnet.schedule.start(window))
        assert subnet.environments(window).mandated(problem) == mandated
        assert subnet.environments(window).reward_milli(mandated) == reward
        assert subnet.environments(window).ids == ("arithmetic/1", "other/1")
        assert mandated in (environment_digest("arithmetic/1"), environment_digest("other/1"))


def test_beacon_is_the_contracts(subnet):
    subnet.chain.mine(41 - subnet.chain.head().number)
    computed = subnet.beacon(0)
    subnet.contracts["RolloutLedger"].send(OWNER, "open", 0)
    assert subnet.contracts["RolloutLedger"].call("beaconOf", 0) == computed
    block_hash = subnet.chain.block_hash(40)
    assert computed == keys.beacon(subnet.chain.chain_id, subnet.ledger_address, 0, block_hash)


def test_a_refusal_names_cause_and_remedy(subnet):
    subnet.chain.send(OWNER, MINER.address, b"", 10**18)
    with pytest.raises(Reverted, match=r"StakeTooLow\(stake = 5, minimum = .*stake at least") as refused:
        subnet.contracts["NeuronRegistry"].send(MINER, "register", int(Role.MINER), "", 0, 5)
    assert refused.value.error_name == "StakeTooLow"
    with pytest.raises(Reverted, match="ERC20InsufficientAllowance"):
        subnet.contracts["NeuronRegistry"].send(MINER, "register", int(Role.MINER), "", 0, 10**21)


def test_register_and_read_back(subnet):
    subnet.chain.send(OWNER, MINER.address, b"", 10**18)
    subnet.transfer(OWNER, MINER.address, 10**21)
    subnet.register(MINER, Role.MINER, "http://example", 10**21)
    record = subnet.neuron(MINER.address)
    assert (record.role, record.stake, record.endpoint) == (Role.MINER, 10**21, "http://example")
    assert subnet.is_active(MINER.address, Role.MINER) and subnet.members() == [MINER.address]


def test_another_chain_is_refused(subnet):
    book = AddressBook(1, subnet.book.addresses, 0)
    with pytest.raises(WrongChain, match="expected chain id 1"):
        open_contracts(subnet.chain, book)


def test_address_book_round_trip_and_what_is_missing(subnet, tmp_path):
    subnet.book.save(tmp_path / "network.json")
    assert AddressBook.load(tmp_path / "network.json") == subnet.book
    other = AddressBook(1, subnet.book.addresses, 7)
    other.save(tmp_path / "network.json")
    assert AddressBook.load(tmp_path / "network.json", 1) == other
    with pytest.raises(SettingsError, match="name the chain"):
        AddressBook.load(tmp_path / "network.json")
    (tmp_path / "bad.json").write_text('{"1": {}}')
    with pytest.raises(SettingsError, match="lacks"):
        AddressBook.load(tmp_path / "bad.json")


def test_keystore_is_encrypted_private_and_never_overwritten(tmp_path):
    path = tmp_path / "keystore.json"
    signer = create_keystore(path, "right")
    assert path.stat().st_mode & 0o777 == 0o600
    assert bytes(signer.account.key).hex() not in path.read_text() + repr(signer)
    assert load_keystore(path, "right").address == signer.address
    with pytest.raises(SettingsError, match="password"):
        load_keystore(path, "wrong")
    with pytest.raises(SettingsError, match="never overwritten"):
        create_keystore(path, "right")
