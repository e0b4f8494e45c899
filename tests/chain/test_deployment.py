"""Deployment: nobody keeps a key, it resumes where it broke off, and the code on chain is what is packaged."""

import dataclasses
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grail.chain.accounts import Signer
from grail.chain.address_book import NAMES
from grail.chain.contract import artifact
from grail.chain.deployment import constructor_values, deploy, open_contracts, predicted_address, verify_code
from grail.chain.embedded import EmbeddedChain
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.plan_file import load_plan
from grail.errors import Reverted, SettingsError, WrongChain
from tests.chain.rpc_server import RpcServer, Says
from tests.chain.test_embedded import GUARDIAN, OWNER, PLAN

ROOT = Path(__file__).resolve().parents[2]
STRANGER = Signer.from_key(b"\6" * 32)

TIMELOCK = "OwnableUnauthorizedAccount"
PRIVILEGED = {
    # who may call what; everything else is for anybody, for their own tokens, votes and neurons
    "GrailToken": {"mint": "Unauthorized", "recover": TIMELOCK, "transferOwnership": TIMELOCK},
    "RewardPolicy": {"set": TIMELOCK, "setMany": TIMELOCK, "setEnvironments": TIMELOCK},
    "PauseSwitch": {"pause": "Unauthorized", "resume": "Unauthorized", "setGuardian": TIMELOCK},
    "StakeVault": {
        "open": "Unauthorized",
        "setCounted": "Unauthorized",
        "slash": "Unauthorized",
        "divide": "Unauthorized",
    },
    "NeuronRegistry": {"jail": "Unauthorized", "release": TIMELOCK, "acceptHotkey": "Unauthorized"},
    "CheckpointRegistry": {"approve": TIMELOCK, "publish": "NotActive"},
    "RolloutLedger": {},
    "DrandBeacon": {},
    "RewardPool": {"reserve": "Unauthorized", "unreserve": "Unauthorized", "settle": "Unauthorized"},
    "ScoreBoard": {},
    "FaultCourt": {"convict": "Unauthorized"},
    "Jury": {},
    "ValidatorSet": {"update": "Unauthorized"},
    "SettlementJudge": {},
    "TimelockController": {
        "schedule": "AccessControlUnauthorizedAccount",
        "scheduleBatch": "AccessControlUnauthorizedAccount",
        "cancel": "AccessControlUnauthorizedAccount",
        "grantRole": "AccessControlUnauthorizedAccount",
        "revokeRole": "AccessControlUnauthorizedAccount",
        "updateDelay": "TimelockUnauthorizedCaller",
    },
    "GrailGovernor": {
        "relay": "GovernorOnlyExecutor",
        "setVotingDelay": "GovernorOnlyExecutor",
        "setVotingPeriod": "GovernorOnlyExecutor",
        "setProposalThreshold": "GovernorOnlyExecutor",
        "updateQuorumNumerator": "GovernorOnlyExecutor",
        "updateTimelock": "GovernorOnlyExecutor",
        "setLateQuorumVoteExtension": "GovernorOnlyExecutor",
    },
}
OWNED = {"recover": TIMELOCK, "transferOwnership": TIMELOCK, "renounceOwnership": TIMELOCK, "acceptOwnership": TIMELOCK}
FOR_ANYBODY = {
    "GrailToken": {
        "approve", "burn", "delegate", "delegateBySig", "exchange", "permit", "transfer", "transferFrom",
    },
    "StakeVault": {"stake", "requestUnstake", "withdraw", "collect", "announceCommission", "abandon", "review"},
    "ValidatorSet": {
        "sit", "shrink", "announceRest", "rest", "endRest", "bindHotkey", "syncStake", "reweigh",
    },
    "NeuronRegistry": {"register", "proposeHotkey", "setEndpoint", "setSs58"},
    "RolloutLedger": {"pledge", "commit", "commitFor", "open", "openWith", "seal", "sealWith"},
    "RewardPool": {"claim", "claimShare", "expire"},
    "ScoreBoard": {
        "commitScores", "revealScores", "propose", "finalize", "refute", "refuteSums", "openDuel", "name", "descend",
        "decide", "timeout",
    },
    "FaultCourt": {
        "proveDerivationFault", "proveDuplicate", "proveEquivocation", "proveWrongRoot",
    },
    "Jury": {
        "accuse", "accuseAudit", "contest", "contestSilence", "draw", "commitVote", "revealVote", "rule", "appeal",
        "execute", "fine",
    },
    "TimelockController": {
        "execute", "executeBatch", "renounceRole", "onERC721Received", "onERC1155Received", "onERC1155BatchReceived",
    },
    "GrailGovernor": {
        "propose", "cancel", "queue", "execute", "castVote", "castVoteWithReason", "castVoteWithReasonAndParams",
        "castVoteBySig", "castVoteWithReasonAndParamsBySig", "onERC721Received", "onERC1155Received",
        "onERC1155BatchReceived",
    },
}  # fmt: skip
SAMPLES = {"address": b"\7" * 20, "bool": True, "string": "", "bytes": b"", "bytes32": bytes(32), "bytes4": bytes(4)}


@pytest.fixture(scope="module")
def network():
    chain = EmbeddedChain(OWNER.address)
    book = deploy(chain, OWNER, PLAN)
    chain.send(OWNER, STRANGER.address, b"", 10**18)
    return chain, book, open_contracts(chain, book)


def sample(item: dict) -> object:
    """Any value of an ABI type."""
    if item["type"].endswith("[]"):
        return []
    if item["type"] == "tuple":
        return tuple(sample(part) for part in item["components"])
    return SAMPLES.get(item["type"], 1)


def writing(name: str) -> dict[str, dict]:
    """Functions of a contract that change something."""
    abi = artifact(name)["abi"]
    return {e["name"]: e for e in abi if e["type"] == "function" and e["stateMutability"] in ("nonpayable", "payable")}


@pytest.mark.parametrize("name", NAMES)
def test_every_function_is_on_the_list_of_who_may_call_it(name):
    owned = OWNED if "transferOwnership" in writing(name) else {}
    assert set(writing(name)) == set(PRIVILEGED[name]) | set(owned) | FOR_ANYBODY.get(name, set())


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("who", [OWNER, STRANGER], ids=["deployer", "stranger"])
def test_privileged_functions_refuse_the_deployer_and_strangers(network, name, who):
    _, _, contracts = network
    owned = OWNED if "transferOwnership" in writing(name) else {}
    for function, error in (owned | PRIVILEGED[name]).items():
        values = [sample(item) for item in writing(name)[function]["inputs"]]
        with pytest.raises(Reverted) as refused:
            contracts[name].send(who, function, *values)
        assert error in (refused.value.error_name, str(refused.value)) or error in str(refused.value), function


def test_the_timelock_owns_everything_and_obeys_the_governor_alone(network):
    _, book, contracts = network
    timelock, governor = book.addresses["TimelockController"], book.addresses["GrailGovernor"]
    for name in NAMES:
        if "transferOwnership" in writing(name):
            assert contracts[name].call("owner") == timelock, name
            assert contracts[name].call("pendingOwner") == bytes(20), name
    control = contracts["TimelockController"]
    for role in ("PROPOSER_ROLE", "CANCELLER_ROLE"):
        assert control.call("hasRole", control.call(role), governor)
    for role in ("PROPOSER_ROLE", "CANCELLER_ROLE", "DEFAULT_ADMIN_ROLE"):
        assert not control.call("hasRole", control.call(role), OWNER.address)
    assert control.call("hasRole", control.call("DEFAULT_ADMIN_ROLE"), timelock)
    assert contracts["PauseSwitch"].call("guardian") == GUARDIAN.address
    assert contracts["GrailToken"].call("minter") == book.addresses["RewardPool"]


def test_no_constructor_is_given_the_deployer(network):
    _, book, _ = network
    plan = dataclasses.replace(PLAN, holders={b"\1" * 20: 5})
    assert OWNER.address not in str(constructor_values(book.addresses, plan)).encode()


def test_a_broken_off_deployment_goes_on(monkeypatch):
    chain = EmbeddedChain(OWNER.address)
    started = chain.nonce(OWNER.address)
    real, sent = chain.send, []

    def fragile(*values, **named):
        if len(sent) == 5:
            raise RuntimeError("the power went")
        sent.append(values)
        return real(*values, **named)

    monkeypatch.setattr(chain, "send", fragile)
    with pytest.raises(RuntimeError):
        deploy(chain, OWNER, PLAN)
    monkeypatch.setattr(chain, "send", real)
    book = deploy(chain, OWNER, PLAN, first_nonce=started)
    assert chain.nonce(OWNER.address) == started + len(NAMES)
    assert deploy(chain, OWNER, PLAN, first_nonce=started).addresses == book.addresses, "and again changes nothing"
    assert chain.nonce(OWNER.address) == started + len(NAMES)


def test_another_transaction_in_between_is_named():
    chain = EmbeddedChain(OWNER.address)
    started = chain.nonce(OWNER.address)
    chain.send(OWNER, STRANGER.address, b"", 1)
    with pytest.raises(SettingsError, match="sent something else in between"):
        deploy(chain, OWNER, PLAN, first_nonce=started)


def test_other_code_on_chain_is_named(network):
    chain, book, _ = network
    verify_code(chain, book)
    swapped = {**book.addresses, "Jury": book.addresses["FaultCourt"]}
    with pytest.raises(WrongChain, match=r"the packaged Jury at .* got other code"):
        verify_code(chain, dataclasses.replace(book, addresses=swapped))
    with pytest.raises(WrongChain, match="no code"):
        verify_code(chain, dataclasses.replace(book, addresses={**book.addresses, "Jury": b"\1" * 20}))


def test_predicted_addresses_are_the_evms(network):
    chain = EmbeddedChain(OWNER.address)
    nonce = chain.nonce(OWNER.address)
    assert chain.send(OWNER, None, b"\0").contract == predicted_address(OWNER.address, nonce)


def test_the_plan_of_the_docs_can_be_read(tmp_path):
    text = (ROOT / "docs" / "governance.md").read_text()
    plan = text.split("```toml")[1].split("```")[0]
    (tmp_path / "plan.toml").write_text(plan)
    read = load_plan(tmp_path / "plan.toml").plan(first_block=10)
    assert read.schedule.genesis > 10 and sum(read.holders.values()) <= read.cap
    (tmp_path / "bad.toml").write_text(plan + "\n[surprise]\nx = 1\n")
    with pytest.raises(SettingsError, match="surprise"):
        load_plan(tmp_path / "bad.toml")


def test_deploying_by_hand_says_what_is_missing(tmp_path):
    from neurons.cli import app

    result = CliRunner().invoke(app, ["deploy", "--rpc", "ftp://x", "--config", str(tmp_path / "none.toml")])
    assert isinstance(result.exception, SettingsError) and "expected a plan" in str(result.exception)


def test_a_chain_that_lets_only_some_create_contracts_is_told_of_in_one_line():
    """Subtensor's EVM pallet, as a node of Frontier's hands its refusal on."""

    def refuse(params, number):
        error = 'Module(ModuleError { index: 22, error: [13, 0, 0, 0], message: Some("NotAllowed") })'
        raise Says(-32603, f"runtime error: {error}")

    with (
        RpcServer(eth_estimateGas=refuse, eth_getCode=lambda params, number: "0x") as server,
        pytest.raises(SettingsError, match=r"whitelisted accounts alone.*EVM\.WhitelistedCreators") as told,
    ):
        deploy(JsonRpcChain.connect([server.url]), OWNER, PLAN)
    assert "\n" not in str(told.value) and not server.asked("eth_sendRawTransaction")
