"""What published tests, which promise no bound, need to reach one: binomial tests on flagged rollouts."""

import math

ENOUGH, LIMIT = 9.0, 0.01


def upper(flagged: int, of: int) -> float:
    """Clopper–Pearson: the rate at which so few would be flagged with probability 1 %."""
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if 1 - tail(flagged + 1, of, middle) > LIMIT else (low, middle)
    return high


def tail(least: int, of: int, rate: float) -> float:
    """P(X ≥ least), X binomial."""
    if least <= 0:
        return 1.0
    if rate <= 0:
        return 0.0
    if rate >= 1:
        return 1.0
    logs = [
        math.lgamma(of + 1) - math.lgamma(k + 1) - math.lgamma(of - k + 1)
        + k * math.log(rate) + (of - k) * math.log1p(-rate)
        for k in range(least, of + 1)
    ]  # fmt: skip
    top = max(logs, default=-math.inf)
    return math.exp(top) * sum(math.exp(log - top) for log in logs) if logs else 0.0


def units_needed(flagged: float, honest: float) -> int | None:
    """Rollouts of a binomial test at 10^-9 when a share `flagged` of them is flagged."""
    if flagged <= honest:
        return None
    return next((n for n in range(1, 5_000) if tail(math.floor(flagged * n), n, honest) <= 10**-ENOUGH), None)
