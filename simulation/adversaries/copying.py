"""Somebody else's work, or one's own of yesterday."""

import dataclasses

from grail.protocol.codec import BlobLimits, decode
from grail.protocol.records import Commitment
from grail.protocol.submission import Submission
from grail.protocol.units import WindowId
from simulation.adversaries.base import Attack, Draft, RetoldTokens, Tokens


class CopiedFromMiner(RetoldTokens):
    """Takes the tokens of the window's first committer, laundered under its own prompts."""

    attack = "copied-from-a-miner"
    gain = "no decoding"

    def retell(self, draft: Draft) -> list[Tokens]:
        node, subnet = self.node, self.node.subnet
        window = subnet.current_window()
        assert window is not None
        victim = subnet.commitment(window, subnet.committers(window)[0])
        assert victim is not None and victim.miner != node.address
        limits = node.blob_limits(window, draft.engine.checkpoint, victim.n_groups)
        theirs = decode(node.store.get(victim.blob_digest, limits.max_bytes()), limits)
        tokens = [rollout.tokens for group in theirs.groups for rollout in group.rollouts]
        return [tokens[place % len(tokens)] for place in range(len(draft.requests))]


class CopiedFromLastWindow(RetoldTokens):
    """Takes its own tokens of the window before, laundered under the new prompts."""

    attack = "copied-from-last-window"
    gain = "no decoding"
    _kept: list[Tokens] | None = None

    def offends(self, window: WindowId) -> bool:
        """There is nothing to copy in the first window."""
        return window > 0

    def retell(self, draft: Draft) -> list[Tokens]:
        own = [generation.tokens for generation in draft.made]
        told = self._kept or own
        self._kept = own
        return told


class LastWindowsSubmission(Attack):
    """Commits last window's very blob again."""

    attack = "replayed-submission"
    gain = "nothing to do at all"
    caught_by = frozenset({"structure"})
    _last: Submission | None = None

    def offends(self, window: WindowId) -> bool:
        """There is nothing to replay in the first window."""
        return window > 0

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """Last window's blob and root under this window's number."""
        told = self._last or submission
        self._last = submission
        return dataclasses.replace(super().publish(told, limits), window=WindowId(submission.window))


class FrontRunner(Attack):
    """Commits another miner's root and blob as its own."""

    attack = "anothers-commitment"
    gain = "nothing to do at all"
    caught_by = frozenset({"structure"})

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """The first committer's commitment under this miner's name."""
        subnet, window = self.node.subnet, WindowId(submission.window)
        victim = subnet.commitment(window, subnet.committers(window)[0])
        assert victim is not None
        return dataclasses.replace(victim, miner=submission.miner)
