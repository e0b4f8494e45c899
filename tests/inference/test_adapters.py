"""Checkpoints with adapters: merged as peft merges them, fingerprinted whole, refused where of another kind."""

import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from grail.checkpoints.fetch import CheckpointCache
from grail.checkpoints.files import ADAPTER, ADAPTER_CONFIG, WEIGHTS, open_checkpoint
from grail.checkpoints.manifest import upload
from grail.errors import BadCheckpoint
from grail.inference.adapters import PREFIX, merge, runnable_folder
from grail.inference.base import ReplayRequest
from grail.inference.dithering import dithered
from grail.inference.transformers_engine import TransformersEngine
from grail.protocol.hashing import keccak256
from grail.storage.file_store import FileStore

MODULES = ("model.layers.0.self_attn.q_proj", "model.layers.3.mlp.down_proj")
CONFIG = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, "bias": "none", "target_modules": ["q_proj", "down_proj"]}


def adapted_copy(tiny, place):
    """The tiny model with an adapter that changes two of its matrices, in folder `place`."""
    shutil.copytree(tiny.folder, place)
    weights = load_file(place / WEIGHTS)
    torch.manual_seed(1)
    tensors = {}
    for name in MODULES:
        rows, columns = weights[f"{name}.weight"].shape
        tensors[f"{PREFIX}{name}.lora_A.weight"] = torch.randn(4, columns) * 0.2
        tensors[f"{PREFIX}{name}.lora_B.weight"] = torch.randn(rows, 4) * 0.2
    save_file(tensors, place / ADAPTER)
    (place / ADAPTER_CONFIG).write_text(json.dumps(CONFIG))
    return place


@pytest.fixture
def folder(tiny, tmp_path):
    return adapted_copy(tiny, tmp_path / "adapted")


def test_the_fingerprint_covers_base_and_adapter(folder, tiny):
    adapted = open_checkpoint(folder)
    assert adapted.fingerprint != tiny.fingerprint
    (folder / ADAPTER_CONFIG).write_text(json.dumps(CONFIG | {"lora_alpha": 16}))
    assert open_checkpoint(folder).fingerprint != adapted.fingerprint


def test_engines_run_the_merged_weights(folder, tiny, requests, plan):
    adapted = TransformersEngine(open_checkpoint(folder))
    made = adapted.generate(requests[:8], plan)
    asked = [ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(requests, made, strict=False)]
    assert max(float(t.margins.max()) for t in adapted.replay(asked, plan)) < 1e-3
    base = TransformersEngine(tiny)
    assert max(float(t.margins.max()) for t in base.replay(asked, plan)) > 0.1, "the base is another model"
    assert runnable_folder(open_checkpoint(folder)).name == "merged"


def test_merged_as_peft_merges(folder):
    peft = pytest.importorskip("peft", reason="NOTICE: peft is missing: its merging is not compared")
    from transformers import AutoModelForCausalLM

    shutil.copytree(folder, folder.parent / "base", ignore=shutil.ignore_patterns("adapter*"))
    model = AutoModelForCausalLM.from_pretrained(folder.parent / "base", dtype=torch.float32)
    theirs = peft.PeftModel.from_pretrained(model, folder).merge_and_unload().state_dict()
    for name, weight in merge(folder).items():
        np.testing.assert_allclose(weight, theirs[name], atol=1e-6)


def test_a_small_difference_on_bf16_weights_is_not_rounded_away(folder):
    """Far below bf16's spacing, as after a few updates: the merged weights have moved by as much on average."""
    base = {name: weight.bfloat16() for name, weight in load_file(folder / WEIGHTS).items()}
    save_file(base, folder / WEIGHTS)
    small = {name: weight * (1e-4 if "lora_B" in name else 1) for name, weight in load_file(folder / ADAPTER).items()}
    save_file(small, folder / ADAPTER)
    for name in MODULES:
        down, up = (small[f"{PREFIX}{name}.{part}.weight"] for part in ("lora_A", "lora_B"))
        wanted, own = 2 * (up @ down), base[f"{name}.weight"].float()
        found, nearest = merge(folder)[f"{name}.weight"].float() - own, (own + wanted).bfloat16().float() - own
        share, kept = (float((moved * wanted).sum() / (wanted**2).sum()) for moved in (found, nearest))
        assert share == pytest.approx(1, abs=0.1) and kept < 0.5


def test_thresholds_are_the_protocols():
    """Other thresholds would be another model to every node that merges."""
    found = dithered(torch.linspace(1, 2, 8) + 1e-3, "model.norm.weight").tolist()
    assert found == [1.0, 1.1484375, 1.2890625, 1.4296875, 1.5703125, 1.71875, 1.859375, 2.0]


@pytest.mark.parametrize(
    "change, reason",
    [
        ({"use_dora": True}, "plain LoRA"),
        ({"bias": "all"}, "plain LoRA"),
        ({"r": 0}, "expected r in"),
        ({"lora_alpha": "8"}, "lora_alpha"),
    ],
)
def test_adapters_of_another_kind_are_refused(folder, change, reason):
    (folder / ADAPTER_CONFIG).write_text(json.dumps(CONFIG | change))
    with pytest.raises(BadCheckpoint, match=reason):
        merge(folder)


def test_an_adapter_of_another_model_is_refused(folder):
    tensors = load_file(folder / ADAPTER)
    save_file({name.replace("layers.3", "layers.99"): tensor for name, tensor in tensors.items()}, folder / ADAPTER)
    with pytest.raises(BadCheckpoint, match=r"layers\.99"):
        merge(folder)
    (folder / ADAPTER_CONFIG).unlink()
    with pytest.raises(BadCheckpoint, match="or neither"):
        open_checkpoint(folder)


def test_a_second_adapter_of_the_same_base_is_all_that_travels(folder, tiny, tmp_path):
    store = FileStore(tmp_path / "store")
    cache = CheckpointCache(tmp_path / "cache", store)
    asked = []
    real = store.get
    store.get = lambda digest, limit: asked.append(digest) or real(digest, limit)
    for place in (tiny.folder, folder):
        checkpoint = open_checkpoint(place)
        record = _record(checkpoint, upload(place, store))
        fetched = cache.fetch(record)
        assert fetched.fingerprint == checkpoint.fingerprint
    weights = keccak256((folder / WEIGHTS).read_bytes())
    assert asked.count(weights) == 1


def _record(checkpoint, manifest):
    from types import SimpleNamespace

    profile = (checkpoint.folder / "calibration.json").read_bytes()
    return SimpleNamespace(
        fingerprint=checkpoint.fingerprint, manifest=manifest, calibration=keccak256(profile), publisher=bytes(20)
    )
