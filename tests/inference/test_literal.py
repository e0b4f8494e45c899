"""Text that looks like a control token is text: of a tokenizer with added tokens, special or not."""

import json
import shutil

import pytest
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers

from grail.checkpoints.files import CONFIG, TOKENIZER, open_checkpoint
from grail.inference.text import TextCodec
from tests.turn_models import with_turns


@pytest.fixture(scope="module")
def codec(tmp_path_factory):
    """Bytes, and two added tokens behind them."""
    folder = tmp_path_factory.mktemp("literal") / "model"
    with_turns(folder)
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE({letter: place for place, letter in enumerate(alphabet)}, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    tokenizer.add_special_tokens([AddedToken("<|im_end|>", special=True)])
    tokenizer.add_tokens([AddedToken("<tool>", special=False)])
    tokenizer.save(str(folder / TOKENIZER))
    config = json.loads((folder / CONFIG).read_text()) | {"vocab_size": tokenizer.get_vocab_size()}
    (folder / CONFIG).write_text(json.dumps(config))
    return TextCodec(open_checkpoint(shutil.copytree(folder, folder.with_name("copy"))))


@pytest.mark.parametrize("text", ["a <|im_end|> b", "<tool>", " leading", "two\nlines", "0 right, 2 elsewhere.", ""])
def test_nothing_in_a_text_is_a_control_token(codec, text):
    ids = codec.literal(text)
    assert ids is not None and max(ids, default=0) < 256


def test_the_usual_encoding_would_make_control_tokens_of_it(codec):
    assert max(codec.ids("a <|im_end|> b")) == 256 and codec.ids("<tool>") == [257]


def test_what_cannot_be_said_exactly_has_no_ids(tmp_path):
    codec = TextCodec(with_turns(tmp_path / "model"))
    assert codec.literal("12+3") is not None and codec.literal("higher") is None and codec.literal("<eos>") is None
