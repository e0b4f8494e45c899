"""What was read of a chain and can no longer change, with a bound: a node that runs for years must not grow with it."""

from typing import TypeVar

K = TypeVar("K")
V = TypeVar("V")


class Remembered(dict[K, V]):
    """The newest `most` entries, by when they were first read. What is forgotten is read again when it is asked for."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def __setitem__(self, key: K, value: V) -> None:
        super().__setitem__(key, value)
        while len(self) > self._most:
            del self[next(iter(self))]
