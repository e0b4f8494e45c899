"""One leaf of a published submission with its path, for a proof on chain."""

from grail.protocol.leaf import RolloutLeaf
from grail.protocol.records import Commitment
from grail.protocol.units import Digest
from grail.runtime.node import Node
from grail.runtime.submissions import fetch_submission


def open_leaf(node: Node, entry: Commitment, place: tuple[int, int]) -> tuple[RolloutLeaf, list[Digest], Digest]:
    """(leaf, path, root) of one place. Raises what fetching and decoding raise."""
    leaf, path = fetch_submission(node, entry).opening(*place)
    return leaf, path, entry.root
