"""What runs inside vLLM's worker, without vLLM: the mandated token wins, what is kept is what the model said."""

import numpy as np
import pytest
import torch

from grail.errors import BadCheckpoint, Unavailable
from grail.inference.sampling import key_tensor, logprobs_of, mandated
from grail.inference.vllm_engine.engine import Taken
from grail.inference.vllm_engine.recorder import Call, Recorder
from grail.proofs.sketch import SketchPlan

ROWS, HIDDEN, VOCABULARY = 6, 16, 50
PLAN = SketchPlan(bytes(32), 4, 2)


@pytest.fixture
def recorder():
    torch.manual_seed(3)
    recorder = Recorder(head=(torch.randn(VOCABULARY, HIDDEN), None))
    recorder.begin(Call(PLAN, 900, greedy=False))
    return recorder


def play(recorder, places, rows, step):
    """One step of a batch; returns states, raw logits, and the logits that vLLM would sample from."""
    states = torch.randn(ROWS, HIDDEN)
    logits = recorder.logits(states)
    raw = logits.clone()
    keys = key_tensor([bytes([row]) * 32 for row in rows])
    recorder.choose(logits, torch.tensor(places), torch.tensor(rows), torch.full((len(rows),), step), keys)
    return states, raw, logits, keys


def test_the_greedy_choice_is_the_mandated_token_and_other_rows_stay_as_they_were(recorder):
    places, rows = [4, 1, 2], [0, 1, 2]
    states, raw, logits, keys = play(recorder, places, rows, step=0)
    expected = mandated(raw[places], 900, keys, torch.zeros(3, dtype=torch.int64)).tokens
    assert logits.argmax(1)[places].tolist() == expected.tolist()
    others = [0, 3, 5]
    assert torch.equal(logits[others], raw[others])
    record = recorder.take()
    assert record.tokens.tolist() == expected.tolist() and record.rows.tolist() == rows
    assert np.allclose(record.logprobs, logprobs_of(raw[places], 900, expected).numpy())
    unit = states[places] / states[places].norm(dim=1, keepdim=True)
    assert np.allclose(record.sketch, unit.numpy() @ PLAN.matrix(HIDDEN).T, atol=1e-6)


def test_a_step_sampled_again_after_preemption_counts_once_and_sketches_follow_the_stride(recorder):
    for step in (0, 1, 1, 2):
        play(recorder, [0, 1], [1, 0], step)
    record = recorder.take()
    raw = [part.tobytes() for part in (record.rows, record.steps, record.tokens, record.logprobs, record.sketch)]
    taken = Taken.of(raw, PLAN.dim)
    for number in (0, 1):
        made = taken.generation(number, (), eos_ids=(999,), plan=PLAN)
        own = record.rows == number
        last = np.flatnonzero(own)[[0, 2, 3]]
        assert made.tokens.tolist() == record.tokens[last].tolist()
        assert made.sketch.shape == (2, PLAN.dim)
        assert np.array_equal(made.sketch, record.sketch[last][::2].astype(np.float16))
        assert (made.logprobs <= 0).all()


def test_greedy_leaves_the_noise_out(recorder):
    recorder.begin(Call(PLAN, 1_000, greedy=True))
    _, raw, _, _ = play(recorder, [0, 1, 2, 3, 4, 5], [0, 1, 2, 3, 4, 5], 0)
    assert recorder.take().tokens.tolist() == raw.argmax(1).tolist()


def test_damaged_weights_and_a_vllm_that_skips_logits_are_named(recorder):
    with pytest.raises(BadCheckpoint, match="NaN"):
        recorder.logits(torch.full((1, HIDDEN), float("nan")))
    with pytest.raises(Unavailable, match="constraints"):
        recorder.choose(
            torch.zeros(3, VOCABULARY), *(torch.zeros(3, dtype=torch.int64),) * 3, key_tensor([bytes(32)] * 3)
        )
