"""Checkpoints: anything that does not match its fingerprint is refused, and fetching resumes."""

import json
import shutil

import numpy as np
import pytest

from grail.checkpoints.fetch import CheckpointCache
from grail.checkpoints.files import CALIBRATION, CONFIG, WEIGHTS, open_checkpoint
from grail.checkpoints.manifest import read_manifest, upload
from grail.errors import BadCheckpoint, ObjectMissing
from grail.protocol.hashing import keccak256
from grail.protocol.records import CheckpointRecord
from grail.storage.file_store import FileStore


@pytest.fixture()
def folder(tiny_folder, tmp_path):
    return shutil.copytree(tiny_folder, tmp_path / "model")


def record_of(folder, manifest: bytes) -> CheckpointRecord:
    return CheckpointRecord(
        version=1,
        fingerprint=open_checkpoint(folder).fingerprint,
        parent=bytes(32),
        manifest=manifest,
        rules_hash=bytes(32),
        calibration=keccak256((folder / CALIBRATION).read_bytes()),
        proof_scheme="sketch/1",
        active_from=0,
        publisher=bytes(20),
    )


def test_one_flipped_bit_of_the_weights_changes_the_fingerprint(folder, tiny):
    raw = bytearray((folder / WEIGHTS).read_bytes())
    for place in np.random.default_rng(0).integers(len(raw) // 2, len(raw), 5):
        flipped = bytearray(raw)
        flipped[place] ^= 1
        (folder / WEIGHTS).write_bytes(flipped)
        assert open_checkpoint(folder).fingerprint != tiny.fingerprint
        with pytest.raises(BadCheckpoint, match="expected fingerprint"):
            open_checkpoint(folder, tiny.fingerprint)


def test_code_in_a_config_is_never_run(folder):
    config = json.loads((folder / CONFIG).read_text())
    (folder / CONFIG).write_text(json.dumps(config | {"auto_map": {"AutoModelForCausalLM": "evil.Model"}}))
    with pytest.raises(BadCheckpoint, match="its own code"):
        open_checkpoint(folder)


@pytest.mark.parametrize("name", [WEIGHTS, CONFIG, "rules.json", "tokenizer.json"])
def test_a_missing_or_broken_file_is_named(folder, name):
    (folder / name).write_bytes(b"\xff\x00")
    if name != "tokenizer.json":
        with pytest.raises(BadCheckpoint, match=r"expected"):
            open_checkpoint(folder)
    (folder / name).unlink()
    with pytest.raises(BadCheckpoint, match=name):
        open_checkpoint(folder)


def test_publish_and_fetch_gives_the_same_checkpoint(folder, tmp_path):
    store = FileStore(tmp_path / "objects")
    record = record_of(folder, upload(folder, store))
    cache = CheckpointCache(tmp_path / "cache", store)
    assert cache.fetch(record).fingerprint == record.fingerprint
    assert (
        CheckpointCache(tmp_path / "cache", store).fetch(record).folder == tmp_path / "cache" / record.fingerprint.hex()
    )


def test_an_interrupted_fetch_leaves_nothing_under_the_final_name_and_resumes(folder, tmp_path):
    store = FileStore(tmp_path / "objects")
    record = record_of(folder, upload(folder, store))
    entry = read_manifest(store, record.manifest).files[WEIGHTS]
    weights = tmp_path / "objects" / entry.digest[:2] / entry.digest
    weights.rename(tmp_path / "aside")
    cache = CheckpointCache(tmp_path / "cache", store)
    with pytest.raises(ObjectMissing):
        cache.fetch(record)
    assert not (tmp_path / "cache" / record.fingerprint.hex()).exists()
    (tmp_path / "aside").rename(weights)
    assert cache.fetch(record).fingerprint == record.fingerprint


def test_bytes_that_do_not_give_the_registered_fingerprint(folder, tmp_path):
    store = FileStore(tmp_path / "objects")
    record = record_of(folder, upload(folder, store))
    lie = CheckpointRecord(**{f: getattr(record, f) for f in record.__slots__} | {"fingerprint": bytes(32)})
    with pytest.raises(BadCheckpoint, match="expected fingerprint"):
        CheckpointCache(tmp_path / "cache", store).fetch(lie)
    assert not (tmp_path / "cache" / bytes(32).hex()).exists()


def test_a_manifest_cannot_name_other_files(tmp_path):
    store = FileStore(tmp_path / "objects")
    evil = store.put(json.dumps({"files": {"../../etc/passwd": {"size": 1, "digest": "0" * 64}}}).encode())
    with pytest.raises(BadCheckpoint, match="expected only"):
        read_manifest(store, evil)
