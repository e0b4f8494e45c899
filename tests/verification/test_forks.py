"""One wrong token changes an answer. Its unit is the rollout: among a thousand right ones no test of tokens sees it."""

import numpy as np
import pytest

from grail.inference.base import ReplayTrace
from grail.protocol.constants import FINISH_EOS
from grail.protocol.submission import Rollout
from grail.protocol.units import MicroReward
from grail.verification.alternatives import ALTERNATIVES
from grail.verification.calibration import FLOORS, PROCESSES, TOKEN_CAP
from grail.verification.evidence import Evidence, Null
from grail.verification.replay import FORKS, measurements

SKETCH_STRIDE, SKETCH_DIM, CLEAR = 8, 8, 9.0
LARGEST_HONEST = {"fp32": 1e-3, "bf16": 0.25}


def nulls(precision: str) -> dict[str, Null]:
    """Of a calibration that saw what was measured at most, and found every μ0 at its floor."""
    floors, far = FLOORS[precision], max(2 * LARGEST_HONEST[precision], 0.1)
    rules = {
        "flips": (1, 0.0),
        "gross": (1, far / 4),
        "outliers": (1, far),
        FORKS: (1, far),
        "tokens": (TOKEN_CAP, None),
    }
    found = {
        name: Null(rules.get(name, (1e-6, None))[0], floors[name], rules.get(name, (0, None))[1]) for name in PROCESSES
    }
    return found | {name: Null(1, 0.05) for name in ALTERNATIVES}


def opened_until_clear(precision: str, length: int, margin: float, every: int, most: int) -> int | None:
    """Rollouts that are read until the evidence is a fault; every `every`-th one has one token `margin` spreads off."""
    evidence, dice = Evidence(nulls(precision)), np.random.default_rng(length)
    for number in range(most):
        margins = np.zeros(length, np.float32)
        if number % every == every - 1:
            margins[dice.integers(length)] = margin
        states = np.zeros((-(-length // SKETCH_STRIDE), SKETCH_DIM), np.float32)
        shown = Rollout(
            tokens=np.zeros(length, np.int32), logprobs=np.zeros(length, np.float16),
            sketch=states.astype(np.float16), finish=FINISH_EOS, reward_micro=MicroReward(0),
        )  # fmt: skip
        ones, zeros = np.ones(length, np.float32), np.zeros(length, np.float32)
        evidence.add(measurements(shown, ReplayTrace(margins, zeros, states, ones)))
        if evidence.log10 >= CLEAR:
            return number + 1
    return None


@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("length", [50, 400, 1_600, 6_400])
@pytest.mark.parametrize(("every", "most"), [(1, 16), (4, 64)])
def test_one_wrong_token_in_a_rollout_is_a_fault(precision, length, every, most):
    assert opened_until_clear(precision, length, 3.0, every, most) is not None


@pytest.mark.parametrize("length", [400, 6_400])
def test_a_near_tie_counts_where_the_precision_cannot_make_it(length):
    """0.3 nats: far beyond what float32 rounds; in bf16 as large as honest noise, and of no weight alone."""
    assert opened_until_clear("fp32", length, 0.3, 4, 64) is not None
    assert opened_until_clear("bf16", 6_400, 0.3, 4, 64) is None


def test_one_odd_rollout_in_a_thousand_convicts_nobody():
    assert opened_until_clear("fp32", 400, 3.0, 1_000, 4_000) is None
    assert opened_until_clear("bf16", 400, 3.0, 1_000, 4_000) is None
