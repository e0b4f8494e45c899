"""vLLM for real: honest by the transformers replay, whatever it batches; other weights in place. Skipped without it."""

import shutil
from importlib.util import find_spec

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from grail.checkpoints.files import WEIGHTS, open_checkpoint
from grail.environments.bisect import Bisect
from grail.errors import BadCheckpoint
from grail.inference.base import ReplayRequest, RolloutRequest
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.inference.vllm_engine.engine import VllmEngine
from grail.models.library import packaged_folder
from grail.proofs.sketch import sketch_errors
from grail.protocol.constants import FINISH_EOS
from tests.inference.test_adapters import adapted_copy

pytestmark = pytest.mark.skipif(find_spec("vllm") is None, reason="vLLM is not installed: make vllm")


@pytest.fixture(scope="module")
def vllm(tiny):
    return VllmEngine(tiny)


@pytest.fixture(scope="module")
def in_turns():
    """Both engines on the model of turns, and dialogues to play."""
    checkpoint = open_checkpoint(packaged_folder("tiny-turns"))
    asked = own_requests(TextCodec(checkpoint), Bisect(), b"vllm in turns", 256, 4)
    return VllmEngine(checkpoint), TransformersEngine(checkpoint), asked


def traces(engine, requests, made, plan):
    return engine.replay([ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(requests, made, strict=True)], plan)


def test_transformers_finds_nothing_in_what_vllm_makes(vllm, engine, requests, plan, tiny):
    made = vllm.generate(requests, plan)
    for generation, trace in zip(made, traces(engine, requests, made, plan), strict=True):
        assert trace.margins.max() < 1e-3
        assert np.abs(trace.logprobs - generation.logprobs.astype(np.float32)).max() < 2e-2
        assert sketch_errors(trace.sketch, generation.sketch).max() < 1e-4
        ended = generation.tokens[-1] in tiny.rules.eos_ids
        assert ended == (generation.finish == FINISH_EOS)
        assert ended or len(generation.tokens) == tiny.rules.max_tokens


def test_engines_agree_token_by_token_in_any_batch(vllm, engine, requests, plan):
    expected = [generation.tokens.tolist() for generation in engine.generate(requests, plan)]
    assert [generation.tokens.tolist() for generation in vllm.generate(requests, plan)] == expected
    alone = [vllm.generate([request], plan)[0].tokens.tolist() for request in requests[:4]]
    assert alone == expected[:4]


def test_a_group_shares_its_prompt_and_has_eight_different_rollouts(vllm, engine, requests, plan):
    group = [RolloutRequest(requests[0].prompt, bytes([i]) * 32) for i in range(8)]
    made = vllm.generate(group, plan)
    assert [g.tokens.tolist() for g in made] == [g.tokens.tolist() for g in engine.generate(group, plan)]
    assert len({g.tokens.tobytes() for g in made}) > 1


def test_greedy_is_greedy(vllm, engine, requests, plan):
    made = vllm.generate(requests[:8], plan, greedy=True)
    assert [g.tokens.tolist() for g in made] == [
        g.tokens.tolist() for g in engine.generate(requests[:8], plan, greedy=True)
    ]


def test_other_weights_are_loaded_in_place_and_nothing_of_the_old_remains(vllm, tiny, tmp_path, requests, plan):
    before = [g.tokens.tolist() for g in vllm.generate(requests, plan)]
    folder = tmp_path / "next"
    shutil.copytree(tiny.folder, folder)
    weights = load_file(folder / WEIGHTS)
    torch.manual_seed(5)
    save_file({name: w + 0.05 * torch.randn_like(w) for name, w in weights.items()}, folder / WEIGHTS)
    changed = open_checkpoint(folder)
    made = VllmEngine(changed).generate(requests, plan)
    assert [g.tokens.tolist() for g in made] != before
    for trace in traces(TransformersEngine(changed), requests, made, plan):
        assert trace.margins.max() < 1e-3
    assert [g.tokens.tolist() for g in vllm.generate(requests, plan)] == before


def test_an_adapter_is_loaded_in_place(vllm, tiny, tmp_path, requests, plan):
    before = [g.tokens.tolist() for g in vllm.generate(requests, plan)]
    adapted = open_checkpoint(adapted_copy(tiny, tmp_path / "adapted"))
    made = VllmEngine(adapted).generate(requests, plan)
    assert [g.tokens.tolist() for g in made] != before
    for trace in traces(TransformersEngine(adapted), requests, made, plan):
        assert trace.margins.max() < 1e-3


def test_damaged_weights_are_named_and_the_next_call_starts_afresh(vllm, tiny, tmp_path, requests, plan):
    folder = tmp_path / "damaged"
    shutil.copytree(tiny.folder, folder)
    weights = load_file(folder / WEIGHTS)
    save_file({name: torch.full_like(w, float("nan")) for name, w in weights.items()}, folder / WEIGHTS)
    with pytest.raises(BadCheckpoint, match="NaN"):
        VllmEngine(open_checkpoint(folder)).generate(requests[:2], plan)
    assert len(vllm.generate(requests[:2], plan)) == 2


def test_the_processor_of_model_runner_v2_finds_its_rows_in_any_order(plan):
    """V2 runs on CUDA only; here its processor gets what that runner hands over, in vLLM's own types."""
    from types import SimpleNamespace

    from vllm import SamplingParams
    from vllm.v1.worker.gpu.sample.logits_processor import LogitsContext, LogitsProcRequestState

    from grail.inference.sampling import key_tensor, mandated
    from grail.inference.vllm_engine.processors import RECORDER, SeededV2
    from grail.inference.vllm_engine.recorder import FIELD, Call

    held = RECORDER.head, RECORDER.call
    RECORDER.head = torch.randn(50, 16), None
    RECORDER.begin(Call(plan, 1_000, greedy=False))
    prompts = SimpleNamespace(gpu=torch.tensor([5, 9, 7, 3]))
    state = LogitsProcRequestState(torch.device("cpu"), 4, 50, None, prompts, None, None)
    processor = SeededV2(None, state)
    keys = key_tensor([bytes([i]) * 32 for i in range(4)])
    for slot, number in ((2, 0), (0, 1)):
        params = SamplingParams(extra_args={FIELD: [number, *keys[number].tolist(), 0]})
        assert processor.add_request(slot, params)
    assert not processor.add_request(1, SamplingParams())
    slots, steps = torch.tensor([1, 0, 2]), torch.tensor([0, 4, 1])
    logits = RECORDER.logits(torch.randn(3, 16))
    raw = logits.clone()
    positions = prompts.gpu[slots] + steps - 1
    context = LogitsContext(slots, slots, slots.numpy(), torch.zeros(3), torch.zeros(3), positions, positions.numpy())
    chosen = processor.apply(logits, context)
    expected = mandated(raw[1:], 1_000, keys[[1, 0]], steps[1:]).tokens
    assert torch.equal(chosen[0], raw[0]) and chosen[1:].argmax(1).tolist() == expected.tolist()
    record = RECORDER.take()
    assert record.rows.tolist() == [1, 0] and record.steps.tolist() == [4, 1]
    assert processor.add_request(2, SamplingParams()) is False, "a recycled slot forgets whose it was"
    RECORDER.head, RECORDER.call = held


def test_dialogues_are_those_of_the_other_engine(in_turns, plan):
    """Continuous, the prefix cache on: not a token differs in float32, and a replay in one pass finds nothing."""
    ours, theirs, asked = in_turns
    made, other = ours.generate(asked, plan), theirs.generate(asked, plan)
    assert [g.tokens.tolist() for g in made] == [g.tokens.tolist() for g in other]
    assert [[b.ids.tolist() for b in g.bridges] for g in made] == [[b.ids.tolist() for b in g.bridges] for g in other]
    shown = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(asked, made, strict=True)]
    assert max(float(trace.margins.max()) for trace in theirs.replay(shown, plan)) < 1e-3
    assert max(len(g.bridges) for g in made) == 5
