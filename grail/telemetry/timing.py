"""How long things take, side by side."""

import time
from collections.abc import Callable, Mapping

ROUNDS = 3


def best_rounds(work: Mapping[str, Callable[[], object]], rounds: int = ROUNDS) -> dict[str, float]:
    """Seconds of each one's fastest round; all run once to warm up, then by turns."""
    seconds: dict[str, list[float]] = {name: [] for name in work}
    for round_ in range(rounds + 1):
        for name, run in work.items():
            began = time.perf_counter()
            run()
            if round_:
                seconds[name].append(time.perf_counter() - began)
    return {name: min(taken) for name, taken in seconds.items()}
