"""Every objective against a case computed by hand."""

import math

import pytest
import torch

from grail.training.objectives import OBJECTIVES, Shape, Tokens, cispo, grpo, gspo, two_sided_grpo

RATIOS = [1.0, 2.0, 0.5, 2.0, 6.0]
ADVANTAGES = [1.0, 1.0, -1.0, -1.0, -1.0]


def tokens(ratios=RATIOS, advantages=ADVANTAGES, rows=None, weights=None, **more):
    count = len(ratios)
    return Tokens(
        logprobs=torch.log(torch.tensor(ratios)).requires_grad_(),
        old=more.pop("old", torch.zeros(count)),
        behaviour=more.pop("behaviour", torch.zeros(count)),
        advantages=torch.tensor(advantages),
        weights=torch.full((count,), 1 / count) if weights is None else torch.tensor(weights),
        rows=torch.tensor(rows or list(range(count))),
        **more,
    )


def gradient(found, given):
    return torch.autograd.grad(found.loss, given.logprobs)[0].tolist()


def test_grpo_clips_at_1_28_above_and_0_8_below():
    given = tokens()
    found = grpo(given, Shape())
    assert found.loss.item() == pytest.approx(-(1.0 + 1.28 - 0.8 - 2.0 - 6.0) / 5)
    assert (found.clipped_high, found.clipped_low) == (pytest.approx(0.2), pytest.approx(0.2))
    assert gradient(found, given) == pytest.approx([-0.2, 0.0, 0.0, 0.4, 1.2])
    assert found.kl == pytest.approx(sum(r - 1 - math.log(r) for r in RATIOS) / 5, rel=1e-5)


def test_two_sided_grpo_bounds_a_large_ratio_of_a_bad_token():
    given = tokens()
    found = two_sided_grpo(given, Shape(two_sided=4.0))
    assert found.loss.item() == pytest.approx(-(1.0 + 1.28 - 0.8 - 2.0 - 4.0) / 5)
    assert gradient(found, given)[4] == 0.0


def test_gspo_has_one_ratio_for_a_rollout_the_geometric_mean():
    given = tokens([2.0, 0.5, 1.5, 1.5], [1.0, 1.0, 1.0, 1.0], rows=[0, 0, 1, 1], weights=[0.25] * 4)
    found = gspo(given, Shape(clip_low=0.2, clip_high=0.2))
    assert found.loss.item() == pytest.approx(-(1.0 + 1.0 + 1.2 + 1.2) / 4)
    assert gradient(found, given) == pytest.approx([-0.25, -0.25, 0.0, 0.0])


def test_cispo_bounds_the_weight_and_keeps_every_tokens_gradient():
    given = tokens()
    found = cispo(given, Shape())
    bounded = [1.0, 1.28, 0.8, 1.28, 1.28]
    expected = -sum(b * a * math.log(r) for b, a, r in zip(bounded, ADVANTAGES, RATIOS, strict=True)) / 5
    assert found.loss.item() == pytest.approx(expected)
    assert gradient(found, given) == pytest.approx([-b * a / 5 for b, a in zip(bounded, ADVANTAGES, strict=True)])


def test_truncation_corrects_what_was_sampled_by_another_policy():
    """π_old / μ is 4 for the first token and counts as 2, and 0.5 for the second."""
    given = tokens([1.0, 1.0], [1.0, 1.0], old=torch.zeros(2), behaviour=torch.log(torch.tensor([0.25, 2.0])))
    assert grpo(given, Shape(truncation=2.0)).loss.item() == pytest.approx(-(2.0 + 0.5) / 2)
    assert grpo(given, Shape()).loss.item() == pytest.approx(-1.0)


def test_kl_to_a_reference_is_added():
    given = tokens([1.0, 1.0], [0.0, 0.0], reference=torch.log(torch.tensor([2.0, 0.5])))
    found = grpo(given, Shape(kl_weight=0.1))
    kl = ((2 - 1 - math.log(2)) + (0.5 - 1 - math.log(0.5))) / 2
    assert found.kl_reference == pytest.approx(kl) and found.loss.item() == pytest.approx(0.1 * kl)


@pytest.mark.parametrize(
    "name, expected",
    [
        ("grpo", [1 / 4, 1 / 12]),
        ("dr_grpo", [1 / 20, 1 / 20]),
        ("dapo", [1 / 8, 1 / 8]),
        ("two_sided_grpo", [1 / 8, 1 / 8]),
        ("gspo", [1 / 4, 1 / 12]),
        ("cispo", [1 / 8, 1 / 8]),
    ],
)
def test_objectives_average_as_their_papers_say(name, expected):
    """Two rollouts of 2 and 6 tokens, completions of at most 10."""
    assert OBJECTIVES[name][1]([2, 6], 10) == pytest.approx(expected)
