"""Dialogues: what follows from a rollout's ids, and what is none."""

import json
import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grail.checkpoints.files import CALIBRATION, RULES, open_checkpoint
from grail.environments.base import RIGHT, WRONG, Step
from grail.environments.bisect import Bisect
from grail.environments.dialogue import BrokenDialogue, Dialogue
from grail.errors import BadCheckpoint
from grail.inference.text import TextCodec
from grail.models.library import packaged_folder
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH, FINISH_ROOM, FINISH_TURNS
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import environment_digest
from grail.protocol.turns import transcript

EOS, SPACE = 18, 16
BISECT = Bisect()
HIDDEN = next(
    key
    for key in (keccak256(number.to_bytes(4, "big")) for number in range(10_000))
    if (BISECT.problem(key).answer, BISECT.problem(key).prompt) == ("51", "(9-72) ")
)
"""A problem whose number is 51, of 9 to 72."""


class Words(Bisect):
    """Says what few tokenizers cannot."""

    def step(self, problem, state, action):
        return Step(state, "higher")


@pytest.fixture(scope="module")
def codec(tmp_path_factory) -> TextCodec:
    folder = shutil.copytree(packaged_folder(), tmp_path_factory.mktemp("turns") / "model")
    (folder / CALIBRATION).unlink()
    turn = {"close": [EOS], "before": [], "after": [SPACE], "max_turn_tokens": 3}
    rules = json.loads((folder / RULES).read_text()) | {"max_tokens": 12, "turn": turn}
    (folder / RULES).write_text(json.dumps(rules))
    return TextCodec(open_checkpoint(folder))


def dialogue(codec: TextCodec, environment=BISECT, key: bytes = HIDDEN, most: int = 100) -> Dialogue:
    problem = environment.problem(key)
    return Dialogue(environment, problem, codec, codec.encode(problem.prompt), most)


def said(codec: TextCodec, *turns: str) -> np.ndarray:
    """Sampled ids of turns; one that ends in ! was cut at its limit."""
    parts = [codec.encode_completion(turn) if turn[-1:] != "!" else codec.encode(turn[:-1]) for turn in turns]
    return np.concatenate(parts).astype(np.int32)


def test_a_dialogue_follows_from_its_ids(codec):
    talk = dialogue(codec)
    assert talk.problem.answer == "51"
    played = talk.play(said(codec, "32", "60", "51"))
    assert (played.turns, played.finish, played.grade.reward_micro) == (3, FINISH_EOS, RIGHT)
    assert played.actions == ("32", "60", "51") and played.observations == ("+", "-")
    ids, places = transcript(said(codec, "32", "60", "51"), played.bridges)
    assert codec.decode(ids) == "32<eos>+ 60<eos>- 51" and len(places) == 9 and played.observed == 4


def test_turns_end_at_their_limit_and_are_closed(codec):
    played = dialogue(codec).play(said(codec, "111!", "51"))
    assert played.actions == ("111", "51") and played.grade.reward_micro == RIGHT
    assert codec.decode(transcript(said(codec, "111!", "51"), played.bridges)[0]) == "111<eos>* 51"


@pytest.mark.parametrize(
    ("turns", "finish"),
    [
        (["51"], FINISH_EOS),
        (["222!"] * 4, FINISH_LENGTH),
        (["9"] * 6, FINISH_TURNS),
        (["10", "11", "12", "51"], FINISH_EOS),
    ],
)
def test_why_a_dialogue_is_over(codec, turns, finish):
    played = dialogue(codec).play(said(codec, *turns))
    assert (played.turns, played.finish) == (len(turns), finish)
    assert (played.grade.reward_micro == RIGHT) == (turns[-1] == "51")


def test_an_answer_that_does_not_fit_ends_it(codec):
    played = dialogue(codec, most=3).play(said(codec, "1", "2"))
    assert (played.finish, played.observed, played.grade.reward_micro) == (FINISH_ROOM, 2, WRONG)
    assert dialogue(codec, Words()).play(said(codec, "12")).finish == FINISH_ROOM, "this tokenizer has no letters"


@pytest.mark.parametrize(
    "turns", [["51", "1"], ["1"] * 7, ["33!"], ["222!"] * 5, ["1", "51", "51"], ["1", "222!", "2!"]], ids=str
)
def test_what_goes_on_or_stops_within_a_turn_is_none(codec, turns):
    with pytest.raises(BrokenDialogue):
        dialogue(codec).play(said(codec, *turns))


def test_what_no_world_is_needed_to_see(codec):
    talk = dialogue(codec)
    assert talk.stops_within_a_turn(said(codec, "33!")) and talk.stops_within_a_turn(said(codec, "1", "3!"))
    assert not talk.stops_within_a_turn(said(codec, "333!")) and not talk.stops_within_a_turn(said(codec, "1", "2"))


def test_nobody_speaks_for_the_world(codec):
    """A control token inside a turn makes it no action, whatever the text around it says."""
    tokens = np.array([17, *codec.encode("51")], np.int32)
    played = dialogue(codec).play(np.concatenate([tokens, codec.encode_completion("51")]))
    assert played.actions[0] == "" and played.observations[0] == "*"


def test_single_turns_are_dialogues_too(codec):
    from grail.environments.arithmetic import Arithmetic

    talk = dialogue(codec, Arithmetic())
    played = talk.play(codec.encode_completion(talk.problem.answer))
    assert talk.world is None and (played.turns, played.finish, played.observed) == (1, FINISH_EOS, 0)
    with pytest.raises(BrokenDialogue, match="end"):
        talk.play(said(codec, "1", "2"))


def test_a_model_without_rules_for_turns_is_refused_in_words():
    codec = TextCodec(open_checkpoint(packaged_folder()))
    with pytest.raises(BadCheckpoint, match="vary --turns"):
        dialogue(codec)


def test_rules_of_turns_are_in_the_hash(codec):
    checkpoint = codec.checkpoint
    single, turns = checkpoint.rules_digest("bisect/1"), checkpoint.rules_digest("bisect/1", 1)
    assert len({single, turns, checkpoint.rules_digest("bisect/1", 2)}) == 3
    plain = open_checkpoint(packaged_folder())
    with pytest.raises(BadCheckpoint, match="no rules for several turns"):
        plain.rules_digest("bisect/1", 1)
    assert environment_digest("bisect/1") != environment_digest("bisect/1?turns=7")


@settings(max_examples=300, deadline=None)
@given(st.binary(min_size=1, max_size=12), st.integers(0, 2**32))
def test_any_ids_are_a_dialogue_or_none(codec, raw, seed):
    """Whatever is sampled, the fold says the same twice, and what it takes is whole: a prefix is none."""
    tokens = np.frombuffer(raw, np.uint8).astype(np.int32) % 19
    talk = dialogue(codec, key=keccak256(seed.to_bytes(8, "big")))
    try:
        played = talk.play(tokens)
    except BrokenDialogue:
        return
    again = talk.play(tokens)
    assert (played.digest, played.actions, played.grade) == (again.digest, again.actions, again.grade)
    assert len(tokens) <= 12 and 1 <= played.turns <= 6 and not talk.stops_within_a_turn(tokens)
    for shorter in range(1, len(tokens)):
        with pytest.raises(BrokenDialogue):
            talk.play(tokens[:shorter])
