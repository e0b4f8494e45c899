"""The duty that keeps the disk bounded: once a window, forget what nobody may ask this node for any more."""

from pathlib import Path

from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId
from grail.runtime.duty import Note
from grail.runtime.node import Node
from grail.runtime.retention import needed, prune
from grail.storage import folder_of


class Prune:
    """Own store, where it is a folder, and fetched checkpoints."""

    name = "prune"

    def __init__(self, node: Node, checkpoints: Path) -> None:
        """`checkpoints`: the folder of fetched ones."""
        self._node = node
        self._checkpoints = checkpoints

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """In the newest window, once its work is done."""
        return schedule.window_of(block) == window and block > schedule.reveal_deadline(window)

    def run(self, window: WindowId) -> Note | None:
        """Forget, and note how much."""
        node = self._node
        found = prune(needed(node.subnet, node.store), folder_of(node.store), self._checkpoints, dry_run=False)
        if found.freed:
            megabytes = f"{found.freed / 2**20:.1f}"
            node.log.info("forgot what nobody can ask for", objects=found.objects, megabytes=megabytes)
        return {"objects": found.objects, "checkpoints": found.checkpoints, "freed": found.freed}
