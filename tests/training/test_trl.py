"""Our gradients against those of TRL's GRPOTrainer on the same batch. TRL is a reference here, nothing depends on it.

Runs where TRL is installed: pip install 'grail-network[reference]' -c constraints.txt
"""

import numpy as np
import pytest
import torch

pytest.importorskip("trl", reason="NOTICE: TRL is missing: gradients are not compared with its own")

import trl
from datasets import Dataset
from transformers import AutoModelForCausalLM, PreTrainedTokenizerFast

from grail.config import TrainingSettings
from grail.training.batch import TrainingGroup, TrainingRollout, collate, packed
from grail.training.learner import Learner

LENGTHS = (1, 3, 4, 2)
REWARDS = (1.0, 0.0, 0.0, 1.0)


@pytest.fixture(scope="module")
def group():
    chance = np.random.default_rng(0)
    prompt = np.array([1, 10, 2, 12], dtype=np.int32)
    rollouts = tuple(
        TrainingRollout(
            prompt=prompt,
            tokens=chance.integers(1, 17, length).astype(np.int32),
            logprobs=(-chance.exponential(1.5, length)).astype(np.float32),
            reward=reward,
        )
        for length, reward in zip(LENGTHS, REWARDS, strict=True)
    )
    return TrainingGroup(miner=b"m", checkpoint_version=1, rollouts=rollouts)


def theirs(tiny, tmp_path, group, advantages, **told):
    tokenizer = PreTrainedTokenizerFast(tokenizer_file=str(tiny.folder / "tokenizer.json"))
    tokenizer.pad_token = tokenizer.eos_token = tokenizer.convert_ids_to_tokens(18)
    model = AutoModelForCausalLM.from_pretrained(tiny.folder, dtype=torch.float32)
    settings = trl.GRPOConfig(
        output_dir=str(tmp_path), use_cpu=True, bf16=False, report_to=[], beta=0.0, epsilon=0.2, epsilon_high=0.28,
        per_device_train_batch_size=4, num_generations=4, temperature=1.0, gradient_accumulation_steps=1,
        max_completion_length=tiny.rules.max_tokens, **told,
    )  # fmt: skip
    trainer = trl.GRPOTrainer(
        model=model, reward_funcs=lambda **_: [0.0], args=settings, processing_class=tokenizer,
        train_dataset=Dataset.from_dict({"prompt": ["1+2="] * 4}),
    )  # fmt: skip
    trainer.current_gradient_accumulation_steps = 1
    longest = max(LENGTHS)

    def padded(values, dtype):
        out = torch.zeros((len(LENGTHS), longest), dtype=dtype)
        for row, value in enumerate(values):
            out[row, : len(value)] = torch.from_numpy(np.asarray(value)).to(dtype)
        return out

    mask = padded([np.ones(length) for length in LENGTHS], torch.int64)
    prompts = torch.from_numpy(np.stack([r.prompt for r in group.rollouts]).astype(np.int64))
    trainer.model.train()
    loss = trainer._compute_loss(
        trainer.model,
        {
            "prompt_ids": prompts,
            "prompt_mask": torch.ones_like(prompts),
            "completion_ids": padded([r.tokens for r in group.rollouts], torch.int64),
            "completion_mask": mask,
            "old_per_token_logps": padded([r.logprobs for r in group.rollouts], torch.float32),
            "advantages": torch.tensor(advantages, dtype=torch.float32),
            "num_items_in_batch": mask.sum(),
        },
    )
    loss.backward()
    return loss.item(), [p.grad for p in trainer.model.parameters()]


@pytest.mark.parametrize(
    "ours, told",
    [
        ("grpo", {"loss_type": "grpo"}),
        ("dr_grpo", {"loss_type": "dr_grpo", "scale_rewards": "none"}),
        ("dapo", {"loss_type": "dapo"}),
        ("two_sided_grpo", {"loss_type": "dapo", "delta": 4.0}),
        ("gspo", {"loss_type": "grpo", "importance_sampling_level": "sequence"}),
    ],
)
def test_loss_and_gradients_agree(tiny, tmp_path, group, ours, told):
    learner = Learner(tiny, TrainingSettings(objective=ours))
    samples = learner._samples([group])
    batch = collate(packed(samples, 10_000))
    loss, expected = theirs(tiny, tmp_path, group, [sample.advantage for sample in samples], **told)
    found = learner.loss(batch)[0]
    found.loss.backward()
    assert found.loss.item() == pytest.approx(loss, abs=1e-4)
    for parameter, gradient in zip(learner.model.parameters(), expected, strict=True):
        assert torch.allclose(parameter.grad, gradient, atol=1e-4)
