"""What stands between turns: derived from the chat template, refused where that rewrites what was said."""

import shutil

import numpy as np
import pytest

from grail.checkpoints.files import CHAT_TEMPLATE, RULES, open_checkpoint
from grail.errors import BadCheckpoint
from grail.inference.text import TextCodec
from grail.models.library import Library, is_calibrated, packaged_folder
from grail.models.turns import turn_rules

PLAIN = (
    "{% for m in messages %}{% if m.role == 'user' %}({{ m.content }}){% else %}={{ m.content }}<eos>-{% endif %}"
    "{% endfor %}{% if add_generation_prompt %}={% endif %}"
)
ONLY_THE_LAST = "{% set m = messages[-1] %}({{ m.content }})={% if messages | length > 1 %}{% endif %}"
LATEST_KEPT = (
    "{% for m in messages %}{% if m.role == 'user' %}({{ m.content }}){% elif loop.index + 2 >= messages | length %}"
    "={{ m.content }}<eos>-{% else %}=<eos>-{% endif %}{% endfor %}="
)
UNENDED = (
    "{% for m in messages %}{% if m.role == 'user' %}({{ m.content }})={% else %}{{ m.content }}{% endif %}{% endfor %}"
)


@pytest.fixture()
def folder(tmp_path):
    return shutil.copytree(packaged_folder(), tmp_path / "model")


def test_a_template_gives_the_bridge(folder):
    (folder / CHAT_TEMPLATE).write_text(PLAIN)
    checkpoint = open_checkpoint(folder)
    rules, codec = turn_rules(checkpoint, 4), TextCodec(checkpoint)
    assert rules.close == (18,) and codec.decode(np.array(rules.before)) == "-("
    assert codec.decode(np.array(rules.after)) == ")=" and rules.max_turn_tokens == 4


@pytest.mark.parametrize(
    ("template", "why"),
    [(ONLY_THE_LAST, "as it was said"), (LATEST_KEPT, "rewrites earlier turns"), (UNENDED, "in one of eos_ids")],
)
def test_a_template_that_rewrites_is_one_of_single_turns(folder, template, why):
    (folder / CHAT_TEMPLATE).write_text(template)
    with pytest.raises(BadCheckpoint, match=why):
        turn_rules(open_checkpoint(folder), 4)


def test_without_a_template_a_space_stands_behind_an_answer(folder):
    rules = turn_rules(open_checkpoint(folder), 3)
    assert (rules.close, rules.before, rules.after) == ((18,), (), (16,)), "this tokenizer has no line's end"


def test_a_variant_of_turns_has_another_fingerprint_and_no_profile(tmp_path):
    library = Library(tmp_path)
    made = library.vary("tiny", "tiny-in-turns", max_tokens=12, turns=3)
    assert made.rules.turn is not None and made.rules.turn.max_turn_tokens == 3 and not is_calibrated(made.folder)
    single = library.vary("tiny", "tiny-again", max_tokens=3)
    assert "turn" not in (single.folder / RULES).read_text() and is_calibrated(single.folder)
    assert open_checkpoint(packaged_folder("tiny-turns")).rules.turn is not None
    with pytest.raises(BadCheckpoint, match="max_turn_tokens"):
        library.vary("tiny", "too-long", max_tokens=3, turns=9)


def test_the_packaged_models_are_listed(tmp_path):
    assert [entry.name for entry in Library(tmp_path).entries()][:2] == ["tiny", "tiny-turns"]
    assert is_calibrated(Library(tmp_path).find("tiny-turns"))
