"""Adapters that are trained and published, and what draws a policy towards a reference."""

import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

pytest.importorskip("peft", reason="NOTICE: peft is missing: LoRA is not tested")

import peft
from transformers import AutoModelForCausalLM

from grail.checkpoints.files import ADAPTER, WEIGHTS, open_checkpoint
from grail.config import TrainingSettings
from grail.errors import SettingsError
from grail.inference.base import ReplayRequest
from grail.inference.transformers_engine import TransformersEngine
from grail.protocol.hashing import keccak256
from grail.training.batch import TrainingGroup, TrainingRollout
from grail.training.learner import Learner

LORA = TrainingSettings(lora_rank=4, lora_alpha=8, learning_rate=1e-2, warmup_steps=1)
PROMPT = np.array([1, 10, 2, 12], dtype=np.int32)


def work(*answers):
    rollouts = tuple(
        TrainingRollout(
            prompt=PROMPT,
            tokens=np.array(answer, dtype=np.int32),
            logprobs=np.full(len(answer), -1.0, dtype=np.float32),
            reward=float(number == 0),
        )
        for number, answer in enumerate(answers)
    )
    return [TrainingGroup(miner=b"m" * 20, checkpoint_version=1, rollouts=rollouts)]


WORK = work((3, 18), (7, 18), (4, 5, 18))


@pytest.fixture
def trained(tiny, tmp_path):
    learner = Learner(tiny, LORA)
    before = [logprobs.copy() for logprobs in learner.logprobs(WORK[0].rollouts)]
    for _ in range(3):
        learner.update(WORK, 1)
    learner.save(tmp_path / "saved")
    learner.save_state(tmp_path / "state")
    return learner, before, tmp_path


def test_only_the_adapter_is_trained_and_published(trained, tiny):
    learner, before, folder = trained
    assert learner.logprobs(WORK[0].rollouts)[0].sum() > before[0].sum(), "the rewarded answer is likelier"
    weights, base = load_file(folder / "saved" / WEIGHTS), load_file(tiny.folder / WEIGHTS)
    assert all(torch.equal(weights[name], base[name]) for name in base)
    assert (folder / "saved" / ADAPTER).stat().st_size < (tiny.folder / WEIGHTS).stat().st_size / 8


def test_engines_and_peft_run_what_was_learnt(trained, tiny, plan):
    learner, _, folder = trained
    engine = TransformersEngine(open_checkpoint(folder / "saved"))
    asked = [ReplayRequest(r.prompt, keccak256(b"k"), r.tokens) for r in WORK[0].rollouts]
    for trace, own in zip(engine.replay(asked, plan), learner.logprobs(WORK[0].rollouts), strict=True):
        assert np.allclose(trace.logprobs, own, atol=1e-3)
    theirs = peft.PeftModel.from_pretrained(
        AutoModelForCausalLM.from_pretrained(tiny.folder, dtype=torch.float32), folder / "saved"
    )
    ids = torch.tensor([[*PROMPT, *WORK[0].rollouts[0].tokens.tolist()]])
    with torch.no_grad():
        found = theirs(ids).logits[0, len(PROMPT) - 1 : -1].log_softmax(-1)
    expected = found.gather(1, ids[0, len(PROMPT) :, None])[:, 0].numpy()
    assert np.allclose(expected, learner.logprobs(WORK[0].rollouts[:1])[0], atol=1e-4)


def test_it_goes_on_from_its_state_bit_for_bit_and_from_the_adapter_alone(trained, tiny):
    learner, _, folder = trained
    saved = open_checkpoint(folder / "saved")
    resumed, anew = Learner(saved, LORA, folder / "state"), Learner(saved, LORA)
    for one, other in zip(learner.logprobs(WORK[0].rollouts), anew.logprobs(WORK[0].rollouts), strict=True):
        assert np.array_equal(one, other)
    learner.update(WORK, 1)
    resumed.update(WORK, 1)
    for one, other in zip(learner._parameters, resumed._parameters, strict=True):
        assert torch.equal(one, other)


def test_another_rank_is_refused(trained):
    saved = open_checkpoint(trained[2] / "saved")
    with pytest.raises(SettingsError, match="has r 4, lora_alpha 8"):
        Learner(saved, LORA.model_copy(update={"lora_rank": 8}))


def test_full_training_goes_on_from_merged_weights(trained, tmp_path):
    learner, _, folder = trained
    full = Learner(open_checkpoint(folder / "saved"), TrainingSettings())
    for one, other in zip(learner.logprobs(WORK[0].rollouts), full.logprobs(WORK[0].rollouts), strict=True):
        assert np.allclose(one, other, atol=1e-3)


def test_a_reference_holds_the_policy_back(tiny, tmp_path):
    shutil.copytree(tiny.folder, tmp_path / "reference")
    free = TrainingSettings(learning_rate=1e-3, warmup_steps=1, minibatches=1)
    held = free.model_copy(update={"kl_weight": 20.0, "reference": tmp_path / "reference"})
    away = {}
    for name, settings in (("free", free), ("held", held)):
        learner = Learner(tiny, settings)
        start = learner.logprobs(WORK[0].rollouts)
        for _ in range(6):
            own = learner.logprobs(WORK[0].rollouts)
            rollouts = [replace(r, logprobs=p) for r, p in zip(WORK[0].rollouts, own, strict=True)]
            report = learner.update([replace(WORK[0], rollouts=tuple(rollouts))], 1)
        away[name] = max(
            float(abs(one - other).max()) for one, other in zip(start, learner.logprobs(WORK[0].rollouts), strict=True)
        )
    assert report.kl_reference > 0, "nats, after the first step"
    assert away["held"] < 0.75 * away["free"]


def test_a_weight_without_a_reference_is_refused(tiny):
    with pytest.raises(SettingsError, match=r"needs training\.reference"):
        Learner(tiny, TrainingSettings(kl_weight=0.1))
