"""Engines in turns: the tokens of one long sequence, whatever the batch; read again in one pass."""

import numpy as np
import pytest
import torch

from grail.checkpoints.files import open_checkpoint
from grail.environments.bisect import Bisect
from grail.environments.dialogue import Dialogue
from grail.inference import decoding
from grail.inference.base import ReplayRequest, RolloutRequest
from grail.inference.requests import own_dialogues, request_of
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.models.library import packaged_folder
from grail.proofs.sketch import sketch_errors
from grail.protocol.gumbel import mandated_token
from grail.protocol.hashing import keccak256
from grail.protocol.turns import Bridge, transcript

COUNT = 24


@pytest.fixture(scope="module")
def engine() -> TransformersEngine:
    return TransformersEngine(open_checkpoint(packaged_folder("tiny-turns")))


@pytest.fixture(scope="module")
def dialogues(engine) -> list[Dialogue]:
    environment = Bisect()
    problems = [environment.problem(keccak256(bytes([number // 4]))) for number in range(COUNT)]
    return own_dialogues(TextCodec(engine.checkpoint), environment, problems)


@pytest.fixture(scope="module")
def asked(dialogues):
    return [request_of(dialogue, keccak256(b"turns" + bytes([i]))) for i, dialogue in enumerate(dialogues)]


@pytest.fixture(scope="module")
def made(engine, asked, plan):
    return engine.generate(asked, plan)


def test_what_is_generated_is_the_dialogue_of_its_ids(dialogues, made):
    turns = []
    for dialogue, generation in zip(dialogues, made, strict=True):
        played = dialogue.play(generation.tokens)
        assert [b.after for b in played.bridges] == [b.after for b in generation.bridges]
        assert all(np.array_equal(a.ids, b.ids) for a, b in zip(played.bridges, generation.bridges, strict=True))
        turns.append(played.turns)
    assert max(turns) == 6 and len(made) == COUNT


def test_every_token_is_mandated_behind_all_that_was_said(engine, asked, made):
    """Step by step through the whole sequence, bridges and all; the noise counts sampled tokens of the rollout."""
    for request, generation in zip(asked[:6], made[:6], strict=True):
        ids, places = transcript(generation.tokens, generation.bridges)
        whole = np.concatenate([request.prompt, ids]).astype(np.int64)
        with torch.inference_mode():
            logits = engine.model(torch.from_numpy(whole)[None]).logits[0].float().numpy()
        for step, (token, place) in enumerate(zip(generation.tokens, places, strict=True)):
            before = logits[len(request.prompt) + place - 1]
            assert token == mandated_token(before, request.key, step, engine.checkpoint.rules.temperature_milli)


@pytest.mark.parametrize("batch", [1, 5])
def test_batches_do_not_change_a_dialogue(engine, asked, made, plan, batch):
    parts = [g for i in range(0, COUNT, batch) for g in engine.generate(asked[i : i + batch], plan)]
    assert [g.tokens.tolist() for g in parts] == [g.tokens.tolist() for g in made]


def test_a_replay_in_one_pass_finds_nothing(engine, asked, made, plan):
    again = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(asked, made, strict=True)]
    for generation, trace in zip(made, engine.replay(again, plan), strict=True):
        assert len(trace.margins) == len(generation.tokens) == len(trace.spreads)
        assert trace.margins.max() < 1e-4
        assert np.abs(trace.logprobs - generation.logprobs.astype(np.float32)).max() < 1e-2
        assert sketch_errors(trace.sketch, generation.sketch).max() < 1e-5


def test_a_replay_behind_other_observations_finds_much(engine, asked, made, plan):
    """An answer that nobody gave: the tokens behind it are not those that it mandates."""
    other = []
    for request, generation in zip(asked, made, strict=True):
        told = [Bridge(b.after, np.full_like(b.ids, 5)) for b in generation.bridges]
        other.append(ReplayRequest(request.prompt, request.key, generation.tokens, tuple(told)))
    assert max(float(trace.margins.max()) for trace in engine.replay(other, plan)) > 0.3


def test_rows_whose_caches_cannot_join_read_their_dialogue_again(engine, asked, made, plan, monkeypatch):
    monkeypatch.setattr(decoding.Batch, "joinable", property(lambda self: False))
    assert [g.tokens.tolist() for g in engine.generate(asked, plan)] == [g.tokens.tolist() for g in made]


def test_single_turns_and_dialogues_share_a_batch(engine, asked, made, plan):
    plain = [RolloutRequest(request.prompt, request.key) for request in asked[:3]]
    mixed = engine.generate([*plain, *asked[:5]], plan)
    assert [g.tokens.tolist() for g in mixed[3:]] == [g.tokens.tolist() for g in made[:5]]
    assert all(not g.bridges for g in mixed[:3])
