"""How long the largest submission that the rules allow takes to be refused, by what is wrong with it.

    python benchmarks/refusal.py [--groups 64] [--tokens 1024] [--json]

Nothing is replayed or graded for a submission that is none. What must be computed all the same: decoding, the shape of
every rollout, all leaves, and each group's problem and prompt. `share`: of the time that generating as much would take
by the model at hand, at the pace that is measured on one group.
"""

import argparse
import dataclasses
import json
import shutil
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from grail.chain.subnet.windows import EnvironmentMix
from grail.checkpoints.files import CALIBRATION, CONFIG, RULES, open_checkpoint
from grail.environments.mandates import BeaconMandates
from grail.environments.registry import Environments
from grail.governance.policy import Policy
from grail.inference.base import RolloutRequest
from grail.inference.requests import MOST_OBSERVED
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.models.library import packaged_folder
from grail.proofs.sketch import SketchPlan
from grail.protocol.codec import BlobLimits, encode
from grail.protocol.constants import FINISH_LENGTH
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import environment_digest
from grail.protocol.records import Commitment
from grail.protocol.submission import Group, Rollout, Submission
from grail.protocol.units import Address, CheckpointVersion, MicroReward, WindowId
from grail.telemetry.memory import peak_rss_mib
from grail.verification.audit import audit
from grail.verification.base import AuditContext, Outcome
from grail.verification.calibration import load_profile

MINER = Address(b"m" * 20)
BEACON = keccak256(b"refusal study")
ENVIRONMENT = "arithmetic/1"
MIX = EnvironmentMix(ids=(ENVIRONMENT,), digests=(environment_digest(ENVIRONMENT),), weights=(1,), rewards=(1_000,))
PROMPT = 64
"""Tokens of context besides the completion."""


class Refusals:
    """The largest submission of `groups` groups of the tiny model, with completions of `tokens` tokens."""

    def __init__(self, folder: Path, groups: int, tokens: int) -> None:
        shutil.copytree(packaged_folder(), folder, dirs_exist_ok=True)
        for name, more in ((RULES, {"max_tokens": tokens}), (CONFIG, {"max_position_embeddings": tokens + PROMPT})):
            (folder / name).write_text(json.dumps(json.loads((folder / name).read_text()) | more))
        self.checkpoint = open_checkpoint(folder)
        self.codec = TextCodec(self.checkpoint)
        self.policy = Policy.defaults()
        self.plan = SketchPlan(keccak256(b"sketch"), self.policy.sketch_dim, self.policy.sketch_stride)
        self.limits = BlobLimits(
            groups=groups,
            group_size=self.policy.group_size,
            max_tokens=tokens,
            sketch_dim=self.plan.dim,
            sketch_stride=self.plan.stride,
        )
        self.profile = load_profile(folder / CALIBRATION)
        self.engine = TransformersEngine(self.checkpoint)
        self.honest = self._submission()

    def mandates(self) -> BeaconMandates:
        """Fresh: nothing is remembered from an audit before."""
        return BeaconMandates(BEACON, MINER, MIX, Environments.installed(), self.checkpoint, self.codec, MOST_OBSERVED)

    def _submission(self) -> Submission:
        limits, mandates, dice = self.limits, self.mandates(), np.random.default_rng(0)
        words = [i for i in range(self.checkpoint.vocab_size) if i not in self.checkpoint.rules.eos_ids]

        def rollout() -> Rollout:
            return Rollout(
                tokens=dice.choice(words, limits.max_tokens).astype(np.int32),
                logprobs=-dice.uniform(0.1, 9, limits.max_tokens).astype(np.float16),
                sketch=dice.random((self.plan.rows(limits.max_tokens), limits.sketch_dim)).astype(np.float16),
                finish=FINISH_LENGTH,
                reward_micro=MicroReward(0),
            )

        groups = tuple(
            Group(
                env_id=mandates.group(number).env_id,
                prompt_hash=mandates.group(number).prompt_hash,
                reward_milli=mandates.group(number).reward_milli,
                rollouts=tuple(rollout() for _ in range(limits.group_size)),
            )
            for number in range(limits.groups)
        )
        return Submission(window=WindowId(0), miner=MINER, checkpoint_version=CheckpointVersion(1), groups=groups)

    def seconds(self, change: Callable[[Submission], Submission], spoil: Callable[[bytes], bytes]) -> tuple[float, str]:
        """Until the changed submission, encoded and spoilt, is refused, and by which check."""
        work = change(self.honest)
        blob = spoil(encode(work, self.limits))
        commitment = Commitment(
            window=work.window, miner=MINER, root=work.tree.root, blob_digest=keccak256(blob),
            n_groups=self.limits.groups, checkpoint_version=work.checkpoint_version, worth=work.tree.total,
        )  # fmt: skip
        context = AuditContext(
            commitment=commitment, policy=self.policy, checkpoint=self.checkpoint, codec=self.codec,
            mandates=self.mandates(), plan=self.plan, limits=self.limits, blob=blob,
        )  # fmt: skip
        began = time.perf_counter()
        verdict = audit(context, self.engine, self.profile, [(0, 0)], budget=1)
        taken = time.perf_counter() - began
        assert verdict.outcome is Outcome.FAULT, verdict
        return taken, verdict.finding.check

    def generating(self) -> float:
        """Seconds that all groups would take, from one."""
        mandates = self.mandates()
        asked = [RolloutRequest(mandates.group(0).prompt, keccak256(bytes([i]))) for i in range(self.limits.group_size)]
        self.engine.generate(asked, self.plan)  # the first call compiles and allocates
        began = time.perf_counter()
        made = self.engine.generate(asked, self.plan)
        each = (time.perf_counter() - began) / sum(len(one.tokens) for one in made)
        return each * self.limits.max_tokens * self.limits.group_size * self.limits.groups


def last_prompt(work: Submission) -> Submission:
    """The last group answers another prompt."""
    return dataclasses.replace(
        work, groups=(*work.groups[:-1], dataclasses.replace(work.groups[-1], prompt_hash=b"\1" * 32))
    )


def main() -> None:
    """Print seconds, and the share of generating."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--groups", type=int, default=64)
    parser.add_argument("--tokens", type=int, default=1_024)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        study = Refusals(Path(folder), args.groups, args.tokens)
        whole = study.generating()
        kinds: dict[str, tuple[Callable[[Submission], Submission], Callable[[bytes], bytes]]] = {
            "a byte is missing": (lambda work: work, lambda blob: blob[:-1]),
            "the last group's prompt": (last_prompt, lambda blob: blob),
            "every token": (lambda work: work, lambda blob: blob),
        }
        megabytes = len(encode(study.honest, study.limits)) / 1e6
        rows = []
        for name, (change, spoil) in kinds.items():
            taken, check = study.seconds(change, spoil)
            rows.append({"wrong": name, "refused_by": check, "seconds": round(taken, 3), "share": taken / whole})
            print(f"{megabytes:8.1f} MB  {name:26s} {check:12s} {taken:8.2f} s  {taken / whole:9.4%} of generating it")
    if args.json:
        print(json.dumps({"megabytes": megabytes, "rows": rows, "peak_rss_mib": peak_rss_mib()}))


if __name__ == "__main__":
    main()
