"""Make the shipped tiny model: a character-level Llama, undertrained on the arithmetic environment's notation.

    python scripts/make_tiny_model.py [--out grail/assets/tiny]

Two phases, as a base model has: long training on neighbouring notations ("37+48=85", "37+48= 85"), then a few dozen
examples of the environment's own ("37+48 = 85"), stopped at the first steps that lift it off the ground. So it can
compute, and has only just begun to do so where it is asked to: reinforcement learning has ability to add, greedy
accuracy included, not only sharpness. Every label is right, and it never sees a held-out problem.

Seeded: the same machine and library versions give the same bytes. About six minutes on two cores; it writes the
calibration profile too.
"""

import argparse
import dataclasses
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import torch
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from grail.checkpoints.files import (
    CALIBRATION,
    CONFIG,
    RULES,
    TOKENIZER,
    WEIGHTS,
    GenerationRules,
    open_checkpoint,
    rules_text,
)
from grail.environments.arithmetic import Arithmetic
from grail.environments.base import Problem
from grail.governance.policy import Policy as ChainPolicy
from grail.inference.base import RolloutRequest
from grail.inference.requests import own_requests
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.training.batch import Sample, TrainingRollout, collate
from grail.training.evaluation import evaluate
from grail.training.policy import Policy
from grail.training.weights import own_tensors, write_weights
from grail.verification.calibration import calibrate

CHARACTERS = "0123456789+-=*() "
PAD, EOS = len(CHARACTERS), len(CHARACTERS) + 1
LEARNING_RATE, WARM_UP, STEPS, BATCH = 2e-3, 30, 800, 256
TOUCH_RATE, TOUCH_BATCH, TOUCH_TARGET, MOST_TOUCHES = 2e-4, 32, 0.15, 100
"""The second phase: until sampled accuracy on fresh mandated (not held-out) problems reaches the target."""
MAX_TOKENS = 4


def write_tokenizer(path: Path) -> None:
    """One token a character, plus <pad> and <eos>."""
    vocabulary = {character: i for i, character in enumerate(CHARACTERS)} | {"<pad>": PAD, "<eos>": EOS}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<pad>"))
    tokenizer.pre_tokenizer = pre_tokenizers.Split(Regex("."), behavior="isolated")
    tokenizer.decoder = decoders.Fuse()
    tokenizer.add_special_tokens(["<pad>", "<eos>"])
    tokenizer.save(str(path))


def build_model() -> LlamaForCausalLM:
    """About 0.74 million parameters."""
    torch.manual_seed(0)
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(CHARACTERS) + 2,
            hidden_size=128,
            intermediate_size=352,
            num_hidden_layers=4,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=64,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=EOS,
            pad_token_id=PAD,
        )
    )


def train(policy: Policy, codec: TextCodec) -> None:
    """Next-token training on right answers only, in the neighbouring notation; cosine decay to a tenth."""
    optimizer = torch.optim.AdamW(policy.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    for step in range(STEPS):
        decay = 0.1 + 0.45 * (1 + math.cos(math.pi * step / STEPS))
        problems = [neighbour(problem_of(f"train/{step}/{i}"), i % 2) for i in range(BATCH)]
        loss = fit(policy, optimizer, codec, problems, LEARNING_RATE * min(1, (step + 1) / WARM_UP) * decay)
        if step % 50 == 49:
            print(f"step {step + 1:4d}  loss {loss:.3f}", flush=True)


def touch(policy: Policy, codec: TextCodec, folder: Path) -> None:
    """A first look at the environment's own notation, stopped as soon as it shows."""
    optimizer = torch.optim.AdamW(policy.parameters(), lr=TOUCH_RATE, betas=(0.9, 0.98))
    for step in range(MOST_TOUCHES):
        fit(policy, optimizer, codec, [problem_of(f"touch/{step}/{i}") for i in range(TOUCH_BATCH)], TOUCH_RATE)
        write_weights(own_tensors(policy.model, torch.float32), folder / WEIGHTS)
        reached = sampled_accuracy(folder, step)
        print(f"touch {step + 1:3d}  sampled accuracy on fresh problems {reached:.3f}", flush=True)
        if reached >= TOUCH_TARGET:
            return


def fit(policy: Policy, optimizer: Any, codec: TextCodec, problems: list[Problem], rate: float) -> float:
    """One optimizer step on the right answers; returns the loss."""
    for group in optimizer.param_groups:
        group["lr"] = rate
    rollouts = []
    for problem in problems:
        tokens = np.append(codec.encode(problem.answer), np.int32(EOS)).astype(np.int32)
        zeros = np.zeros(len(tokens), dtype=np.float32)
        rollouts.append(TrainingRollout(prompt=codec.encode(problem.prompt), tokens=tokens, logprobs=zeros, reward=1.0))
    batch = collate([[Sample(rollout=rollout, advantage=1.0, weight=1.0)] for rollout in rollouts])
    loss = -policy(batch)[0].mean()
    optimizer.zero_grad()
    loss.backward()
    torch.nn.utils.clip_grad_norm_(policy.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def problem_of(name: str) -> Problem:
    """A mandated problem, never a held-out one."""
    return Arithmetic().problem(keccak256(f"tiny/{name}".encode()))


def neighbour(problem: Problem, spaces: int) -> Problem:
    """The same problem in a notation that the environment does not use: no space before the equals sign."""
    return dataclasses.replace(problem, prompt=problem.prompt.replace(" ", "") + " " * spaces)


def sampled_accuracy(folder: Path, step: int) -> float:
    """Share of right answers to 400 fresh mandated problems at T = 1."""
    checkpoint = open_checkpoint(folder)
    codec = TextCodec(checkpoint)
    problems = [problem_of(f"probe/{step}/{i}") for i in range(400)]
    requests = [
        RolloutRequest(codec.encode(p.prompt), keccak256(f"{step}/{i}".encode())) for i, p in enumerate(problems)
    ]
    made = TransformersEngine(checkpoint).generate(requests, SketchPlan(bytes(32), 1, 1024))
    right = [codec.decode(g.tokens) == p.answer for g, p in zip(made, problems, strict=True)]
    return sum(right) / len(right)


def write_profile(folder: Path, rollouts: int) -> None:
    """Calibrate on the model's own rollouts."""
    checkpoint = open_checkpoint(folder)
    requests = own_requests(
        TextCodec(checkpoint), Arithmetic(), b"calibration", rollouts, ChainPolicy.defaults().group_size
    )
    plan = SketchPlan(keccak256(b"calibration"), 8, 8)
    profile = calibrate({"transformers": TransformersEngine(checkpoint)}, requests, plan, rules=checkpoint.rules)
    (folder / CALIBRATION).write_bytes(profile.to_bytes())


def main() -> None:
    """Train, write, measure, calibrate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("grail/assets/tiny"))
    options = parser.parse_args()
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    write_tokenizer(folder / TOKENIZER)
    rules = GenerationRules(temperature_milli=1000, max_tokens=MAX_TOKENS, eos_ids=(EOS,), precision="fp32")
    (folder / RULES).write_text(rules_text(rules))
    model = build_model()
    config = model.config.to_dict()
    config = {key: value for key, value in config.items() if key not in ("transformers_version", "_name_or_path")}
    config["architectures"] = ["LlamaForCausalLM"]
    (folder / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    write_weights(own_tensors(model, torch.float32), folder / WEIGHTS)
    codec = TextCodec(open_checkpoint(folder))
    policy = Policy(model, 1.0, half=False)
    train(policy, codec)
    write_weights(own_tensors(model, torch.float32), folder / WEIGHTS)
    print(f"before the second phase: {sampled_accuracy(folder, -1):.3f}", flush=True)
    touch(policy, codec, folder)
    write_profile(folder, 2_048)
    checkpoint = open_checkpoint(folder)
    engine = TransformersEngine(checkpoint)
    print(f"fingerprint {checkpoint.fingerprint.hex()}")
    for greedy in (False, True):
        accuracy = evaluate(engine, Arithmetic(), codec, count=2_000, greedy=greedy)
        print(f"held-out accuracy, {'greedy' if greedy else 'T = 1'}: {accuracy}")


if __name__ == "__main__":
    main()
