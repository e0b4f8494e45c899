"""What an attack is: an honest miner's Solve with the least change that cheats, and what must catch it."""

import copy
import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from grail.checkpoints.files import Checkpoint
from grail.environments.dialogue import Dialogue
from grail.environments.mandates import BeaconMandates
from grail.inference.base import Engine, Generation, ReplayRequest, RolloutRequest
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH
from grail.protocol.submission import Rollout, Submission
from grail.protocol.units import WindowId
from grail.verification.alternatives import ALTERNATIVES
from grail.verification.replay import FORKS, MARGINS
from miner.duties.solve import Solve, requests_for

TOKENS = frozenset({*MARGINS, FORKS, *ALTERNATIVES})
"""What is left to see when sketch and logprobs come from the right model."""
REPLAY = TOKENS | {"logprobs", "sketch"}
"""The evidence that replays feed."""

Tokens = NDArray[np.int32]


class Attack(Solve):
    """One way to cheat.

    `attack`: its name. `family`: its file. `gain`: what the cheat gets out of it. `caught_by`: the checks that may
    catch it; "ledger" is the contract's refusal. `residual`: why one window may miss it, where one may.
    """

    attack: ClassVar[str]
    gain: ClassVar[str]
    caught_by: ClassVar[frozenset[str]]
    residual: ClassVar[str] = ""

    @classmethod
    def family(cls) -> str:
        """The file that the attack lives in."""
        return cls.__module__.rsplit(".", 1)[-1]

    def inspect(self, submission: Submission, checkpoint: Checkpoint) -> None:
        """A cheat does not look."""

    def offends(self, window: WindowId) -> bool:
        """Does it cheat in this window? Copying one's last window needs a last window."""
        return True


@dataclass(frozen=True, slots=True)
class Draft:
    """A window's honest work before it is retold; `requests` and `made` are in the order of places."""

    engine: TransformersEngine
    mandates: BeaconMandates
    requests: list[RolloutRequest]
    made: list[Generation]
    size: int
    plan: SketchPlan


class RetoldTokens(Attack):
    """Other tokens, dressed up: logprobs, sketch and rewards are what the right model says of them.

    One prefill buys that ("laundering"), so that nothing but the tokens themselves can convict.
    """

    caught_by = TOKENS

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """The tokens of `retell`, laundered."""
        engine = plain(engine)
        requests = requests_for(mandates, groups, size)
        draft = Draft(engine, mandates, requests, engine.generate(requests, plan), size, plan)
        return laundered(engine, requests, self.retell(draft), plan)

    def retell(self, draft: Draft) -> list[Tokens]:
        """What to submit in place of the honest tokens, place by place."""
        raise NotImplementedError


def twin(engine: Engine) -> TransformersEngine:
    """A copy that shares everything; what is set on it does not touch the original."""
    return copy.copy(plain(engine))


def plain(engine: Engine) -> TransformersEngine:
    """The transformers engine, itself or behind another: attacks exchange its parts."""
    found = getattr(engine, "reader", engine)
    assert isinstance(found, TransformersEngine)
    return found


def laundered(
    engine: Engine, requests: Sequence[RolloutRequest], tokens: Sequence[Tokens], plan: SketchPlan
) -> list[Generation]:
    """These completions as if the right model had made them: its logprobs, its sketch, the finish code that fits."""
    engine = plain(engine)
    asked = []
    for request, ids in zip(requests, tokens, strict=True):
        bridges = request.world.play(ids).bridges if isinstance(request.world, Dialogue) else ()
        asked.append(ReplayRequest(request.prompt, request.key, ids, bridges))
    eos = engine.checkpoint.rules.eos_ids
    return [
        Generation(
            tokens=ids,
            logprobs=stored(trace.logprobs),
            sketch=trace.sketch.astype(np.float16),
            finish=FINISH_EOS if int(ids[-1]) in eos else FINISH_LENGTH,
        )
        for ids, trace in zip(tokens, engine.replay(asked, plan), strict=True)
    ]


def stored(logprobs: NDArray[np.floating]) -> NDArray[np.float16]:
    """As a blob holds them: float16, at most 0, zero written as +0."""
    return np.minimum(logprobs, 0).astype(np.float16) + np.float16(0)


def with_rollouts(submission: Submission, change: Callable[[int, int, Rollout], Rollout]) -> Submission:
    """The submission with `change(group, index, rollout)` applied everywhere."""
    groups = tuple(
        dataclasses.replace(group, rollouts=tuple(change(number, i, r) for i, r in enumerate(group.rollouts)))
        for number, group in enumerate(submission.groups)
    )
    return dataclasses.replace(submission, groups=groups)
