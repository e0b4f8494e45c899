"""Block number → window, phase, deadlines [C]. Twin of RolloutLedger.sol's arithmetic (spec section 3)."""

from dataclasses import dataclass
from enum import Enum

from grail.protocol.units import BlockNumber, WindowId


class Phase(Enum):
    """What a block of a window is for; phases follow each other in this order."""

    BEACON = "beacon"
    COMMIT = "commit"
    SCORE = "score"
    REVEAL = "reveal"
    SETTLE = "settle"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Window timing, all in blocks.

    Offsets from a window's first block s: commits are taken in (s, s + commit], score commits in
    (s + commit + 1, s + commit + score], reveals in the `reveal` blocks after that; the rest settles.
    Block s gives the beacon, block s + commit + 1 the challenge.
    """

    genesis: int
    window: int
    commit: int
    score: int
    reveal: int

    def __post_init__(self) -> None:
        if min(self.commit, self.reveal) < 1 or self.score < 2 or self.genesis < 0:
            raise ValueError("expected commit and reveal >= 1 block, score >= 2 blocks, genesis >= 0")
        if self.commit + self.score + self.reveal >= self.window:
            raise ValueError(
                f"expected commit + score + reveal < window so that settling has a block, got "
                f"{self.commit} + {self.score} + {self.reveal} >= {self.window}"
            )

    def window_of(self, block: BlockNumber) -> WindowId:
        """Window that `block` belongs to. Raises ValueError before genesis."""
        if block < self.genesis:
            raise ValueError(f"block {block} is before genesis {self.genesis}: wait for the network to start")
        return WindowId((block - self.genesis) // self.window)

    def start(self, window: WindowId) -> BlockNumber:
        """First block of the window: its hash makes the beacon."""
        return BlockNumber(self.genesis + window * self.window)

    def commit_deadline(self, window: WindowId) -> BlockNumber:
        """Last block that takes a commitment."""
        return BlockNumber(self.start(window) + self.commit)

    def challenge_block(self, window: WindowId) -> BlockNumber:
        """Block whose hash makes the challenge."""
        return BlockNumber(self.commit_deadline(window) + 1)

    def score_deadline(self, window: WindowId) -> BlockNumber:
        """Last block that takes a score commitment."""
        return BlockNumber(self.commit_deadline(window) + self.score)

    def reveal_deadline(self, window: WindowId) -> BlockNumber:
        """Last block that takes a reveal; settlement is open afterwards."""
        return BlockNumber(self.score_deadline(window) + self.reveal)

    def phase(self, block: BlockNumber) -> Phase:
        """Phase of the window that `block` lies in."""
        window = self.window_of(block)
        if block == self.start(window):
            return Phase.BEACON
        if block <= self.commit_deadline(window):
            return Phase.COMMIT
        if block <= self.score_deadline(window):
            return Phase.SCORE
        if block <= self.reveal_deadline(window):
            return Phase.REVEAL
        return Phase.SETTLE


def takes_work(window: WindowId, active_from: WindowId, max_staleness: int) -> bool:
    """May miners work in `window`, whose version is active from `active_from` on?

    Asynchronous networks (`max_staleness` over 0): in every window. Sequential ones: in every other window of a
    version, from its first on, so that the update which a window's work leads to has the next window to land in; a
    trainer that is down halves the work and does not stop it. No submission of anybody's can close a window.
    """
    return max_staleness > 0 or (window - active_from) % 2 == 0
