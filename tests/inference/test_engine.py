"""The transformers engine: the reference sampler's tokens, whatever the batch; replay finds margin zero."""

import itertools
import json
import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from grail.checkpoints.files import CHAT_TEMPLATE, RULES, TOKENIZER, WEIGHTS, open_checkpoint
from grail.errors import BadCheckpoint, BadInput, Unavailable
from grail.inference.base import ReplayRequest, RolloutRequest
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import sketch_errors
from grail.protocol.constants import FINISH_EOS
from grail.protocol.gumbel import mandated_token


def replayed(engine, requests, made, plan):
    return engine.replay([ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(requests, made, strict=True)], plan)


def test_every_token_is_the_one_that_the_reference_mandates(engine, requests, plan, tiny):
    for request, generation in zip(requests[:5], engine.generate(requests[:5], plan), strict=True):
        sequence = request.prompt.tolist()
        for step, token in enumerate(generation.tokens.tolist()):
            with torch.inference_mode():
                logits = engine.model(torch.tensor([sequence])).logits[0, -1].numpy()
            assert token == mandated_token(logits, request.key, step, tiny.rules.temperature_milli)
            sequence.append(token)
        ended = generation.tokens[-1] in tiny.rules.eos_ids
        assert ended == (generation.finish == FINISH_EOS)
        assert ended or len(generation.tokens) == tiny.rules.max_tokens


@pytest.mark.parametrize("batch", [1, 3, 40])
def test_batch_and_padding_do_not_change_tokens(engine, requests, plan, batch):
    whole = engine.generate(requests, plan)
    parts = [g for i in range(0, len(requests), batch) for g in engine.generate(requests[i : i + batch], plan)]
    for a, b in zip(whole, parts, strict=True):
        assert a.tokens.tolist() == b.tokens.tolist()
        assert np.allclose(a.logprobs.astype(float), b.logprobs.astype(float), atol=1e-2)


def test_replay_of_honest_work_finds_nothing(engine, requests, plan):
    made = engine.generate(requests, plan)
    for generation, trace in zip(made, replayed(engine, requests, made, plan), strict=True):
        assert trace.margins.max() < 1e-4
        assert np.abs(trace.logprobs - generation.logprobs.astype(np.float32)).max() < 1e-2
        assert sketch_errors(trace.sketch, generation.sketch).max() < 1e-5


def test_replay_sees_a_changed_token_and_a_foreign_key(engine, requests, plan):
    made = engine.generate(requests, plan)
    changed = made[0].tokens.copy()
    changed[0] = (changed[0] + 1) % 10
    (trace,) = engine.replay([ReplayRequest(requests[0].prompt, requests[0].key, changed)], plan)
    assert trace.margins[0] > 0.01
    foreign = [ReplayRequest(r.prompt, bytes(32), g.tokens) for r, g in zip(requests, made, strict=True)]
    assert np.mean([t.margins.mean() for t in engine.replay(foreign, plan)]) > 0.3


def test_sketch_of_zeros_or_of_another_prompt_is_far_off(engine, requests, plan):
    made = engine.generate(requests, plan)
    traces = replayed(engine, requests, made, plan)
    zeros = [sketch_errors(t.sketch, np.zeros_like(g.sketch)) for t, g in zip(traces, made, strict=True)]
    assert np.concatenate(zeros).min() > 0.99
    other = [sketch_errors(t.sketch[:1], made[i - 1].sketch[:1]) for i, t in enumerate(traces)]
    assert np.median(other) > 0.01


def test_greedy_ignores_the_key(engine, requests, plan):
    twice = [RolloutRequest(requests[0].prompt, bytes([i]) * 32) for i in range(2)]
    first, second = engine.generate(twice, plan, greedy=True)
    assert first.tokens.tolist() == second.tokens.tolist()


def test_ids_outside_the_vocabulary_are_refused(engine, requests, plan, tiny):
    bad = np.array([tiny.vocab_size], dtype=np.int32)
    with pytest.raises(BadInput, match="token ids"):
        engine.replay([ReplayRequest(requests[0].prompt, requests[0].key, bad)], plan)


def test_out_of_memory_halves_the_batch_and_changes_nothing(tiny, requests, plan, monkeypatch):
    engine = TransformersEngine(tiny)
    expected = engine.generate(requests, plan)
    whole, sizes = engine.prefill, []

    def scarce(prompts):
        sizes.append(len(prompts))
        if len(prompts) > 8:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return whole(prompts)

    monkeypatch.setattr(engine, "prefill", scarce)
    made = engine.generate(requests, plan)
    assert sizes[0] == len(requests) and [g.tokens.tolist() for g in made] == [g.tokens.tolist() for g in expected]
    traces = replayed(engine, requests, made, plan)
    assert max(float(trace.margins.max()) for trace in traces) < 1e-4
    monkeypatch.setattr(engine, "prefill", lambda *_: (_ for _ in ()).throw(torch.OutOfMemoryError("memory")))
    with pytest.raises(Unavailable, match="one rollout alone"):
        engine.generate(requests, plan)


def test_rows_leave_when_they_end_and_others_join(tiny, requests, plan, monkeypatch):
    engine = TransformersEngine(tiny)
    expected = engine.generate(requests, plan)
    widths, whole = [], engine.hidden

    def watched(ids, *rest):
        if ids.shape[1] == 1:
            widths.append(len(ids))
        return whole(ids, *rest)

    monkeypatch.setattr(engine, "hidden", watched)
    monkeypatch.setattr("grail.inference.transformers_engine.BATCH_TOKENS", 10 * (tiny.rules.max_tokens + 8))
    made = engine.generate(requests, plan)
    assert [g.tokens.tolist() for g in made] == [g.tokens.tolist() for g in expected]
    assert max(widths) <= 13
    assert sum(widths) == sum(len(g.tokens) - 1 for g in made)  # no step for a row that has ended
    assert any(later > earlier for earlier, later in itertools.pairwise(widths))  # somebody joined


def test_other_runtime_errors_are_not_taken_for_memory(tiny, requests, plan, monkeypatch):
    engine = TransformersEngine(tiny)
    monkeypatch.setattr(engine, "_replay_batch", lambda *_: (_ for _ in ()).throw(RuntimeError("shape mismatch")))
    with pytest.raises(RuntimeError, match="shape"):
        engine.replay([ReplayRequest(requests[0].prompt, requests[0].key, np.array([1], np.int32))], plan)


@pytest.fixture
def damaged(tiny_folder, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny_folder, folder)
    return folder


def test_nan_weights_are_one_clear_error(damaged, requests, plan):
    tensors = load_file(damaged / WEIGHTS)
    tensors["model.norm.weight"][3] = float("nan")
    save_file(tensors, damaged / WEIGHTS, metadata={"format": "pt"})
    engine = TransformersEngine(open_checkpoint(damaged))
    with pytest.raises(BadCheckpoint, match="NaN or infinite logits"):
        engine.generate(requests[:2], plan)
    with pytest.raises(BadCheckpoint, match="NaN or infinite logits"):
        engine.replay([ReplayRequest(requests[0].prompt, requests[0].key, np.array([1], np.int32))], plan)


def test_another_models_tokenizer_is_refused(damaged):
    tokenizer = json.loads((damaged / TOKENIZER).read_text())
    tokenizer["model"]["vocab"] |= {f"extra{i}": 100 + i for i in range(100)}
    (damaged / TOKENIZER).write_text(json.dumps(tokenizer))
    with pytest.raises(BadCheckpoint, match="weights and tokenizer are of different models"):
        TextCodec(open_checkpoint(damaged)).encode("1+1=")


def test_a_prompt_that_leaves_no_room_is_refused(damaged, tiny):
    rules = json.loads((damaged / RULES).read_text())
    (damaged / RULES).write_text(json.dumps(rules | {"max_tokens": tiny.context - 4}))
    codec = TextCodec(open_checkpoint(damaged))
    assert len(codec.encode("1+1=")) == 4
    with pytest.raises(BadInput, match="1 to 4 tokens in this model's context"):
        codec.encode("1+10=")


@pytest.mark.parametrize(
    "template, rendered",
    [
        ("{{ messages[0]['content'] }}", "1+1="),
        ("{% set eos = '9' %}{% for m in messages %}{{ eos }}{{ m.content }}{% endfor %}", "91+1="),
        ("{% if tools %}7{% endif %}{% if add_generation_prompt %}8{% endif %}", "8"),
    ],
)
def test_a_chat_template_wraps_the_prompt(damaged, template, rendered):
    plain = TextCodec(open_checkpoint(damaged)).encode(rendered)
    (damaged / CHAT_TEMPLATE).write_text(template)
    assert TextCodec(open_checkpoint(damaged)).encode("1+1=").tolist() == plain.tolist()


@pytest.mark.parametrize(
    "template",
    [
        "{% for %}",
        "{{ strftime_now('%Y') }}",
        "{{ raise_exception('no') }}",
        "{{ messages.__class__.__mro__ }}{{ ().__class__.__base__.__subclasses__() }}",
        "{{ messages.append(1) }}",
        "{{ 1 + 'a' }}",
        "{% for a in range(10**9) %}1{% endfor %}",
    ],
)
def test_templates_that_fail_reach_out_or_read_the_clock_are_refused(damaged, template):
    (damaged / CHAT_TEMPLATE).write_text(template)
    with pytest.raises(BadCheckpoint, match="chat_template"):
        TextCodec(open_checkpoint(damaged)).encode("1+1=")
