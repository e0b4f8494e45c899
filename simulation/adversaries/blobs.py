"""Honest work, dishonest delivery: what is committed, what can be fetched, how it is encoded."""

import dataclasses

import numpy as np

from grail.protocol.codec import BlobLimits, encode
from grail.protocol.hashing import keccak256
from grail.protocol.records import Commitment
from grail.protocol.submission import Rollout, Submission
from grail.protocol.units import CheckpointVersion, WindowId
from grail.runtime.duty import Note
from grail.storage.file_store import FileStore
from simulation.adversaries.base import Attack, with_rollouts


class Delivery(Attack):
    """Commits to `bytes_of` instead of the canonical blob."""

    gain = "an audit that fails, or that never ends"
    caught_by = frozenset({"structure"})

    def bytes_of(self, submission: Submission, limits: BlobLimits) -> bytes:
        """What lies under the committed digest."""
        return encode(submission, limits)

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """The honest root over other bytes."""
        honest = super().publish(submission, limits)
        return dataclasses.replace(honest, blob_digest=self.node.published.put(self.bytes_of(submission, limits)))


class Withheld(Attack):
    """Commits, and shows the blob to nobody."""

    attack = "blob-withheld"
    gain = "no work can be judged that nobody sees"
    caught_by = frozenset({"availability"})

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """The digest of something that was never stored."""
        blob = encode(submission, limits) + b"?"
        return dataclasses.replace(super().publish(submission, limits), blob_digest=keccak256(blob))


class Swapped(Delivery):
    """Puts other bytes in the committed blob's place."""

    attack = "blob-swapped-after-commit"
    gain = "a second choice once the challenge is known"
    caught_by = frozenset({"availability"})

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """One byte of the stored object changes behind the store's back."""
        commitment = super().publish(submission, limits)
        store = self.node.store
        assert isinstance(store, FileStore)
        path = store.path(commitment.blob_digest)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(bytes(data))
        return commitment

    def bytes_of(self, submission: Submission, limits: BlobLimits) -> bytes:
        return encode(submission, limits) + b"\0"


class Oversized(Delivery):
    """A mebibyte of nothing behind the blob."""

    attack = "blob-oversized"
    caught_by = frozenset({"availability"})

    def bytes_of(self, submission: Submission, limits: BlobLimits) -> bytes:
        return encode(submission, limits) + bytes(1 << 20)


class Truncated(Delivery):
    """The last byte is missing."""

    attack = "blob-truncated"

    def bytes_of(self, submission: Submission, limits: BlobLimits) -> bytes:
        return encode(submission, limits)[:-1]


class OtherValues(Delivery):
    """Encodes numbers that no canonical blob holds."""

    def bytes_of(self, submission: Submission, limits: BlobLimits) -> bytes:
        return encode(with_rollouts(submission, self.change), limits)

    def change(self, group: int, index: int, rollout: Rollout) -> Rollout:
        """The rollout to encode."""
        raise NotImplementedError


class NotANumber(OtherValues):
    """NaN logprobs."""

    attack = "logprobs-nan"

    def change(self, group: int, index: int, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, logprobs=np.full_like(rollout.logprobs, np.nan))


class Infinite(OtherValues):
    """An infinite sketch."""

    attack = "sketch-infinite"

    def change(self, group: int, index: int, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, sketch=np.full_like(rollout.sketch, np.inf))


class NegativeZero(OtherValues):
    """The same values in another encoding: -0 for +0."""

    attack = "non-canonical-zero"

    def change(self, group: int, index: int, rollout: Rollout) -> Rollout:
        return dataclasses.replace(rollout, logprobs=np.full_like(rollout.logprobs, -0.0))


class OtherRoot(Attack):
    """Commits the root of other leaves than the blob's."""

    attack = "root-of-other-leaves"
    gain = "leaves to show in court that no audit saw"
    caught_by = frozenset({"structure"})

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """A root of nothing."""
        return dataclasses.replace(super().publish(submission, limits), root=keccak256(submission.tree.root))


class WrongVersion(Attack):
    """Commits under another checkpoint's version."""

    attack = "wrong-checkpoint-version"
    gain = "an audit by another model"
    caught_by = frozenset({"ledger"})

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """The version after."""
        honest = super().publish(submission, limits)
        return dataclasses.replace(honest, checkpoint_version=CheckpointVersion(honest.checkpoint_version + 1))


class TwoCommitments(Attack):
    """Commits twice in one window."""

    attack = "two-blobs"
    gain = "a second choice once others have committed"
    caught_by = frozenset({"ledger"})

    def run(self, window: WindowId) -> Note | None:
        """Honest, then once more with another root."""
        note = super().run(window)
        first = self.node.subnet.commitment(window, self.node.address)
        assert first is not None
        self.node.subnet.commit(self.node.signer, dataclasses.replace(first, root=keccak256(first.root)))
        return note


class MoreThanItsStake(Attack):
    """Commits more groups than its stake covers."""

    attack = "more-groups-than-stake"
    gain = "pay for what no bond covers"
    caught_by = frozenset({"ledger"})

    def publish(self, submission: Submission, limits: BlobLimits) -> Commitment:
        """One group above what is allowed."""
        allowed = self.node.subnet.groups_allowed(WindowId(submission.window), self.node.address)
        return dataclasses.replace(super().publish(submission, limits), n_groups=allowed + 1)
