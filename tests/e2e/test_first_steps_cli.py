"""From nothing to a published checkpoint by documented commands alone, on a real node."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grail.chain.accounts import ANVIL_KEY, Signer
from grail.chain.address_book import AddressBook
from grail.chain.jsonrpc import JsonRpcChain
from grail.chain.subnet import Subnet
from grail.checkpoints.files import open_checkpoint
from grail.errors import BadCheckpoint, SettingsError
from grail.models.library import packaged_folder
from neurons.cli import app
from tests.anvil import NEEDS_NODE, running_anvil
from tests.e2e.test_governance_cli import quick_plan

pytestmark = NEEDS_NODE


def test_a_first_checkpoint_is_published_by_an_approved_trainer_alone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAIL_PASSWORD", "a test's password")
    with running_anvil() as url:
        monkeypatch.setenv("GRAIL_CHAIN__URL", url)
        chain, rich = JsonRpcChain.connect(url), Signer.from_key(ANVIL_KEY)

        def shell(*arguments: str, keystore: str = "holder.json") -> str:
            monkeypatch.setenv("GRAIL_KEY__KEYSTORE", keystore)
            result = CliRunner().invoke(app, list(arguments), catch_exceptions=False)
            assert result.exit_code == 0, result.output
            return result.output

        names = {name: shell("keys", "new", f"{name}.json").strip() for name in ("holder", "trainer", "stranger")}
        for address in names.values():
            chain.send(rich, bytes.fromhex(address[2:]), b"", 10**19)
        plan = quick_plan(names["holder"]).replace("0x1111111111111111111111111111111111111111", names["trainer"])
        Path("plan.toml").write_text(plan)
        said = shell("deploy", "--rpc", url, "--config", "plan.toml", "--keystore", "holder.json")
        assert "grail publish tiny" in said and 'grail register --role trainer --stake "5000 GRAIL"' in said

        assert shell("token", "balance", names["holder"]).strip().endswith("holds 10,000,000 GRAIL")
        for name in ("trainer", "stranger"):
            shell("token", "send", names[name], "6000.000000000000000001 GRAIL", "--yes")
        assert shell("token", "balance", keystore="trainer.json").strip().endswith("6,000.000000000000000001 GRAIL")
        with pytest.raises(SettingsError, match=r"holds 6,000\.000000000000000001 GRAIL, less than 7,000 GRAIL"):
            shell("token", "send", names["holder"], "7000 GRAIL", "--yes", keystore="trainer.json")
        with pytest.raises(SettingsError, match='"5000 GRAIL" or "5000 wei"'):
            shell("register", "--role", "trainer", "--stake", "5000", keystore="trainer.json")
        with pytest.raises(SettingsError, match="an active trainer: grail register"):
            shell("publish", "tiny", keystore="trainer.json")

        said = shell("register", "--role", "trainer", "--stake", "5000 GRAIL", keystore="trainer.json")
        assert "with 5,000 GRAIL at stake" in said and "next: grail publish" in said
        said = shell("register", "--role", "trainer", "--stake", "5000 GRAIL", keystore="stranger.json")
        assert "a vote of token holders lets it publish" in said
        with pytest.raises(SettingsError, match="token holders approve trainers by vote"):
            shell("publish", "tiny", keystore="stranger.json")

        subnet = Subnet(chain, AddressBook.load(Path("network.json")))
        assert "nothing was sent" in shell("publish", "tiny", "--dry-run", keystore="trainer.json")
        assert subnet.latest_version() == 0 and not Path("grail-objects").exists()
        said = shell("publish", "tiny", keystore="trainer.json")
        assert "version 1, in force from window 0" in said and "next: grail train" in said
        assert subnet.checkpoint(1).fingerprint == open_checkpoint(packaged_folder()).fingerprint
        assert "version 1 is this checkpoint already" in shell("publish", "tiny", keystore="trainer.json")
        assert subnet.latest_version() == 1

        settings = f'[chain]\nurl = "{url}"\n[key]\nkeystore = "trainer.json"\n'
        Path("trainer.toml").write_text(settings)
        said = json.loads(
            shell("doctor", "--config", "trainer.toml", "--json", keystore="trainer.json").splitlines()[-1]
        )
        checks = {check["name"]: check for check in said["checks"]}
        for name in ("key", "chain", "contracts", "store", "gas", "tokens", "neuron", "endpoint", "checkpoint"):
            assert checks[name]["ok"], checks[name]
        assert "version 1" in checks["checkpoint"]["what"] and "trainer, 5,000 GRAIL" in checks["neuron"]["what"]
        Path("wrong.toml").write_text(
            settings.replace("trainer.json", "nobody.json").replace(url, "http://127.0.0.1:1")
        )
        monkeypatch.delenv("GRAIL_CHAIN__URL")
        monkeypatch.delenv("GRAIL_KEY__KEYSTORE")
        found = CliRunner().invoke(app, ["doctor", "--config", "wrong.toml", "--json"])
        checks = {check["name"]: check for check in json.loads(found.output.splitlines()[-1])["checks"]}
        assert found.exit_code == 1 and not checks["key"]["ok"] and "grail keys new" in checks["key"]["remedy"]
        assert not checks["chain"]["ok"] and "chain.url" in checks["chain"]["remedy"]
        monkeypatch.setenv("GRAIL_CHAIN__URL", url)

        bare = tmp_path / "bare"
        bare.mkdir()
        for file in packaged_folder().iterdir():
            if file.name != "calibration.json":
                (bare / file.name).write_bytes(file.read_bytes())
        with pytest.raises(BadCheckpoint, match="grail calibrate"):
            shell("publish", str(bare), keystore="trainer.json")
