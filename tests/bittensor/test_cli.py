"""What people type: flags as they know them, doctor, weights, metagraph, associate."""

import json
import sys

import pytest
from typer.testing import CliRunner

from grail.chain.accounts import create_keystore
from grail.chain.deployment import deploy
from grail.chain.subnet import Subnet
from grail.config import load_settings, with_bittensor_flags
from grail.errors import GrailError, SettingsError, Unavailable
from grail.protocol.records import Role
from neurons import entry
from neurons.cli import app
from neurons.cli import bittensor as commands
from simulation.subtensor.double import Double
from tests.bittensor import test_mirror
from tests.bittensor.conftest import World, keypair
from tests.bittensor.evm import subtensor
from tests.bittensor.test_evm import plan_for
from tests.chain.test_embedded import OWNER

GAS = 10**17


@pytest.fixture()
def shell(world: World, wallet, tmp_path, monkeypatch):
    """Runs a command with the flags of the double's validator; gives what it printed, and its exit code."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("GRAIL_PASSWORD", "a test's password")
    monkeypatch.setenv("GRAIL_KEY__KEYSTORE", str(tmp_path / "key.json"))
    signer = create_keystore(tmp_path / "key.json", "a test's password")
    monkeypatch.setattr(commands, "_coins", lambda settings, account: GAS)
    monkeypatch.setattr(commands, "_chain_id", lambda settings: 31_337)

    def run(command: str, *more: str, url: str = world.double.url) -> tuple[int, str]:
        flags = ("--netuid", "5", "--wallet.name", "cold", "--wallet.hotkey", "hot", "--subtensor.network", url)
        arguments = ["bittensor", command, *flags, "--wallet.path", str(wallet.path), *more]
        result = CliRunner().invoke(app, arguments)
        if isinstance(result.exception, GrailError):
            return 1, str(result.exception)
        return result.exit_code, result.output

    run.signer = signer
    return run


def checks(said: str) -> dict[str, bool]:
    return {check["name"]: check["ok"] for check in json.loads(said.splitlines()[-1])["checks"]}


def test_doctor_is_content_with_a_validator_that_lacks_nothing(world: World, shell):
    world.double.associate(0, shell.signer.address)
    code, said = shell("doctor", "--json")
    assert code == 0 and set(checks(said)) == {
        "runtime", "clock", "registered", "permit", "stake", "association", "evm-balance",
    }  # fmt: skip


@pytest.mark.parametrize("lacks", ["permit", "stake", "association", "clock", "evm-balance", "registered"])
def test_doctor_finds_what_is_missing(world: World, shell, monkeypatch, lacks):
    double: Double = world.double
    if lacks != "association":
        double.associate(0, shell.signer.address)
    if lacks == "permit":
        double.keep("ValidatorPermit", [5], [False] * 3)
    if lacks == "stake":
        double.keep("StakeThreshold", [], 1 << 60)
    if lacks == "clock":
        double.clock = lambda: 1_000.0
    if lacks == "registered":
        double.replace(0, keypair("another").public_key)
    if lacks == "evm-balance":
        monkeypatch.setattr(commands, "_coins", lambda settings, account: 0)
    double.mine()
    code, said = shell("doctor", "--json")
    assert code == 1 and not checks(said)[lacks]
    assert sum(not ok for ok in checks(said).values()) == 1


def test_doctor_tells_a_node_that_is_not_there(shell):
    code, said = shell("doctor", "--json", url="ws://127.0.0.1:9")
    assert code == 1 and not checks(said)["runtime"]


def test_doctor_asks_for_the_whitelist_where_contracts_are_to_stand_on_subtensor(world: World, shell, monkeypatch):
    world.double.associate(0, shell.signer.address)
    monkeypatch.setattr(commands, "_chain_id", lambda settings: 945)
    code, said = shell("doctor", "--json")
    assert code == 1 and not checks(said)["whitelist"] and "EVM.WhitelistedCreators" in said
    world.double.keep("WhitelistedCreators", [], ["0x" + shell.signer.address.hex()], "EVM")
    world.double.mine()
    assert checks(shell("doctor", "--json")[1])["whitelist"]
    world.double.keep("WhitelistedCreators", [], [], "EVM")
    world.double.keep("DisableWhitelistCheck", [], True, "EVM")
    world.double.mine()
    code, said = shell("doctor", "--json")
    assert code == 0 and checks(said)["whitelist"]


def test_associate_binds_a_neuron_to_the_hotkey_by_both_their_words(world: World, settled, shell, monkeypatch):
    monkeypatch.setattr("neurons.wiring.open_subnet", lambda settings: settled.subnet)
    code, said = shell("associate")
    assert code == 1 and "grail register first" in said and world.double.received == []
    signer = next(part.signer for part in settled.parts if part.role is Role.VALIDATOR)
    monkeypatch.setattr("neurons.wiring.unlock", lambda settings: signer)
    code, said = shell("associate", "--dry-run")
    assert code == 0 and "would be bound" in said and world.double.received == []
    assert settled.subnet.hotkey_named(signer.address) is None
    code, said = shell("associate")
    assert code == 0 and "is bound to" in said
    assert world.client.metagraph(5).peers[0].evm == signer.address
    assert settled.subnet.hotkey_named(signer.address) == world.client.key
    world.client.send(world.client.sign_weights(5, ((1, 65_535),), 0, 16))
    monkeypatch.setenv("GRAIL_CHAIN__ADDRESS_BOOK", str(settled.folder / "network.json"))
    peers = json.loads(shell("metagraph", "--json")[1].splitlines()[-1])["peers"]
    assert peers[0]["evm"] == "0x" + signer.address.hex() and [peer["weight"] for peer in peers] == [0, 65_535, 0]


def test_bind_lets_a_hotkeys_alpha_count(world: World, settled, shell, monkeypatch):
    monkeypatch.setattr("neurons.wiring.unlock", lambda settings: OWNER)
    monkeypatch.setattr("neurons.wiring.open_subnet", lambda settings: settled.subnet)
    code, said = shell("bind")
    assert code == 1 and "this one's is of none" in said
    chain = subtensor(OWNER.address)
    subnet = Subnet(chain, deploy(chain, OWNER, plan_for(chain)))
    subnet.register(OWNER, Role.VALIDATOR, "test://", 10**22)
    monkeypatch.setattr("neurons.wiring.open_subnet", lambda settings: subnet)
    code, said = shell("bind")
    assert code == 0 and "once it has been read in two windows" in said
    assert subnet.alpha_reading(OWNER.address).hotkey == world.client.key


def test_weights_are_shown_and_never_sent(bound, settled, shell, monkeypatch):
    monkeypatch.setattr("neurons.wiring.open_subnet", lambda settings: settled.subnet)
    code, said = shell("weights", "--dry-run", "--json")
    told = json.loads(said.splitlines()[-1])
    assert code == 0 and told["window"] == 1 and told["reason"] == "" and told["netuid"] == 5
    assert tuple((row["uid"], row["u16"]) for row in told["rows"]) == test_mirror.expected(bound, settled)
    bound.double.keep("MinAllowedWeights", [5], 40)
    bound.double.mine()
    code, said = shell("weights", "--dry-run", "--json")
    assert json.loads(said.splitlines()[-1])["reason"].startswith("too_few") and bound.double.received == []
    code, said = shell("weights")
    assert code == 1 and "--dry-run" in said


def test_flags_win_over_variables_and_variables_over_the_file(tmp_path, monkeypatch):
    file = tmp_path / "validator.toml"
    file.write_text('[bittensor]\nnetuid = 1\nwallet_name = "of-file"\nwallet_hotkey = "of-file"\nnetwork = "test"\n')
    monkeypatch.setenv("BT_WALLET_HOTKEY", "of-bt")
    monkeypatch.setenv("BT_NETUID", "2")  # lies about in a shell, and names no subnet
    assert load_settings(file).bittensor.netuid == 1 and load_settings().bittensor.netuid is None
    monkeypatch.setenv("GRAIL_BITTENSOR__NETUID", "3")
    told = load_settings(file).bittensor
    assert (told.netuid, told.wallet_name, told.wallet_hotkey, told.network) == (3, "of-file", "of-bt", "test")
    told = with_bittensor_flags(load_settings(file), {"netuid": "4", "wallet.hotkey": "of-flag"}).bittensor
    assert (told.netuid, told.wallet_name, told.wallet_hotkey) == (4, "of-file", "of-flag")
    with pytest.raises(SettingsError, match="netuid"):
        with_bittensor_flags(load_settings(file), {"netuid": "70000"})


def test_a_subnet_without_the_sdk_is_told_how_to_get_it(tmp_path, monkeypatch, capsys):
    def gone() -> None:
        raise Unavailable("bittensor is not installed: pip install 'grail-network[bittensor]'")

    monkeypatch.setattr(entry, "require_sdk", gone)
    monkeypatch.setattr(sys, "argv", ["validator.py", "--netuid", "5"])
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit):
        entry.main("validator", lambda settings: None)
    assert "pip install 'grail-network[bittensor]'" in capsys.readouterr().err


def test_an_evm_key_of_the_wallet_is_the_nodes_key(tmp_path, monkeypatch):
    from neurons.wiring import unlock

    folder = tmp_path / "wallets" / "cold" / "evmkeys"
    folder.mkdir(parents=True)
    signer = create_keystore(folder / "main", "secret")
    monkeypatch.setenv("BT_WALLET_PASSWORD", "secret")
    monkeypatch.setenv("GRAIL_BITTENSOR__EVM_KEY", "main")
    monkeypatch.setenv("BT_WALLET_NAME", "cold")
    monkeypatch.setenv("BT_WALLET_PATH", str(tmp_path / "wallets"))
    assert unlock(load_settings()).address == signer.address
