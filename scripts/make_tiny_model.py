"""Make the shipped tiny model: a character-level Llama, undertrained on the arithmetic environment.

    python scripts/make_tiny_model.py [--out grail/assets/tiny]

Every label is right; the base is weak because its training stops early, at a constant learning rate and long before it
converges, so that reinforcement learning has ability to add, not only sharpness. It never sees a held-out problem.
Seeded: the same machine and library versions give the same bytes. Takes about a minute and a half on two cores, and
writes the calibration profile too.
"""

import argparse
import json
from pathlib import Path

import numpy as np
import torch
from safetensors.torch import save_model
from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM

from grail.checkpoints.files import CALIBRATION, CONFIG, RULES, TOKENIZER, WEIGHTS, GenerationRules, open_checkpoint
from grail.environments.arithmetic import Arithmetic
from grail.inference.base import RolloutRequest
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.training.batch import TrainingRollout, collate
from grail.training.evaluation import evaluate
from grail.verification.calibration import calibrate

CHARACTERS = "0123456789+-=*() "
PAD, EOS = len(CHARACTERS), len(CHARACTERS) + 1
LEARNING_RATE = 2e-3
WARM_UP = 30
BATCH = 256
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


def train(model: LlamaForCausalLM, codec: TextCodec, steps: int) -> None:
    """Next-token training on right answers only."""
    environment = Arithmetic()
    optimizer = torch.optim.AdamW(model.parameters(), lr=LEARNING_RATE, betas=(0.9, 0.98), weight_decay=0.01)
    for step in range(steps):
        for group in optimizer.param_groups:
            group["lr"] = LEARNING_RATE * min(1, (step + 1) / WARM_UP)
        rollouts = []
        for i in range(BATCH):
            problem = environment.problem(keccak256(f"tiny/{step}/{i}".encode()))
            tokens = np.append(codec.encode(problem.answer), np.int32(EOS)).astype(np.int32)
            zeros = np.zeros(len(tokens), dtype=np.float32)
            rollouts.append(
                TrainingRollout(prompt=codec.encode(problem.prompt), tokens=tokens, logprobs=zeros, reward=1.0)
            )
        batch = collate(rollouts, [1.0] * BATCH)
        states = model.base_model(input_ids=batch.ids, attention_mask=batch.mask).last_hidden_state
        logits = model.get_output_embeddings()(states[batch.rows, batch.positions])
        loss = torch.nn.functional.cross_entropy(logits, batch.targets)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        if step % 20 == 19:
            print(f"step {step + 1:4d}  loss {loss.item():.3f}", flush=True)


def write_profile(folder: Path, rollouts: int) -> None:
    """Calibrate on the model's own rollouts."""
    checkpoint = open_checkpoint(folder)
    codec, environment = TextCodec(checkpoint), Arithmetic()
    keys = [keccak256(f"calibration/{i}".encode()) for i in range(rollouts)]
    requests = [RolloutRequest(codec.encode(environment.problem(key).prompt), key) for key in keys]
    plan = SketchPlan(keccak256(b"calibration"), 8, 8)
    profile = calibrate(
        TransformersEngine(checkpoint), requests, plan, engine_name="transformers", precision=checkpoint.rules.precision
    )
    (folder / CALIBRATION).write_bytes(profile.to_bytes())


def main() -> None:
    """Train, write, measure, calibrate."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=Path("grail/assets/tiny"))
    parser.add_argument("--steps", type=int, default=110)
    options = parser.parse_args()
    folder: Path = options.out
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(2)
    write_tokenizer(folder / TOKENIZER)
    rules = GenerationRules(temperature_milli=1000, max_tokens=MAX_TOKENS, eos_ids=(EOS,), precision="fp32")
    (folder / RULES).write_text(rules.model_dump_json(indent=1) + "\n")
    model = build_model()
    config = model.config.to_dict()
    config = {key: value for key, value in config.items() if key not in ("transformers_version", "_name_or_path")}
    config["architectures"] = ["LlamaForCausalLM"]
    (folder / CONFIG).write_text(json.dumps(config, indent=1, sort_keys=True) + "\n")
    save_model(model, str(folder / WEIGHTS), metadata={"format": "pt"})
    train(model, TextCodec(open_checkpoint(folder)), options.steps)
    save_model(model, str(folder / WEIGHTS), metadata={"format": "pt"})
    write_profile(folder, 2_048)
    checkpoint = open_checkpoint(folder)
    engine, codec = TransformersEngine(checkpoint), TextCodec(checkpoint)
    print(f"fingerprint {checkpoint.fingerprint.hex()}")
    for greedy in (False, True):
        accuracy = evaluate(engine, Arithmetic(), codec, count=2_000, greedy=greedy)
        print(f"held-out accuracy, {'greedy' if greedy else 'T = 1'}: {accuracy}")


if __name__ == "__main__":
    main()
