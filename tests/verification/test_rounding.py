"""Claims as intervals: nothing inside counts, everything outside does, and a small step of the model shows."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from grail.proofs.rounding import beyond_rounding
from grail.proofs.sketch import sketch_errors

FINITE = st.floats(-60_000, 60_000, allow_nan=False)


@given(FINITE)
def test_what_rounds_to_a_claim_is_no_distance_from_it(value):
    assert beyond_rounding(np.float16([value]), np.array([value])) == 0


@given(FINITE, FINITE)
def test_what_rounds_to_another_claim_is_as_far_as_the_edge(claimed, value):
    claim = np.float16([claimed])
    distance = float(beyond_rounding(claim, np.array([value]))[0])
    step = abs(float(np.spacing(claim)[0]))
    away = abs(float(claim[0]) - value)
    assert max(0.0, away - step) <= distance <= away
    if np.float16(value) != claim[0]:
        assert distance > 0 or away <= step, "only on the edge itself"


def test_no_number_is_no_claim():
    claims = np.array([np.nan, np.inf], dtype=np.float16)
    assert not (beyond_rounding(claims, np.zeros(2)) == 0).any()


def test_a_model_off_by_less_than_a_step_of_float16_shows():
    draws = np.random.default_rng(0)
    replayed = draws.normal(size=(200, 8)).astype(np.float32)
    honest = (replayed * (1 + 1e-7 * draws.normal(size=replayed.shape))).astype(np.float16)
    stale = (replayed * (1 + 1e-4 * draws.normal(size=replayed.shape))).astype(np.float16)
    plain = ((replayed - stale.astype(np.float64)) ** 2).sum(1).mean()
    rounding = ((replayed - honest.astype(np.float64)) ** 2).sum(1).mean()
    assert plain < 2 * rounding, "to the plain distance both look alike"
    assert sketch_errors(replayed, stale).mean() > 1e3 * sketch_errors(replayed, honest).mean()
