"""Names the component that everybody waits for: a warning when one piece of work runs longer than it should."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class Watchdog:
    """Warns once per interval while a piece of work runs on."""

    def __init__(self, seconds: float, log: Any) -> None:
        self._seconds = seconds
        self._log = log

    @contextmanager
    def watching(self, what: str) -> Iterator[None]:
        """Watch the body of a with statement."""
        done = threading.Event()
        thread = threading.Thread(target=self._watch, args=(what, done), daemon=True)
        thread.start()
        try:
            yield
        finally:
            done.set()

    def _watch(self, what: str, done: threading.Event) -> None:
        waited = 0.0
        while not done.wait(self._seconds):
            waited += self._seconds
            self._log.warning("still waiting", waiting_for=what, seconds=waited)
