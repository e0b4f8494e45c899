"""An honest submission of the tiny model, made without a chain, and ways to tamper with it."""

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from grail.chain.subnet.windows import EnvironmentMix
from grail.checkpoints.files import CALIBRATION, Checkpoint
from grail.environments.mandates import BeaconMandates
from grail.environments.registry import Environments
from grail.governance.policy import Policy
from grail.inference.base import RolloutRequest
from grail.inference.requests import MOST_OBSERVED
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol import keys
from grail.protocol.codec import BlobLimits, encode
from grail.protocol.hashing import keccak256
from grail.protocol.leaf import environment_digest
from grail.protocol.records import Commitment
from grail.protocol.submission import Group, Rollout, Submission
from grail.verification.audit import audit
from grail.verification.base import AuditContext, Verdict
from grail.verification.calibration import CalibrationProfile, load_profile

GROUPS, SIZE = 4, 4
POLICY = Policy.defaults(group_size=SIZE, sketch_stride=2)
BEACON = keccak256(b"beacon of the bench")
MINER = b"m" * 20
MIX = EnvironmentMix(
    ids=("arithmetic/1",), digests=(environment_digest("arithmetic/1"),), weights=(1,), rewards=(1_000,)
)


@dataclass
class Bench:
    """What is needed to make and to audit a submission."""

    checkpoint: Checkpoint
    codec: TextCodec
    engine: TransformersEngine
    plan: SketchPlan
    mandates: BeaconMandates
    limits: BlobLimits
    honest: Submission

    @classmethod
    def build(cls, checkpoint: Checkpoint, codec: TextCodec, engine: TransformersEngine) -> "Bench":
        plan = SketchPlan(keys.sketch_seed(BEACON), POLICY.sketch_dim, POLICY.sketch_stride)
        mandates = BeaconMandates(BEACON, MINER, MIX, Environments.installed(), checkpoint, codec, MOST_OBSERVED)
        limits = BlobLimits(
            groups=GROUPS,
            group_size=SIZE,
            max_tokens=checkpoint.rules.max_tokens,
            sketch_dim=plan.dim,
            sketch_stride=plan.stride,
        )
        requests = [
            RolloutRequest(mandates.group(g).prompt, mandates.rollout_key(g, i))
            for g in range(GROUPS)
            for i in range(SIZE)
        ]
        made = engine.generate(requests, plan)
        groups = []
        for g in range(GROUPS):
            mandate = mandates.group(g)
            rollouts = tuple(
                Rollout(
                    tokens=m.tokens,
                    logprobs=m.logprobs,
                    sketch=m.sketch,
                    finish=m.finish,
                    reward_micro=mandate.environment.grade(mandate.problem, codec.decode(m.tokens)).reward_micro,
                )
                for m in made[g * SIZE : (g + 1) * SIZE]
            )
            groups.append(
                Group(
                    env_id=mandate.env_id,
                    prompt_hash=mandate.prompt_hash,
                    reward_milli=mandate.reward_milli,
                    rollouts=rollouts,
                )
            )
        honest = Submission(window=0, miner=MINER, checkpoint_version=1, groups=tuple(groups))
        return cls(checkpoint, codec, engine, plan, mandates, limits, honest)

    def judge(self, submission: Submission, **committed) -> Verdict:
        """Commit to `submission` (fields of the commitment may be lied about) and audit it, all of it by default."""
        carried = committed.pop("carried", None)
        budget = committed.pop("budget", GROUPS * SIZE)
        beyond = committed.pop("beyond", 0.0)
        context = self.context(submission, **committed)
        order = list(submission.places())
        return audit(context, self.engine, self.profile, order, carried, budget=budget, beyond=beyond)

    @property
    def profile(self) -> CalibrationProfile:
        """The checkpoint's own."""
        return load_profile(self.checkpoint.folder / CALIBRATION)

    def context(self, submission: Submission, *, second: bytes | None = None, **committed) -> AuditContext:
        """What an audit of it knows; `second`: the seed of the auditor's own projection."""
        blob = committed.pop("blob", None) or encode(submission, self.limits)
        values = {
            "window": 0,
            "miner": MINER,
            "root": submission.tree.root,
            "blob_digest": keccak256(blob),
            "n_groups": GROUPS,
            "checkpoint_version": 1,
            "worth": submission.tree.total,
        }
        return AuditContext(
            commitment=Commitment(**(values | committed)),
            policy=POLICY,
            checkpoint=self.checkpoint,
            codec=self.codec,
            mandates=self.mandates,
            plan=dataclasses.replace(self.plan, second=second),
            limits=self.limits,
            blob=blob,
        )

    def tampered(self, change: Callable[[Rollout], Rollout]) -> Submission:
        """The honest submission with `change` applied to every rollout."""
        groups = tuple(
            dataclasses.replace(group, rollouts=tuple(change(r) for r in group.rollouts))
            for group in self.honest.groups
        )
        return dataclasses.replace(self.honest, groups=groups)


def shifted(values: np.ndarray, by: float) -> np.ndarray:
    """Moved, and kept in the codec's range."""
    return np.minimum(values.astype(np.float32) + by, 0).astype(np.float16)
