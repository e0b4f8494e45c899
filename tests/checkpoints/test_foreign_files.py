"""Checkpoint folders from strangers: each fault is one BadCheckpoint that names file and field, when it is opened."""

import json
import random
import shutil
import struct

import pytest

from grail.checkpoints.files import open_checkpoint
from grail.errors import BadCheckpoint, GrailError
from grail.inference.text import TextCodec


@pytest.fixture()
def folder(tmp_path, tiny_folder):
    shutil.copytree(tiny_folder, tmp_path / "c")
    return tmp_path / "c"


def edited(name, **fields):
    def edit(folder):
        told = json.loads((folder / name).read_text())
        (folder / name).write_text(json.dumps(told | fields))

    return edit


def written(name, data):
    return lambda folder: (folder / name).write_bytes(data)


TWICE = b'{"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"a":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}'
POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 12\n"
FAULTS = {
    "config deep": (written("config.json", b"[" * 200_000), "config.json.*nested too deeply"),
    "config list": (written("config.json", b"[]"), "config.json"),
    "config utf-16": (written("config.json", "{}".encode("utf-16")), "config.json"),
    "config pointer": (written("config.json", POINTER), "config.json"),
    "no vocabulary": (written("config.json", b"{}"), "vocab_size"),
    "vocabulary negative": (edited("config.json", vocab_size=-1), "vocab_size"),
    "vocabulary zero": (edited("config.json", vocab_size=0), "vocab_size"),
    "vocabulary huge": (edited("config.json", vocab_size=10**18), "vocab_size"),
    "vocabulary broken": (edited("config.json", vocab_size=1.5), "vocab_size"),
    "vocabulary true": (edited("config.json", vocab_size=True), "vocab_size"),
    "vocabulary infinite": (edited("config.json", vocab_size=float("inf")), "Infinity"),
    "context negative": (edited("config.json", max_position_embeddings=-5), "max_position_embeddings"),
    "own code": (edited("config.json", auto_map=None), "auto_map"),
    "eos beyond": (edited("rules.json", eos_ids=[10**6]), "eos_ids"),
    "eos negative": (edited("rules.json", eos_ids=[-1]), "eos_ids"),
    "eos twice": (edited("rules.json", eos_ids=[1, 1]), "eos_ids"),
    "rules deep": (written("rules.json", b"[" * 200_000), "rules.json.*nested too deeply"),
    "rules unknown": (edited("rules.json", color="red"), "color"),
    "weights empty": (written("model.safetensors", b""), "safetensors"),
    "weights header": (written("model.safetensors", struct.pack("<Q", 1 << 62) + b"{}"), "safetensors"),
    "weights twice": (written("model.safetensors", struct.pack("<Q", len(TWICE)) + TWICE + bytes(4)), "twice"),
    "tokenizer no json": (written("tokenizer.json", b"not json"), "tokenizer.json"),
    "tokenizer empty": (written("tokenizer.json", b""), "tokenizer.json"),
    "tokenizer pointer": (written("tokenizer.json", POINTER), "tokenizer.json.*fetched whole"),
    "tokenizer other": (written("tokenizer.json", b"{}"), "tokenizer.json.*with a model"),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_is_named_when_the_folder_is_opened(folder, name):
    edit, said = FAULTS[name]
    edit(folder)
    with pytest.raises(BadCheckpoint, match=said):
        open_checkpoint(folder)


def test_a_tokenizer_that_its_library_refuses_is_named_when_it_is_used(folder):
    edited("tokenizer.json", model={"type": "NoSuchModel"})(folder)
    with pytest.raises(BadCheckpoint, match=r"tokenizer\.json"):
        TextCodec(open_checkpoint(folder)).encode("1+1 = ")


@pytest.mark.parametrize("count", [300, pytest.param(100_000, marks=[pytest.mark.slow, pytest.mark.timeout(7_200)])])
def test_mutated_files_are_opened_or_refused(folder, count):
    """Bytes changed, cut, doubled at random: nothing but a checkpoint or one of our errors ever comes out."""
    draws = random.Random(11)
    good = {name: (folder / name).read_bytes() for name in ("config.json", "rules.json", "tokenizer.json")}
    opened = 0
    for _ in range(count):
        name = draws.choice(sorted(good))
        data = bytearray(good[name])
        for _ in range(draws.randint(1, 4)):
            at = draws.randrange(len(data))
            match draws.randrange(4):
                case 0:
                    data[at] = draws.randrange(256)
                case 1:
                    del data[at : at + draws.randint(1, 50)]
                case 2:
                    data[at:at] = data[at : at + draws.randint(1, 50)]
                case _:
                    data[at:at] = draws.choice([b"-", b"9" * 30, b"[", b"null", b'"', b"1e999", b"\xff", b"}"])
        (folder / name).write_bytes(data)
        try:
            TextCodec(open_checkpoint(folder)).encode("1+1 = ")
            opened += 1
        except GrailError:
            pass
        (folder / name).write_bytes(good[name])
    assert 0 < opened < count
