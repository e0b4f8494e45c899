"""Advantages, the GRPO loss against hand-computed cases, filters, and a learner that resumes bit for bit."""

import math

import numpy as np
import pytest
import torch

from grail.config import TrainingSettings
from grail.inference.base import ReplayRequest
from grail.training.advantages import group_normalised
from grail.training.batch import TrainingGroup, TrainingRollout, collate
from grail.training.evaluation import Accuracy
from grail.training.filters import keep_signal
from grail.training.learner import Learner, rate_factor
from grail.training.losses import LossInputs, grpo


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


def test_grpo_loss_by_hand():
    """Ratios 1, 2 (clipped at 1.28 for A > 0), 0.5 (clipped at 0.8 for A < 0), 2 with A < 0 (not clipped)."""
    behaviour = torch.zeros(4)
    logprobs = torch.log(torch.tensor([1.0, 2.0, 0.5, 2.0])).requires_grad_()
    advantages = torch.tensor([1.0, 1.0, -1.0, -1.0])
    out = grpo(LossInputs(logprobs, behaviour, advantages), 0.2, 0.28)
    assert out.loss.item() == pytest.approx(-(1.0 + 1.28 - 0.8 - 2.0) / 4)
    assert out.clipped == pytest.approx(0.5)
    out.loss.backward()
    assert logprobs.grad.tolist() == pytest.approx([-0.25, 0.0, 0.0, 0.5])


def test_filters_drop_what_carries_no_signal_and_count_it():
    groups = [group([1, 0]), group([1, 1]), group([0, 1], version=0), group([0, 1], version=5)]
    kept = keep_signal(groups, learner_version=3, max_staleness=2)
    assert (len(kept.groups), kept.no_signal, kept.stale) == (1, 1, 2)


def test_collate_points_at_the_positions_that_predict():
    batch = collate(group([1.0]).rollouts, [2.0])
    assert batch.ids.tolist() == [[1, 10, 2, 12, 1, 2, 18]]
    assert batch.positions.tolist() == [3, 4, 5] and batch.targets.tolist() == [1, 2, 18]
    assert batch.advantages.tolist() == [2.0, 2.0, 2.0]


def test_the_learners_logprobs_are_the_replays(tiny, engine, requests, plan):
    made = engine.generate(requests[:6], plan)
    asked = [ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(requests, made, strict=False)]
    traces = engine.replay(asked, plan)
    rollouts = [
        TrainingRollout(prompt=a.prompt, tokens=a.tokens, logprobs=t.logprobs, reward=0.0)
        for a, t in zip(asked, traces, strict=True)
    ]
    learner = Learner(tiny, TrainingSettings())
    with torch.no_grad():
        ours = learner._logprobs(collate(rollouts, [0.0] * len(rollouts)))
    assert torch.allclose(ours, torch.from_numpy(np.concatenate([t.logprobs for t in traces])), atol=1e-4)


def test_an_update_makes_rewarded_answers_likelier(tiny):
    settings = TrainingSettings(learning_rate=1e-4)
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
            return learner._logprobs(collate([good], [1.0])).sum().item()

    before = logprob()
    for rollout in (good, bad):
        with torch.no_grad():
            rollout.logprobs[:] = learner._logprobs(collate([rollout], [1.0])).numpy()
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


def test_the_rate_rises_then_falls_with_the_inverse_square_root():
    assert [rate_factor(step, 40) for step in (1, 20, 40, 160)] == [1 / 40, 0.5, 1.0, 0.5]


def test_wilson_interval():
    low, high = Accuracy(8, 10).interval
    assert (low, high) == pytest.approx((0.4902, 0.9433), abs=1e-3)
    assert Accuracy(0, 10).interval[0] == 0.0
