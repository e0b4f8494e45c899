"""The Engine protocol and its value types. Pure token ids: no text, no tasks, no rewards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grail.proofs.sketch import SketchPlan
from grail.protocol.turns import Bridge
from grail.protocol.units import Digest


class Partner(Protocol):
    """The other side of one dialogue, as far as it has gone."""

    @property
    def limit(self) -> int:
        """Most tokens of the next turn, 1 or more."""
        ...

    def answer(self, turn: NDArray[np.int32]) -> NDArray[np.int32] | None:
        """What stands behind a turn of sampled ids, int32 (k,); None: it was the last one."""
        ...


class World(Protocol):
    """What a model talks with. Ids only: what they mean is not the engine's to know."""

    @property
    def most_observed(self) -> int:
        """Most ids that its answers have together."""
        ...

    def begin(self) -> Partner:
        """A dialogue from its beginning."""
        ...


@dataclass(frozen=True, slots=True)
class RolloutRequest:
    """One rollout to make: prompt ids int32 (p,), 32-byte rollout key; with a `world` in turns."""

    prompt: NDArray[np.int32]
    key: bytes
    world: World | None = None


@dataclass(frozen=True, slots=True)
class Generation:
    """One rollout made: tokens int32 (n,), logprobs float16 (n,), sketch float16 (rows, m), finish code; of a dialogue
    the tokens of all its turns, and what stands between them.
    """

    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float16]
    sketch: NDArray[np.float16]
    finish: int
    bridges: tuple[Bridge, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """One rollout to check: prompt ids, rollout key, the claimed tokens int32 (n,), what stands between its turns."""

    prompt: NDArray[np.int32]
    key: bytes
    tokens: NDArray[np.int32]
    bridges: tuple[Bridge, ...] = ()


@dataclass(frozen=True, slots=True)
class ReplayTrace:
    """What a replay measured at each sampled position.

    margins: float32 (n,), max_v s_v − s_y ≥ 0 in nats, s = logits / T + G; zero where the token was mandated.
    logprobs: float32 (n,), of the claimed token at T. sketch: float32 (rows, m), projection of the replayed state.
    spreads: float32 (n,) > 0, nats: how far the scores lie apart without noise (`sampling.spreads_of`).
    """

    margins: NDArray[np.float32]
    logprobs: NDArray[np.float32]
    sketch: NDArray[np.float32]
    spreads: NDArray[np.float32]

    @property
    def strays(self) -> NDArray[np.float64]:
        """Margins in spreads, (n,): what rounding makes of them is the same at any temperature and sharpness."""
        return self.margins.astype(np.float64) / self.spreads


class Engine(Protocol):
    """One loaded checkpoint. Both methods keep the order of their requests; neither keeps state between calls."""

    @property
    def fingerprint(self) -> Digest:
        """Of the loaded checkpoint."""
        ...

    def in_float32(self) -> "Engine":
        """The same weights computed in float32, for replays: the reference in calibration and disputes."""
        ...

    def approximated(self, name: str) -> "Engine":
        """The same weights as a cheat would cut them (`approximations.APPROXIMATIONS`), for replays."""
        ...

    def generate(
        self, requests: Sequence[RolloutRequest], plan: SketchPlan, *, greedy: bool = False
    ) -> list[Generation]:
        """Sample every request to its end with the protocol's noise; `greedy` leaves the noise out (evaluation)."""
        ...

    def replay(self, requests: Sequence[ReplayRequest], plan: SketchPlan) -> list[ReplayTrace]:
        """One prefill over prompt and completion of every request."""
        ...
