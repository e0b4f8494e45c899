"""Evidence: e-processes by betting, with a false-positive bound that holds however long one watches (spec section 9).

For x_t in [0, 1] the wealth is ∏ (1 + λ (x_t − μ0)) with λ in (0, 1/μ0). The null: the factor of an honest rollout, and
of an honest group, has a mean of at most 1 whatever came before (true when E[x_t | past] ≤ μ0; calibration fits it to
whole rollouts and groups, for noise is shared inside them). So the wealth is a test supermartingale, and by Ville's
inequality it ever exceeds 1/α with probability at most α. Averages over a grid of λ and over processes are e-values
too. Source: Waudby-Smith and Ramdas, "Estimating means of bounded random variables by betting", JRSS B 2024; Ville
1939.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

BETS = (0.0002, 0.002, 0.01, 0.05, 0.2, 0.5, 0.9)
"""λ · μ0 of the grid: small bets for weak, long evidence, large ones for blatant cheats. A bet is what a measurement
without offence costs, so the smallest must be worth it where one of some thousand is odd."""
LN10 = math.log(10)


Carried = Mapping[str, Sequence[float]]
"""Process name to log wealth, one entry per bet."""


@dataclass(frozen=True, slots=True)
class Null:
    """What an honest miner's measurements obey: x loses every bet against mu0 on average.

    x = min(value, cap) / cap, or where `over` is given, 1 for values above it and 0 for others.
    """

    cap: float
    mu0: float
    over: float | None = None

    def scale(self, values: NDArray[np.floating]) -> NDArray[np.float64]:
        """Measurements to x in [0, 1]; a value that is not a number counts as 1, for it is no honest measurement."""
        given = np.asarray(values, dtype=np.float64)
        x = np.clip(given, 0.0, self.cap) / self.cap if self.over is None else (given > self.over).astype(np.float64)
        return np.where(np.isnan(given), 1.0, x)


def add_up(parts: Iterable[Carried]) -> dict[str, list[float]]:
    """The evidence of several audits that read different places: wealth multiplies, so its logarithms add up."""
    total: dict[str, list[float]] = {}
    for part in parts:
        for name, wealth in part.items():
            before = total.get(name, [0.0] * len(BETS))
            total[name] = [a + b for a, b in zip(before, wealth, strict=True)]
    return total


class EProcess:
    """Log wealth of one process, one entry per bet of the grid."""

    def __init__(self, null: Null, log_wealth: Sequence[float] | None = None) -> None:
        """`log_wealth`: one entry per bet to go on from; a fresh process starts with wealth 1."""
        self._null = null
        self._lambdas = np.array(BETS) / null.mu0
        self._log_wealth = np.zeros(len(BETS)) if log_wealth is None else np.array(log_wealth, dtype=np.float64)

    def add(self, values: NDArray[np.floating]) -> None:
        """Bet on a batch of measurements, in order."""
        x = self._null.scale(values)
        self._log_wealth += np.log1p(self._lambdas[:, None] * (x[None, :] - self._null.mu0)).sum(axis=1)

    @property
    def log_wealth(self) -> list[float]:
        """What a later process may go on from."""
        return self._log_wealth.tolist()

    @property
    def log_e(self) -> float:
        """Natural log of the e-value: the average over the grid."""
        return _log_mean_exp(self._log_wealth)


class Evidence:
    """The averaged e-value of several processes against "this miner is honest", and its highest point so far."""

    def __init__(self, nulls: Mapping[str, Null], carried: Carried | None = None) -> None:
        """`carried`: the state of an earlier Evidence of the same miner to go on from."""
        started = carried or {}
        self._processes = {name: EProcess(null, started.get(name)) for name, null in nulls.items()}
        self._peak, self._peak_process = 0.0, ""
        self._look()

    def add(self, measurements: Mapping[str, NDArray[np.floating]]) -> None:
        """One rollout's measurements: process name to values. The peak may move after each rollout."""
        for name, values in measurements.items():
            self._processes[name].add(values)
        self._look()

    def _look(self) -> None:
        logs = {name: process.log_e for name, process in self._processes.items()}
        self._now = _log_mean_exp(np.array(list(logs.values())))
        if self._now > self._peak:
            self._peak = self._now
            self._peak_process = max(logs, key=lambda name: logs[name])

    @property
    def carried(self) -> Carried:
        """The state to go on from in the next window."""
        return {name: process.log_wealth for name, process in self._processes.items()}

    @property
    def log10(self) -> float:
        """log10 of the highest e-value reached; 0 when it never exceeded 1."""
        return self._peak / LN10

    @property
    def log10_now(self) -> float:
        """log10 of the e-value as it stands: what decides whether looking further is worth it."""
        return self._now / LN10

    @property
    def strongest(self) -> str:
        """The process that carried the highest point."""
        return self._peak_process


def _log_mean_exp(logs: NDArray[np.float64]) -> float:
    top = float(logs.max())
    return top + math.log(float(np.exp(logs - top).mean()))
