"""Honest rollouts, edited afterwards and laundered."""

import dataclasses

import numpy as np

from grail.checkpoints.files import Checkpoint
from grail.inference.base import RolloutRequest
from grail.inference.text import TextCodec
from grail.protocol.constants import FINISH_EOS
from grail.protocol.submission import Rollout, Submission
from grail.protocol.units import WindowId
from simulation.adversaries.base import Attack, Draft, RetoldTokens, Tokens, with_rollouts

DRIP = 64
"""One rollout of so many is edited."""


class EarlyStop(RetoldTokens):
    """Ends every completion after one token."""

    attack = "early-stop"
    gain = "a fraction of the decoding"

    def retell(self, draft: Draft) -> list[Tokens]:
        eos = draft.engine.checkpoint.rules.eos_ids[0]
        return [np.array([g.tokens[0], eos], dtype=np.int32) if len(g.tokens) > 1 else g.tokens for g in draft.made]


class EosPadding(Attack):
    """Fills completions up with EOS: pay is by the token."""

    attack = "padding-with-eos"
    gain = "more tokens, so more pay"
    caught_by = frozenset({"dialogue"})

    def work(self, window: WindowId, checkpoint: Checkpoint, groups: int, version: int) -> Submission:
        """Every completion at full length."""
        rules = checkpoint.rules

        def padded(_group: int, _index: int, rollout: Rollout) -> Rollout:
            missing = rules.max_tokens - len(rollout.tokens)
            return dataclasses.replace(
                rollout,
                tokens=np.concatenate([rollout.tokens, np.full(missing, rules.eos_ids[0], dtype=np.int32)]),
                logprobs=np.concatenate([rollout.logprobs, np.zeros(missing, dtype=np.float16)]),
                finish=FINISH_EOS,
            )

        return with_rollouts(super().work(window, checkpoint, groups, version), padded)


class EditedAnswer(RetoldTokens):
    """Knows the answers and writes them over what the model said."""

    attack = "edited-answer"
    gain = "full reward everywhere"
    every = 1

    def retell(self, draft: Draft) -> list[Tokens]:
        codec, rules = TextCodec(draft.engine.checkpoint), draft.engine.checkpoint.rules
        told = []
        for place, generation in enumerate(draft.made):
            answer = codec.encode(draft.mandates.group(place // draft.size).problem.answer)
            right = np.append(answer, np.int32(rules.eos_ids[0]))[: rules.max_tokens].astype(np.int32)
            told.append(right if place % self.every == 0 else generation.tokens)
        return told


class DripEdit(EditedAnswer):
    """Edits one rollout in sixty-four."""

    attack = "edited-answer-1-in-64"
    gain = "full reward for one rollout in sixty-four"
    every = DRIP
    residual = "few of its rollouts are drawn; the trainer, who replays all, drops their groups"


class PromptInjection(RetoldTokens):
    """Decodes after a prompt of its own that shows the answer, and submits under the mandated one."""

    attack = "prompt-injection"
    gain = "a model that only has to copy"

    def retell(self, draft: Draft) -> list[Tokens]:
        codec = TextCodec(draft.engine.checkpoint)
        hinted = []
        for place, request in enumerate(draft.requests):
            problem = draft.mandates.group(place // draft.size).problem
            hint = codec.encode(problem.prompt + problem.answer + " ")
            hinted.append(RolloutRequest(np.concatenate([hint, request.prompt]), request.key))
        return [g.tokens for g in draft.engine.generate(hinted, draft.plan)]
