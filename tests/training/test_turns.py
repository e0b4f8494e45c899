"""What the world says is read and never learnt: gradients of its ids are exactly 0, those of sampled ids are right."""

import numpy as np
import pytest
import torch

from grail.checkpoints.files import open_checkpoint
from grail.environments.bisect import Bisect
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.models.library import packaged_folder
from grail.protocol.turns import transcript
from grail.training.batch import Sample, TrainingRollout, collate
from grail.training.policy import Policy


@pytest.fixture(scope="module")
def played(plan):
    engine = TransformersEngine(open_checkpoint(packaged_folder("tiny-turns")))
    asked = own_requests(TextCodec(engine.checkpoint), Bisect(), b"learner in turns", 8, 4)
    rollouts = [
        TrainingRollout(
            prompt=r.prompt, tokens=g.tokens, logprobs=g.logprobs.astype(np.float32), reward=1.0, bridges=g.bridges
        )
        for r, g in zip(asked, engine.generate(asked, plan), strict=True)
    ]
    return engine, rollouts


def batch_of(rollouts):
    """Two rows of four that share a prompt."""
    samples = [Sample(rollout=rollout, advantage=1.0, weight=1.0) for rollout in rollouts]
    return collate([samples[:4], samples[4:]])


def test_targets_are_the_sampled_ids_and_nothing_else(played):
    _, rollouts = played
    batch = batch_of(rollouts)
    assert batch.targets.tolist() == np.concatenate([r.tokens for r in rollouts]).tolist()
    assert sum(len(r.bridges) for r in rollouts) > 8
    for state, target in zip(batch.states.tolist(), batch.targets.tolist(), strict=True):
        assert 0 <= state < batch.ids.shape[1] and target >= 0


def test_logprobs_are_those_of_the_whole_sequence_read_alone(played):
    engine, rollouts = played
    policy = Policy(TransformersEngine(engine.checkpoint).model.train(), 1.0, half=False)
    with torch.no_grad():
        found = policy(batch_of(rollouts))[0]
    expected = []
    for rollout in rollouts:
        ids, places = transcript(rollout.tokens, rollout.bridges)
        whole = torch.from_numpy(np.concatenate([rollout.prompt, ids]).astype(np.int64))
        with torch.inference_mode():
            logprobs = torch.log_softmax(engine.model(whole[None]).logits[0].float(), dim=1)
        rows = len(rollout.prompt) + torch.from_numpy(places) - 1
        expected.append(logprobs[rows, whole[rows + 1]])
    assert torch.allclose(found, torch.cat(expected), atol=1e-4)


def test_what_the_world_says_has_no_gradient(played):
    """Of the logits at every place but those that a sampled id came from: exactly 0."""
    engine, rollouts = played
    model = TransformersEngine(engine.checkpoint).model.train()
    policy, seen = Policy(model, 1.0, half=False), []
    inner = model.base_model.norm
    inner.register_forward_hook(lambda _module, _inputs, output: (output.retain_grad(), seen.append(output))[1])
    batch = batch_of(rollouts)
    policy(batch)[0].sum().backward()
    grads = torch.cat([states.grad.reshape(-1, states.shape[-1]) for states in seen])
    sampled = torch.zeros(len(grads), dtype=torch.bool)
    sampled[batch.states] = True
    assert (grads[~sampled] == 0).all() and (grads[sampled].abs().sum(dim=1) > 0).all()
