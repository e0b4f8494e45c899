"""The Duty protocol: one thing that a role does in a window, idempotent, one file each."""

from typing import Any, Protocol

from grail.protocol.schedule import Schedule
from grail.protocol.units import BlockNumber, WindowId

Note = dict[str, Any]
"""What the journal keeps of a finished duty; JSON values only."""


class Duty(Protocol):
    """Something to do once in each window. One that sends nothing may have `reads_only` = True."""

    @property
    def name(self) -> str:
        """Its name in journal and logs."""
        ...

    def due(self, window: WindowId, block: BlockNumber, schedule: Schedule) -> bool:
        """May it be done at `block`?"""
        ...

    def run(self, window: WindowId) -> Note | None:
        """Do it. A note means done; None means not yet: try again at the next tick.

        Must be safe to repeat: after a crash between acting and noting, it finds its own act on the chain.
        """
        ...
