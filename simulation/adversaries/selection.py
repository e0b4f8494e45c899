"""The right model and sampler, but the miner picks which work to do or to show."""

import dataclasses

from grail.checkpoints.files import Checkpoint
from grail.environments.mandates import BeaconMandates
from grail.inference.base import Engine, Generation, RolloutRequest
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from grail.protocol.submission import Submission
from grail.protocol.units import WindowId
from miner.duties.solve import requests_for
from simulation.adversaries.base import TOKENS, Attack, Draft, RetoldTokens, Tokens, plain

TRIES = 4


class BestOfN(Attack):
    """Generates four times, the first time as mandated, and keeps what earns most. Logprobs and sketch are genuine."""

    attack = "best-of-n"
    gain = "a name, and weight in the gradient, that its luck did not earn"
    caught_by = TOKENS

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """The most rewarded of `TRIES` completions at every place; the mandated one where all are equal."""
        engine = plain(engine)
        requests = requests_for(mandates, groups, size)
        best = engine.generate(requests, plan)
        for attempt in range(1, TRIES):
            others = [RolloutRequest(r.prompt, keccak256(r.key + bytes([attempt])), r.world) for r in requests]
            for place, generation in enumerate(engine.generate(others, plan)):
                dialogue = mandates.dialogue(place // size)
                earned = [dialogue.play(g.tokens).grade.reward_micro for g in (best[place], generation)]
                if earned[1] > earned[0]:
                    best[place] = generation
        return best


class SkippedHardProblems(Attack):
    """Works on twice the groups and shows the better half."""

    attack = "skipped-hard-problems"
    gain = "higher rewards"
    caught_by = frozenset({"derivation"})

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """Groups of the highest reward, in their order."""
        done = super().work(window, checkpoint, 2 * groups, version)
        earned = [sum(r.reward_micro for r in group.rollouts) for group in done.groups]
        best = sorted(sorted(range(2 * groups), key=lambda g: -earned[g])[:groups])
        return dataclasses.replace(done, groups=tuple(done.groups[g] for g in best))


class ReorderedGroups(Attack):
    """Shows its groups backwards."""

    attack = "reordered-groups"
    gain = "a choice of what a draw of low numbers sees"
    caught_by = frozenset({"derivation"})

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """Last group first."""
        done = super().work(window, checkpoint, groups, version)
        return dataclasses.replace(done, groups=done.groups[::-1])


class RepeatedGroup(Attack):
    """Does one group and shows it as all of them."""

    attack = "repeated-group"
    gain = "one group's cost for all groups' pay"
    caught_by = frozenset({"derivation"})

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """The first group, again and again."""
        done = super().work(window, checkpoint, 1, version)
        return dataclasses.replace(done, groups=done.groups * groups)


class RepeatedTokens(RetoldTokens):
    """Does one group and shows its tokens under every group's own prompt."""

    attack = "repeated-group-retold"
    gain = "one group's decoding for all groups' pay"

    def retell(self, draft: Draft) -> list[Tokens]:
        return [draft.made[place % draft.size].tokens for place in range(len(draft.made))]


class DuplicatedRollouts(RetoldTokens):
    """Does one rollout of each group and shows it as the group."""

    attack = "duplicated-rollouts"
    gain = "an eighth of the cost"

    def retell(self, draft: Draft) -> list[Tokens]:
        return [draft.made[place - place % draft.size].tokens for place in range(len(draft.made))]
