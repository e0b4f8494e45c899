"""Held-out accuracy with its 95 % interval, at the checkpoint's temperature and greedy."""

import math
from dataclasses import dataclass

from grail.environments.base import RIGHT, Environment
from grail.inference.base import Engine
from grail.inference.requests import own_dialogues, request_of
from grail.inference.text import TextCodec
from grail.proofs.sketch import SketchPlan
from grail.protocol.hashing import keccak256

HELD_OUT = b"grail/held-out/1"
_PLAN = SketchPlan(keccak256(HELD_OUT), 1, 1024)
Z95 = 1.959964


@dataclass(frozen=True, slots=True)
class Accuracy:
    """Share of right answers of `count` problems, and its 95 % Wilson interval."""

    right: int
    count: int

    @property
    def share(self) -> float:
        """Right over count."""
        return self.right / self.count

    @property
    def interval(self) -> tuple[float, float]:
        """Wilson score interval (Wilson 1927)."""
        n, p, z2 = self.count, self.share, Z95**2
        centre = (p + z2 / (2 * n)) / (1 + z2 / n)
        half = Z95 * math.sqrt(p * (1 - p) / n + z2 / (4 * n * n)) / (1 + z2 / n)
        return max(0.0, centre - half), min(1.0, centre + half)

    def __str__(self) -> str:
        low, high = self.interval
        return f"{self.share:.1%} [{low:.1%}, {high:.1%}]"


def evaluate(
    engine: Engine, environment: Environment, codec: TextCodec, *, count: int, greedy: bool, seed: int = 0
) -> Accuracy:
    """Ask `count` held-out problems once each: problems that no window ever mandates."""
    keys = [keccak256(HELD_OUT + seed.to_bytes(8, "big") + i.to_bytes(8, "big")) for i in range(count)]
    asked = own_dialogues(codec, environment, [environment.held_out(key) for key in keys])
    requests = [request_of(dialogue, key) for dialogue, key in zip(asked, keys, strict=True)]
    made = engine.generate(requests, _PLAN, greedy=greedy)
    graded = [dialogue.play(g.tokens).grade for dialogue, g in zip(asked, made, strict=True)]
    return Accuracy(sum(grade.reward_micro == RIGHT for grade in graded), count)
