"""Integers, choices and shuffles from a 32-byte key [C]: rejection sampling on Philox words, no floats."""

from collections.abc import Sequence
from typing import TypeVar

from grail.protocol.philox import stream

Item = TypeVar("Item")
_WORD_RANGE = 1 << 32
_CHUNK = 64


class Draws:
    """An endless, seekless supply of unbiased integers from one key."""

    def __init__(self, key: bytes) -> None:
        self._key = key
        self._words: list[int] = []
        self._next = 0

    def _word(self) -> int:
        if self._next == len(self._words):
            self._words = stream(self._key, max(_CHUNK, 2 * len(self._words))).tolist()
        self._next += 1
        return self._words[self._next - 1]

    def below(self, limit: int) -> int:
        """Uniform integer in [0, limit), 1 <= limit <= 2^32; words above the last full multiple are skipped."""
        if not 1 <= limit <= _WORD_RANGE:
            raise ValueError(f"expected a limit in [1, 2^32], got {limit}")
        bound = _WORD_RANGE - _WORD_RANGE % limit
        while True:
            value = self._word()
            if value < bound:
                return value % limit

    def between(self, low: int, high: int) -> int:
        """Uniform integer in [low, high], both ends included."""
        return low + self.below(high - low + 1)

    def choice(self, items: Sequence[Item]) -> Item:
        """One of `items`, each as likely."""
        return items[self.below(len(items))]

    def permutation(self, count: int) -> list[int]:
        """A uniform order of range(count) (Fisher–Yates from the front)."""
        order = list(range(count))
        for place in range(count - 1):
            other = place + self.below(count - place)
            order[place], order[other] = order[other], order[place]
        return order
