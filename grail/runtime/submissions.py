"""A committed submission, fetched from the object store and decoded within its limits."""

from grail.protocol.codec import decode
from grail.protocol.records import Commitment
from grail.protocol.submission import Submission
from grail.runtime.node import Node


def fetch_submission(node: Node, entry: Commitment) -> Submission:
    """Raises what the store and the decoder raise; whether it gives the committed root is the caller's to check."""
    checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(entry.checkpoint_version))
    limits = node.blob_limits(entry.window, checkpoint, entry.n_groups)
    return decode(node.objects_of(entry.miner).get(entry.blob_digest, limits.max_bytes()), limits)
