"""One leaf of a published submission with its path, for a proof on chain."""

from grail.protocol.codec import decode
from grail.protocol.leaf import RolloutLeaf
from grail.protocol.units import Address, Digest, WindowId
from grail.runtime.node import Node


def open_leaf(
    node: Node, window: WindowId, miner: Address, place: tuple[int, int]
) -> tuple[RolloutLeaf, list[Digest], Digest]:
    """(leaf, path, root) of one place. Raises what fetching and decoding raise."""
    commitment = node.subnet.commitment(window, miner)
    assert commitment is not None
    checkpoint = node.checkpoints.fetch(node.subnet.checkpoint(commitment.checkpoint_version))
    limits = node.blob_limits(window, checkpoint, commitment.n_groups)
    submission = decode(node.store.get(commitment.blob_digest, limits.max_bytes()), limits)
    leaf, path = submission.opening(*place)
    return leaf, path, commitment.root
