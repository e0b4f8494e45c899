"""How replays scale over the workers of a Ray cluster."""

from collections.abc import Sequence

from benchmarks.engines import PLAN, Bench
from grail.inference.base import ReplayRequest
from grail.inference.ray_engine import PIECE, RayEngine, RayWorkers
from grail.telemetry.timing import best_rounds


def scaling(bench: Bench, address: str, counts: Sequence[int], pieces: int) -> list[dict[str, object]]:
    """Tokens replayed a second by each number of workers, one CPU thread or one GPU each: a row for each number.

    `efficiency`: the rate over that of the fewest workers, as a share of what perfect scaling gives.
    """
    made = bench.transformers.generate(bench.requests, PLAN)
    asked = [ReplayRequest(r.prompt, r.key, g.tokens, g.bridges) for r, g in zip(bench.requests, made, strict=True)]
    asked = (asked * (pieces * PIECE // len(asked) + 1))[: pieces * PIECE]
    read = sum(len(request.prompt) + len(request.tokens) for request in asked)
    rates: dict[int, float] = {}
    for count in sorted(counts, reverse=True):
        workers = RayWorkers(address, count=count)
        engine = RayEngine(bench.checkpoint, bench.transformers, workers)
        seconds = best_rounds({"replay": lambda engine=engine: engine.replay(asked, PLAN)})  # type: ignore[misc]
        rates[count] = read / seconds["replay"]
        workers.stop()
    fewest = min(rates)
    return [
        bench.machine()
        | {"engine": f"{count} workers", "workers": count, "tok_s_replay": rates[count]}
        | {"efficiency": rates[count] / rates[fewest] * fewest / count}
        for count in sorted(rates)
    ]
