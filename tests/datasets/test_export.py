"""Rows that a network has verified: exported, opened by others' libraries, checked; nothing in them can be changed."""

import json
import random
from pathlib import Path

import pytest
from typer.testing import CliRunner

from grail.datasets.choose import Kind, Rules
from grail.datasets.export import export
from grail.datasets.files import MANIFEST, PAIRS, ROWS, RowFile, digest_of_file, read_manifest, read_rows
from grail.datasets.rows import COLUMNS, DIGESTS, LISTS, NUMBERS, TEXTS, digest_of
from grail.datasets.verify import Checked, Checker, check
from grail.environments.registry import Environments
from grail.errors import BadInput, SettingsError
from grail.protocol.merkle import MerkleTree
from grail.protocol.units import MICRO
from neurons.cli import app
from simulation.network import LocalNetwork
from simulation.options import LocalnetOptions

WINDOWS = range(2)


@pytest.fixture(scope="session")
def network(tmp_path_factory) -> LocalNetwork:
    """Two windows of two honest miners and a cheat, settled."""
    options = LocalnetOptions(windows=2, miners=2, cheats=1, validators=2, groups=4, threads=1)
    network = LocalNetwork(options, tmp_path_factory.mktemp("data") / "run")
    for _ in WINDOWS:
        assert network.advance().right
    return network


@pytest.fixture(scope="session")
def node(network):
    return network.services[0].node


@pytest.fixture(scope="session")
def whole(node, tmp_path_factory) -> Path:
    """All rows."""
    folder = tmp_path_factory.mktemp("data") / "whole"
    found = export(node, WINDOWS, Rules(Kind.GRPO), folder)
    assert found.rows == 2 * 2 * 4 * 8 and found.missing == (), "two miners, the cheat's are not accepted"
    return folder


def faultless(folder: Path, node, **more) -> Checked:
    found = check(folder, node.environments, node, **more)
    assert found.wrong == [] and found.skipped == {} and found.on_chain == found.graded == found.rows
    return found


def test_whole_groups_are_exported_and_hold_against_chain_text_and_model(whole, node, network):
    assert faultless(whole, node, replay=6).replayed == 6
    rows = list(read_rows(whole))
    cheat = next(part for part in network.parts if part.cheat)
    assert "0x" + cheat.signer.address.hex() not in {row["miner"] for row in rows}
    assert any(row["audited_by"] for row in rows)
    groups = {(row["window"], row["miner"], row["group"]) for row in rows}
    assert len(rows) == 8 * len(groups)


def test_without_a_network_it_says_what_it_has_not_checked(whole):
    found = check(whole, Environments.installed())
    assert found.wrong == [] and found.graded == found.rows and found.on_chain == 0 and "chain" in found.skipped


@pytest.mark.parametrize("kind", [Kind.SFT, Kind.DPO, Kind.BEST])
def test_choices_are_exported_with_their_proofs(whole, node, tmp_path, kind):
    found = export(node, WINDOWS, Rules(kind, top=5, seed=3), tmp_path / "set")
    assert faultless(tmp_path / "set", node).rows == found.rows <= 10
    assert (found.pairs > 0) == (kind is Kind.DPO) == (tmp_path / "set" / PAIRS).exists()
    again = export(node, WINDOWS, Rules(kind, top=5, seed=3), tmp_path / "again")
    assert again.root == found.root and export(node, WINDOWS, Rules(kind, top=5, seed=4), tmp_path / "b").root
    if kind is Kind.BEST:
        assert {row["reward_micro"] for row in read_rows(tmp_path / "set")} == {MICRO}


def test_the_fields_own_library_opens_it(whole, node, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_HOME", str(tmp_path / "hf"))
    datasets = pytest.importorskip("datasets", reason="NOTICE: datasets is missing: opening by it is SKIPPED")
    rows = datasets.load_dataset(
        "parquet", data_files=str(whole / ROWS), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert set(rows.column_names) == set(COLUMNS) and len(rows) == 128
    first = rows[0]
    assert first["roles"].count(1) == len(first["logprobs"]) and first["environment"] == "arithmetic/1"
    export(node, WINDOWS, Rules(Kind.DPO), tmp_path / "pairs")
    pairs = datasets.load_dataset(
        "parquet", data_files=str(tmp_path / "pairs" / PAIRS), split="train", cache_dir=str(tmp_path / "cache")
    )
    assert {"prompt", "chosen", "rejected"} <= set(pairs.column_names) and len(pairs) > 0


def changed(row: dict, column: str, dice: random.Random) -> dict:
    """The row with one bit of one column changed."""
    value = row[column]
    if column in NUMBERS:
        return row | {column: value ^ (1 << dice.randrange(20))}
    if column in DIGESTS:
        raw = bytearray.fromhex(value[2:])
        raw[dice.randrange(32)] ^= 1 << dice.randrange(8)
        return row | {column: "0x" + raw.hex()}
    if column == "miner":
        raw = bytearray.fromhex(value[2:])
        raw[dice.randrange(20)] ^= 1 << dice.randrange(8)
        return row | {column: "0x" + raw.hex()}
    if column in TEXTS:
        place = dice.randrange(len(value) + 1)
        return row | {column: value[:place] + dice.choice("0xZ") + value[place:]}
    if column == "logprobs":
        place = dice.randrange(len(value))
        return row | {column: [*value[:place], value[place] / 2 - 0.125, *value[place + 1 :]]}
    if column == "path":
        place = dice.randrange(len(value))
        raw = bytearray.fromhex(value[place][2:])
        raw[dice.randrange(32)] ^= 1 << dice.randrange(8)
        return row | {column: [*value[:place], "0x" + raw.hex(), *value[place + 1 :]]}
    if column == "messages":
        return row | {column: [value[0] + "0", *value[1:]]}
    if column == "audited_by":
        return row | {column: value[1:] if value else ["0x" + "11" * 20]}
    place = dice.randrange(len(value))
    return row | {column: [*value[:place], value[place] ^ 1, *value[place + 1 :]]}


def test_one_bit_of_any_column_is_found_although_the_manifest_was_made_anew(whole, node):
    """A thousand changes, over all columns, by somebody who writes a manifest that fits: rows and chain tell."""
    dice, rows = random.Random(5), list(read_rows(whole))
    found = Checked()
    checker = Checker(read_manifest(whole), node.environments, node, found)
    missed = []
    for number in range(1_000):
        column = COLUMNS[number % len(COLUMNS)]
        other = changed(dict(dice.choice(rows)), column, dice)
        if not list(checker.faults(other)):
            missed.append((column, other["group"], other["index"]))
    assert missed == []
    assert not any(list(checker.faults(row)) for row in rows)


def test_one_bit_of_the_file_is_found(whole, tmp_path):
    """Of the bytes as they lie there: by the manifest's digest."""
    dice, data = random.Random(6), (whole / ROWS).read_bytes()
    named = read_manifest(whole)["files"][ROWS]
    for _ in range(1_000):
        place = dice.randrange(len(data))
        flipped = data[:place] + bytes([data[place] ^ 1 << dice.randrange(8)]) + data[place + 1 :]
        (tmp_path / ROWS).write_bytes(flipped)
        assert digest_of_file(tmp_path / ROWS) != named
    (tmp_path / MANIFEST).write_bytes((whole / MANIFEST).read_bytes())
    assert check(tmp_path, Environments.installed()).wrong_rows > 0


def test_rows_left_out_added_or_of_another_network_are_found(whole, node, tmp_path):
    rows, manifest = list(read_rows(whole)), read_manifest(whole)

    def written(kept, **changes) -> Path:
        file = RowFile(tmp_path)
        for row in kept:
            file.add(row)
        file.close()
        told = manifest | {"files": {ROWS: digest_of_file(tmp_path / ROWS)}} | changes
        (tmp_path / MANIFEST).write_text(json.dumps(told))
        return tmp_path

    assert check(written(rows), node.environments, node).wrong == []
    assert any("root the manifest names" in why for _, why in check(written(rows[:-1]), node.environments).wrong)
    twice = [*rows, rows[0]]
    root = "0x" + MerkleTree([digest_of(row) for row in twice]).root.hex()
    assert check(written(twice), node.environments).wrong_rows > 0
    assert any("twice" in why for _, why in check(written(twice, rows=len(twice), root=root), node.environments).wrong)
    with pytest.raises(BadInput, match="another network"):
        check(written(rows, chain_id=1), node.environments, node)
    assert check(written(rows, beacons={"0": "0x" + "00" * 32}), node.environments, node).wrong_rows > 0
    with pytest.raises(BadInput, match="grail-data/2"):
        check(written(rows, format="another"), node.environments)


def test_the_commands(network, tmp_path):
    shell = CliRunner()
    out, run = str(tmp_path / "set"), str(network.folder)
    told = shell.invoke(
        app, ["data", "export", "--windows", "0:1", "--out", out, "--run", run, "--as", "dpo", "--json"]
    )
    assert told.exit_code == 0, told.output
    said = json.loads(told.output.splitlines()[-1])
    assert said["rows"] >= said["pairs"] > 0 and said["bytes"] > 0 and {"seconds", "rss_mib"} <= set(said)
    told = shell.invoke(app, ["data", "verify", out, "--run", run, "--replay", "2", "--json"])
    assert told.exit_code == 0 and json.loads(told.output.splitlines()[-1])["wrong"] == 0
    (Path(out) / ROWS).write_bytes(b"PAR1")
    assert shell.invoke(app, ["data", "verify", out]).exit_code == 1
    for arguments, error in (
        (["--windows", "0:9"], "settled windows"), (["--windows", "1"], "FIRST:LAST"), (["--windows", "1:0"], "FIRST"),
        (["--windows", "0:1", "--as", "sfx"], "grpo, sft"),
    ):  # fmt: skip
        result = shell.invoke(app, ["data", "export", "--out", str(tmp_path / "no"), "--run", run, *arguments])
        assert isinstance(result.exception, SettingsError) and error in str(result.exception)


def test_columns_are_all_of_them():
    assert len(COLUMNS) == len(set(COLUMNS)) == len(NUMBERS) + len(TEXTS) + len(LISTS)
