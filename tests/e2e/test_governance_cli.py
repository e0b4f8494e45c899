"""What docs/governance.md shows, typed on a real node: deploy, delegate, propose, vote, queue, execute, stake."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.address_book import AddressBook
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.errors import SettingsError
from neurons.cli import app
from tests.anvil import NEEDS_NODE, running_anvil

pytestmark = NEEDS_NODE
ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def url():
    with running_anvil() as url:
        yield url


@pytest.fixture()
def shell(url, tmp_path, monkeypatch):
    """Runs a command line in an empty folder; returns what it printed."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAIL_PASSWORD", "a test's password")
    monkeypatch.setenv("GRAIL_CHAIN__URL", url)

    def run(*arguments: str) -> str:
        result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
        assert result.exit_code == 0, result.output
        return result.output

    return run


def quick_plan(holder: str) -> str:
    """The plan of the docs, with votes that fit into a test."""
    text = (ROOT / "docs/governance.md").read_text().split("```toml")[1].split("```")[0]
    for old, new in (
        ("0x3333333333333333333333333333333333333333", holder),
        ("delay_blocks = 14400", "delay_blocks = 2\nlate_extension_blocks = 1"),
        ("period_blocks = 36000", "period_blocks = 10"),
        ("timelock_seconds = 259200", "timelock_seconds = 1"),
    ):
        assert old in text
        text = text.replace(old, new)
    return text


def test_deploy_and_vote_as_the_docs_show(url, shell, tmp_path):
    chain = JsonRpcChain.connect(url)
    rich = Signer.from_key(ANVIL_KEY)
    for name in ("deployer", "keystore"):
        address = shell("keys", "new", f"{name}.json").strip()
        chain.send(rich, bytes.fromhex(address[2:]), b"", 10**19)
    Path("plan.toml").write_text(quick_plan(address))
    deploy = ("deploy", "--rpc", url, "--config", "plan.toml", "--keystore", "deployer.json")
    assert "nothing was sent" in shell(*deploy, "--dry-run") and not Path("network.json").exists()
    assert "16 contracts on chain 31337, code verified" in shell(*deploy)
    assert "is deployed already, and its code is as packaged" in shell(*deploy)
    assert list(json.loads(Path("network.json").read_text())) == ["31337"]

    shell("vote", "delegate")
    chain.mine(2)
    Path("more.toml").write_text('description = "Twice the audits"\n[policy]\naudit_rollouts = 128\n')
    assert "set audit_rollouts to 128 rollouts (now 64 rollouts)" in shell("vote", "propose", "more.toml", "--dry-run")
    assert "no proposals so far" in shell("vote", "list")
    shell("vote", "propose", "more.toml")
    number = shell("vote", "list")[:8]
    chain.mine(3)
    assert "voted for with 10,000,000.0 GRAIL" in shell("vote", "vote", number, "for", "--reason", "cheap")
    chain.mine(11)
    assert "executes" in shell("vote", "queue", number)
    chain._ask(lambda: chain._web3.provider.make_request("evm_increaseTime", [5]))
    chain.mine(1)
    assert "executed" in shell("vote", "execute", number)
    assert "executed" in shell("vote", "show", number)
    subnet = Subnet(chain, AddressBook.load(Path("network.json")))
    assert subnet.latest_policy().audit_rollouts == 128

    Path("more.toml").write_text('description = "Signed by one, sent by another"\n[policy]\naudit_rollouts = 96\n')
    shell("vote", "propose", "more.toml")
    (number,) = [line[:8] for line in shell("vote", "list").splitlines() if "Signed by one" in line]
    chain.mine(3)
    assert "hand it to anybody" in shell("vote", "sign", number, "against", "--out", "ballot.json")
    assert '"choice": "against"' in shell("vote", "sign", number, "against")
    assert f"would send: {address.lower()} against, 10,000,000 GRAIL" in shell(
        "vote", "relay", "ballot.json", "--dry-run"
    )
    assert "ballot.json: sent" in shell("vote", "relay", "ballot.json")
    assert "against  10,000,000.0 GRAIL" in shell("vote", "show", number)

    shell("register", "--role", "validator", "--stake", "5000 GRAIL", "--commission", "12.5")
    assert "commission 12.5 %" in shell("stake", "show", address)
    assert "has 5,100.000000 GRAIL in it" in shell("stake", "add", address, "100 GRAIL")
    assert "unbonding: ready in" in shell("stake", "remove", address, "50 GRAIL")
    assert shell("court", "list") == ""
    unknown = "8" if number.startswith("7") else "7"  # the number is a hash: it may begin with any digit
    with pytest.raises(SettingsError, match=f"begins with {unknown}"):
        shell("vote", "show", unknown)
    with pytest.raises(SettingsError, match="expected for, against or abstain"):
        shell("vote", "vote", number, "maybe")
