"""The loop of every role: follow windows, run due duties once, resume, stop gracefully."""

import threading
from collections.abc import Sequence

from grail.errors import ChainUnavailable, GrailError
from grail.protocol.units import WindowId
from grail.runtime.duty import Duty
from grail.runtime.node import Node
from grail.runtime.watchdog import Watchdog

LOOK_BACK = 3
"""Windows before the current one whose duties may still be due (settling, claiming, voting)."""


class Service:
    """One node's duties, in the order of the window."""

    def __init__(self, node: Node, duties: Sequence[Duty], *, watchdog_seconds: float = 60.0) -> None:
        self.node = node
        self._duties = duties
        self._watchdog = Watchdog(watchdog_seconds, node.log)
        self._stop = threading.Event()

    def tick(self) -> int:
        """Look at the chain once and do what is due; returns how many duties were finished.

        A duty that fails with one of our errors is logged, left for the next tick, and does not hold up the others.
        """
        current = self.node.subnet.current_window()
        if current is None:
            return 0
        finished = 0
        for window in range(max(0, current - LOOK_BACK), current + 1):
            for duty in self._duties:
                finished += self._attempt(duty, WindowId(window))
        return finished

    def run(self, poll_seconds: float) -> None:
        """Tick until stopped. A node that went away is waited for; everything committed stays committed."""
        while not self._stop.is_set():
            try:
                self.tick()
            except ChainUnavailable as error:
                self.node.log.warning("chain unavailable", neuron=self.node.name, reason=str(error))
            self._stop.wait(poll_seconds)

    def stop(self) -> None:
        """Finish the running duty, then leave `run`."""
        self._stop.set()

    def _attempt(self, duty: Duty, window: WindowId) -> int:
        node = self.node
        if self._stop.is_set() or node.journal.note(node.name, duty.name, window) is not None:
            return 0
        if not duty.due(window, node.subnet.chain.head().number, node.subnet.schedule):
            return 0
        try:
            with self._watchdog.watching(f"{node.name}: {duty.name} of window {window}"):
                note = duty.run(window)
        except ChainUnavailable:
            raise
        except GrailError as error:
            node.log.warning("duty failed", neuron=node.name, duty=duty.name, window=window, reason=str(error))
            return 0
        if note is None:
            return 0
        node.journal.record(node.name, duty.name, window, note)
        node.log.info("done", neuron=node.name, duty=duty.name, window=window)
        return 1
