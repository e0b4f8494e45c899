"""The Engine protocol and its value types. Pure token ids: no text, no tasks, no rewards."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from grail.proofs.sketch import SketchPlan
from grail.protocol.units import Digest


@dataclass(frozen=True, slots=True)
class RolloutRequest:
    """One completion to make: prompt ids int32 (p,), 32-byte rollout key."""

    prompt: NDArray[np.int32]
    key: bytes


@dataclass(frozen=True, slots=True)
class Generation:
    """One completion made: tokens int32 (n,), logprobs float16 (n,), sketch float16 (rows, m), finish code."""

    tokens: NDArray[np.int32]
    logprobs: NDArray[np.float16]
    sketch: NDArray[np.float16]
    finish: int


@dataclass(frozen=True, slots=True)
class ReplayRequest:
    """One completion to check: prompt ids, rollout key, the claimed tokens int32 (n,)."""

    prompt: NDArray[np.int32]
    key: bytes
    tokens: NDArray[np.int32]


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
