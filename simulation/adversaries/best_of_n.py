"""Takes the best of n completions: draws with keys of its own and keeps the one that earns most.

Gain: a reputation, and weight in the gradient, that its luck did not earn. Logprobs and sketch are genuine.
"""

from grail.environments.mandates import BeaconMandates
from grail.inference.base import Engine, Generation, RolloutRequest
from grail.inference.text import TextCodec
from grail.inference.transformers_engine import TransformersEngine
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256
from miner.duties.solve import Solve, requests_for

TRIES = 4


class BestOfN(Solve):
    """Generates four times, the first time as mandated."""

    def complete(
        self, engine: Engine, mandates: BeaconMandates, groups: int, size: int, plan: SketchPlan
    ) -> list[Generation]:
        """The most rewarded of `TRIES` completions at every place; the mandated one where all are equal."""
        assert isinstance(engine, TransformersEngine)
        codec = TextCodec(engine.checkpoint)
        requests = requests_for(mandates, groups, size)
        best = engine.generate(requests, plan)
        for attempt in range(1, TRIES):
            others = [RolloutRequest(r.prompt, keccak256(r.key + bytes([attempt]))) for r in requests]
            for place, generation in enumerate(engine.generate(others, plan)):
                mandate = mandates.group(place // size)
                earned = [
                    mandate.environment.grade(mandate.problem, codec.decode(g.tokens)).reward_micro
                    for g in (best[place], generation)
                ]
                if earned[1] > earned[0]:
                    best[place] = generation
        return best
