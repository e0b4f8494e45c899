"""Deltas: lossless over any chain, small where little changed, refused where anything is off; late joiners catch up."""

import contextlib
import json
import shutil
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grail.checkpoints.delta import HEAD, apply, encode
from grail.checkpoints.fetch import CheckpointCache
from grail.checkpoints.files import WEIGHTS
from grail.checkpoints.manifest import MAX_DEPTH, Parent, read_manifest, upload
from grail.errors import BadCheckpoint, ObjectMissing
from grail.storage.file_store import FileStore
from tests.checkpoints.test_checkpoints import record_of

WORDS = 20_000


def weights_file(words: np.ndarray, name: str = "w") -> bytes:
    kind = "BF16" if words.itemsize == 2 else "F32"
    entry = {"dtype": kind, "shape": [len(words)], "data_offsets": [0, words.nbytes]}
    header = json.dumps({name: entry}).encode()
    return struct.pack("<Q", len(header)) + header + words.tobytes()


def moved(words: np.ndarray, share: float, draws: np.random.Generator) -> np.ndarray:
    made = words.copy()
    places = draws.random(len(words)) < share
    made[places] += draws.choice(np.array([1, -1]), places.sum()).astype(words.dtype)
    return made


@pytest.mark.parametrize("dtype", [np.uint16, np.uint32])
def test_fifty_chained_deltas_are_bit_identical(dtype):
    draws = np.random.default_rng(0)
    words = draws.integers(0, np.iinfo(dtype).max, WORDS, dtype=dtype)
    held: bytes | bytearray = weights_file(words)
    for _ in range(50):
        words = moved(words, 0.01, draws)
        delta = encode(bytes(held), weights_file(words))
        assert delta is not None and len(delta) < len(held) / 20
        held = apply(held, delta)
    assert bytes(held) == weights_file(words)


@given(st.binary(min_size=64, max_size=64), st.binary(min_size=64, max_size=64))
def test_any_two_files_of_one_shape_round_trip_or_do_not_pay(one, other):
    old, new = (weights_file(np.frombuffer(raw * 8, np.uint16).copy()) for raw in (one, other))
    delta = encode(old, new)
    assert delta is None or bytes(apply(old, delta)) == new


def test_no_change_and_the_last_word_alone():
    words = np.arange(WORDS, dtype=np.uint16)
    same = encode(weights_file(words), weights_file(words))
    assert same is not None and bytes(apply(weights_file(words), same)) == weights_file(words)
    last = words.copy()
    last[-1] ^= 0x8000
    assert bytes(apply(weights_file(words), encode(weights_file(words), weights_file(last)))) == weights_file(last)


def test_what_does_not_pay_or_does_not_fit_travels_whole():
    draws = np.random.default_rng(1)
    one, other = (draws.integers(0, 1 << 16, WORDS, dtype=np.uint16) for _ in range(2))
    assert encode(weights_file(one), weights_file(other)) is None
    assert encode(weights_file(one), weights_file(one, name="v")) is None
    assert encode(weights_file(one), weights_file(one[:-1])) is None
    with pytest.raises(BadCheckpoint, match="safetensors"):
        encode(b"\xff" * 32, weights_file(one))


@given(st.data())
@settings(max_examples=300)
def test_damage_is_one_clear_error_or_another_child(data):
    """Never a crash, never a child of another size; what is another child fails the digest that the manifest gives."""
    words = np.arange(512, dtype=np.uint16)
    parent = weights_file(words)
    delta = bytearray(encode(parent, weights_file(moved(words, 0.05, np.random.default_rng(2)))))
    for _ in range(data.draw(st.integers(1, 4))):
        delta[data.draw(st.integers(0, len(delta) - 1))] = data.draw(st.integers(0, 255))
    cut = data.draw(st.integers(0, len(delta)))
    with contextlib.suppress(BadCheckpoint):
        assert len(apply(parent, bytes(delta[:cut] if data.draw(st.booleans()) else delta))) == len(parent)


def test_a_delta_that_claims_too_much_is_refused_before_it_is_unpacked():
    words = np.arange(512, dtype=np.uint16)
    parent = weights_file(words)
    delta = bytearray(encode(parent, weights_file(words)))
    magic, size, count, _, header = HEAD.unpack_from(delta)
    HEAD.pack_into(delta, 0, magic, size, count, count, header)
    with pytest.raises(BadCheckpoint, match="travel whole"):
        apply(parent, bytes(delta))
    HEAD.pack_into(delta, 0, magic, size, count, 1, header)
    with pytest.raises(BadCheckpoint, match="planes of 1 bytes"):
        apply(parent, bytes(delta))
    with pytest.raises(BadCheckpoint, match="another size"):
        apply(parent + b"\0\0", bytes(delta))


@pytest.fixture
def chain(tiny_folder, tmp_path):
    """A store with MAX_DEPTH + 2 versions, each a small step from the one before; the folder and record of each."""
    store = FileStore(tmp_path / "objects")
    made, draws = [], np.random.default_rng(3)
    folder = shutil.copytree(tiny_folder, tmp_path / "v0")
    made.append((folder, record_of(folder, upload(folder, store))))
    for version in range(1, MAX_DEPTH + 3):
        last, record = made[-1]
        folder = shutil.copytree(last, tmp_path / f"v{version}")
        raw = bytearray((folder / WEIGHTS).read_bytes())
        for place in draws.integers(len(raw) // 2, len(raw) - 4, 20) // 4 * 4:
            raw[place] ^= 1
        (folder / WEIGHTS).write_bytes(raw)
        made.append((folder, record_of(folder, upload(folder, store, Parent(last, record.manifest)))))
    return store, made


def test_a_late_joiner_catches_up_from_weights_that_travel_whole(chain, tmp_path):
    store, made = chain
    depths = [(d.depth if (d := read_manifest(store, record.manifest).delta) else 0) for _, record in made]
    assert depths == [*range(MAX_DEPTH + 1), 0, 1]
    folder, record = made[MAX_DEPTH]
    fetched = CheckpointCache(tmp_path / "late", store).fetch(record)
    assert (fetched.folder / WEIGHTS).read_bytes() == (folder / WEIGHTS).read_bytes()


def test_who_holds_the_parent_needs_the_delta_only(chain, tmp_path):
    store, made = chain
    cache = CheckpointCache(tmp_path / "cache", store)
    cache.fetch(made[3][1])
    whole = read_manifest(store, made[0][1].manifest).files[WEIGHTS]
    store.path(bytes.fromhex(whole.digest)).unlink()
    assert cache.fetch(made[4][1]).fingerprint == made[4][1].fingerprint
    with pytest.raises(ObjectMissing):
        CheckpointCache(tmp_path / "late", store).fetch(made[4][1])


def test_a_damaged_parent_on_this_disk_is_not_built_upon(chain, tmp_path):
    store, made = chain
    cache = CheckpointCache(tmp_path / "cache", store)
    held = cache.fetch(made[2][1]).folder / WEIGHTS
    held.write_bytes(held.read_bytes()[:-1] + b"\x7f")
    assert cache.fetch(made[3][1]).fingerprint == made[3][1].fingerprint


def test_a_poisoned_delta_and_a_crooked_chain_are_refused(chain, tmp_path):
    store, made = chain
    manifest = read_manifest(store, made[2][1].manifest)
    other = read_manifest(store, made[5][1].manifest).delta
    poisoned = manifest.model_copy(update={"delta": manifest.delta.model_copy(update={"digest": other.digest})})
    crooked = manifest.model_copy(update={"delta": manifest.delta.model_copy(update={"depth": 9})})
    for wrong, reason in ((poisoned, "poisoned"), (crooked, "one deeper")):
        digest = store.put(wrong.model_dump_json().encode())
        record = record_of(made[2][0], digest)
        with pytest.raises(BadCheckpoint, match=reason):
            CheckpointCache(tmp_path / reason, store).fetch(record)
