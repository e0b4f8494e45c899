"""Advantages, filters, packing, and a learner that resumes bit for bit."""

import json
import math
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from grail.config import TrainingSettings
from grail.inference.base import ReplayRequest, RolloutRequest
from grail.inference.dithering import dithered
from grail.protocol.hashing import keccak256
from grail.training.advantages import centred, group_normalised, leave_one_out
from grail.training.batch import Sample, TrainingGroup, TrainingRollout, collate, micro_batches, packed
from grail.training.evaluation import Accuracy
from grail.training.filters import choose
from grail.training.head import PIECE, chosen_logprobs
from grail.training.learner import Learner, rate_factor
from grail.training.objectives import OBJECTIVES


def group(rewards, version=1, tokens=(1, 2, 18), prompt=(1, 10, 2, 12)):
    rollouts = tuple(
        TrainingRollout(
            prompt=np.array(prompt, dtype=np.int32),
            tokens=np.array(tokens, dtype=np.int32),
            logprobs=np.full(len(tokens), -1.0, dtype=np.float32),
            reward=reward,
        )
        for reward in rewards
    )
    return TrainingGroup(miner=b"m" * 20, checkpoint_version=version, rollouts=rollouts)


def test_advantages_by_hand():
    a = group_normalised([1.0, 0.0, 0.0, 0.0])
    std = math.sqrt(3) / 4
    assert a == pytest.approx([0.75 / (std + 1e-4), *[-0.25 / (std + 1e-4)] * 3])
    assert group_normalised([1.0, 1.0]) == [0.0, 0.0]
    assert centred([1.0, 0.0, 0.0, 0.0]) == [0.75, -0.25, -0.25, -0.25]
    assert leave_one_out([1.0, 0.0, 0.0, 1.0]) == pytest.approx([2 / 3, -2 / 3, -2 / 3, 2 / 3])
    assert leave_one_out([1.0]) == [1.0]


def test_filters_drop_what_carries_no_signal_and_count_it():
    kept = choose([group([1, 0]), group([1, 1])], TrainingSettings())
    assert len(kept.groups) == 1 and kept.dropped == {"no_signal": 1}


def test_filters_bound_difficulty_length_and_what_one_miner_gives():
    groups = [group([1, 1, 1, 0]), group([0, 1], tokens=(1,) * 9), group([0, 1])]
    kept = choose(groups, TrainingSettings(easiest=0.6, longest=8))
    assert len(kept.groups) == 1 and kept.dropped == {"too_easy": 1, "too_long": 1}
    many = [replace(group([0, 1]), miner=bytes([miner]) * 20) for miner in (1,) * 8 + (2, 3)]
    kept = choose(many, TrainingSettings(miner_share=0.4))
    assert [g.miner[0] for g in kept.groups] == [1, 1, 1, 1, 2, 3] and kept.dropped == {"too_many": 4}
    assert len(choose(many[:8], TrainingSettings(miner_share=0.1)).groups) == 8, "alone, it dominates nobody"


def samples_of(groups, weight=1.0):
    return [Sample(rollout=r, advantage=2.0, weight=weight) for g in groups for r in g.rollouts]


def test_a_batch_holds_a_prompt_once_and_knows_each_samples_own_sequence():
    batch = collate(packed(samples_of([group([1.0, 0.0]), group([1.0], tokens=(4, 18))]), 10))
    assert batch.ids.tolist() == [[1, 10, 2, 12, 1, 2, 18, 1, 2, 18, 1, 10, 2, 12, 4, 18]]
    assert batch.places.tolist() == [[0, 1, 2, 3, 4, 5, 6, 4, 5, 6, 0, 1, 2, 3, 4, 5]]
    sequences = batch.layout.sequences.tolist()
    assert sequences == [[0, 1, 2, 3, 4, 5, 6], [0, 1, 2, 3, 7, 8, 9], [10, 11, 12, 13, 14, 15, 0]]
    assert batch.layout.sequences.flatten()[batch.layout.back].tolist() == list(range(16)), "each token finds itself"
    assert batch.states.tolist() == [3, 4, 5, 3, 7, 8, 13, 14]
    assert batch.targets.tolist() == [1, 2, 18, 1, 2, 18, 4, 18]
    assert batch.samples.tolist() == [0, 0, 0, 1, 1, 1, 2, 2]


def test_rows_and_pieces_are_cut_where_they_would_hold_too_much():
    long = group([1.0, 0.0], tokens=(3,) * 1_500)
    assert [len(row) for row in packed(samples_of([long]), 2_048)] == [1, 1]
    assert [len(row) for row in packed(samples_of([long]), 4_096)] == [2]
    pieces = micro_batches(samples_of([group([1.0, 0.0])] * 3), 16)
    assert [[len(row) for row in piece] for piece in pieces] == [[2], [4]], "4 + 2 * 3 and 4 + 4 * 3 tokens"
    assert [len(row) for piece in micro_batches(samples_of([long]), 16) for row in piece] == [1, 1], "never less"


def test_packed_or_not_the_numbers_are_the_replays(tiny, engine, requests, plan):
    again = [RolloutRequest(r.prompt, keccak256(r.key + bytes([i]))) for r in requests[:6] for i in range(3)]
    made = engine.generate(again, plan)
    asked = [ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(again, made, strict=True)]
    samples = [
        alone(TrainingRollout(prompt=a.prompt, tokens=a.tokens, logprobs=t.logprobs, reward=0))
        for a, t in zip(asked, engine.replay(asked, plan), strict=True)
    ]
    learner = Learner(tiny, TrainingSettings())
    for rows in (packed(samples, 10_000), [[sample] for sample in samples]):
        batch = collate(rows)
        with torch.no_grad():
            ours, entropy = learner.policy(batch)
        assert torch.allclose(ours, batch.behaviour, atol=1e-4)
        assert (entropy >= 0).all() and (entropy <= math.log(tiny.vocab_size) + 1e-5).all()


def test_the_head_in_pieces_has_the_values_and_gradients_of_the_whole():
    torch.manual_seed(0)
    states = torch.randn(PIECE + 300, 16, requires_grad=True)
    weight = torch.randn(50, 16, requires_grad=True)
    targets = torch.randint(0, 50, (PIECE + 300,))
    ours, entropy = chosen_logprobs(states, weight, targets, 0.8)
    whole = torch.log_softmax(states @ weight.T * 0.8, dim=1)
    assert torch.allclose(ours, whole.gather(1, targets[:, None])[:, 0], atol=1e-5)
    assert torch.allclose(entropy, -(whole.exp() * whole).sum(1), atol=1e-5)
    direction = torch.randn(len(targets))
    found = torch.autograd.grad((ours * direction).sum(), (states, weight))
    expected = torch.autograd.grad((whole.gather(1, targets[:, None])[:, 0] * direction).sum(), (states, weight))
    for one, other in zip(found, expected, strict=True):
        assert torch.allclose(one, other, atol=1e-4)


def alone(rollout):
    return Sample(rollout=rollout, advantage=1.0, weight=1.0)


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_an_update_makes_rewarded_answers_likelier(tiny, objective):
    settings = TrainingSettings(learning_rate=1e-4, objective=objective, truncation=2.0, minibatches=1)
    learner = Learner(tiny, settings)
    good = TrainingRollout(
        prompt=np.array([1, 10, 2, 12], dtype=np.int32),
        tokens=np.array([3, 18], dtype=np.int32),
        logprobs=np.zeros(2, dtype=np.float32),
        reward=1.0,
    )
    bad = TrainingRollout(
        prompt=good.prompt, tokens=np.array([7, 18], dtype=np.int32), logprobs=good.logprobs, reward=0.0
    )

    def logprob():
        with torch.no_grad():
            return learner.policy(collate([[alone(good)]]))[0].sum().item()

    before = logprob()
    for rollout in (good, bad):
        with torch.no_grad():
            rollout.logprobs[:] = learner.policy(collate([[alone(rollout)]]))[0].numpy()
    report = learner.update([TrainingGroup(miner=b"m", checkpoint_version=1, rollouts=(good, bad))], 1)
    assert report.steps > 0 and logprob() > before


def test_a_resumed_learner_goes_on_bit_for_bit(tiny, tmp_path):
    work = [group([1, 0, 0, 1]), group([0, 1, 1, 1], tokens=(4, 18))]
    straight = Learner(tiny, TrainingSettings())
    for _ in range(3):
        straight.update(work, 1)
    first = Learner(tiny, TrainingSettings())
    first.update(work, 1)
    first.save_state(tmp_path / "state")
    second = Learner(tiny, TrainingSettings(), tmp_path / "state")
    second.update(work, 1)
    second.update(work, 1)
    for a, b in zip(straight.model.parameters(), second.model.parameters(), strict=True):
        assert torch.equal(a, b)


def test_gradients_have_the_same_bits_each_time(tiny):
    """Sixty-four samples read the state of one prompt's last token: its gradients must be added in one order."""
    learner = Learner(tiny, TrainingSettings())
    batch = collate(packed(samples_of([group([0.0] * 64, tokens=(1, 2, 3, 4, 5, 6, 18))]), 1_000))

    def gradients():
        learner.model.zero_grad()
        (learner.policy(batch)[0] * torch.linspace(-1, 1, len(batch.targets))).sum().backward()
        return [parameter.grad.clone() for parameter in learner.model.parameters()]

    first = gradients()
    for _ in range(20):
        assert all(torch.equal(one, other) for one, other in zip(first, gradients(), strict=True))


def test_an_update_that_goes_astray_raises_an_alarm(tiny):
    work = [group([1, 0, 0, 1])]
    assert "gradient norm" in Learner(tiny, TrainingSettings(alarm_gradient_norm=1e-9)).update(work, 1).alarm
    assert "KL" in Learner(tiny, TrainingSettings(alarm_kl=1e-9)).update(work, 1).alarm
    broken = group([1, 0])
    broken.rollouts[0].logprobs[:] = math.nan
    assert "no number" in Learner(tiny, TrainingSettings()).update([broken], 1).alarm


def test_bf16_products_and_checkpointing_change_little_and_the_report_says_what_was_done(tiny):
    work = [group([1, 0, 0, 1]), replace(group([0, 1], tokens=(4, 18)), miner=b"n" * 20, environment="sums/1")]
    plain = Learner(tiny, TrainingSettings()).update(work, 1)
    thrifty = Learner(tiny, TrainingSettings(compute="bf16", gradient_checkpointing=True)).update(work, 1)
    assert thrifty.loss == pytest.approx(plain.loss, abs=0.05)
    assert plain.shares == {(b"m" * 20).hex(): 0.5, (b"n" * 20).hex(): 0.5}
    assert plain.rewards == {"": 0.5, "sums/1": 0.5} and plain.length == pytest.approx(16 / 6)
    assert plain.entropy > 0 and plain.tokens > 0
    numbers = Learner(tiny, TrainingSettings()).update([*work, group([1, 1])], 1)
    assert json.loads(json.dumps(asdict(numbers)))["dropped"] == {"no_signal": 1}, "the journal keeps it as JSON"


def test_the_rate_rises_then_falls_with_the_inverse_square_root():
    assert [rate_factor(step, 40) for step in (1, 20, 40, 160)] == [1 / 40, 0.5, 1.0, 0.5]


def test_wilson_interval():
    low, high = Accuracy(8, 10).interval
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert Accuracy(0, 10).interval[0] == 0.0


def test_published_weights_follow_the_learners_on_average_and_stay_where_it_stays():
    """Steps far below bfloat16's spacing: the nearest number would swallow every one of them."""
    base = (torch.randn(400, 500, generator=torch.Generator().manual_seed(0)) / 20).bfloat16().float()
    assert torch.equal(dithered(base, "a").float(), base), "what has not moved is not rounded away"
    moved = base + 1e-6
    assert (moved.bfloat16().float() - base).mean() < 1e-7, "rounding to the nearest"
    assert (dithered(moved, "a").float() - base).mean() == pytest.approx(1e-6, rel=0.1)
    spacing = torch.exp2(torch.floor(torch.log2(moved.abs())) - 7)
    assert ((dithered(moved, "a").float() - moved).abs() <= spacing).all()
    assert torch.equal(dithered(moved, "a"), dithered(moved, "a"))
    assert not torch.equal(dithered(moved, "a"), dithered(moved, "b")), "thresholds of each tensor's own"
    extreme = torch.tensor([0.0, -0.0, math.inf, -math.inf, math.nan, 1e-40])
    assert torch.equal(dithered(extreme, "a")[:4].float(), extreme[:4]) and dithered(extreme, "a")[4].isnan()
