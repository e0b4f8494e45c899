"""The e-process: its false-positive bound holds, weak and blatant cheats are found, nonsense counts as guilt."""

import numpy as np
import pytest

from grail.verification.evidence import EProcess, Evidence, Null

NULL = Null(cap=0.5, mu0=0.01)


def test_an_honest_mean_exceeds_one_over_alpha_at_most_alpha_often():
    """2,000 worst-case honest miners: heavy-tailed measurements whose mean is exactly mu0, watched for 400 steps."""
    rng = np.random.default_rng(0)
    exceeded = 0
    for _ in range(2_000):
        process, peak = EProcess(NULL), 0.0
        for chunk in np.where(rng.random((20, 20)) < NULL.mu0, NULL.cap, 0.0):
            process.add(chunk)
            peak = max(peak, process.log_e)
        exceeded += peak >= np.log(20)
    assert exceeded / 2_000 <= 0.05 + 0.01


def test_evidence_grows_with_the_offence():
    found = []
    for share in (0.0, 0.03, 0.3, 1.0):
        rng = np.random.default_rng(1)
        evidence = Evidence({"tokens": NULL})
        for _ in range(50):
            evidence.add({"tokens": np.where(rng.random(10) < share, 0.5, 0.0)})
        found.append(evidence.log10)
    assert found == sorted(found) and found[0] == 0.0 and found[-1] > 100


def test_one_odd_token_does_not_decide_alone():
    evidence = Evidence({"tokens": Null(0.5, 1e-4), "logprobs": Null(1.0, 0.1), "sketch": Null(1.0, 0.1)})
    calm = {"logprobs": np.zeros(1), "sketch": np.zeros(1)}
    evidence.add({"tokens": np.array([30.0]), **calm})
    assert evidence.log10 < 4


def test_the_strongest_process_is_named():
    evidence = Evidence({"tokens": NULL, "sketch": NULL})
    evidence.add({"tokens": np.zeros(20), "sketch": np.full(20, 9.0)})
    assert evidence.strongest == "sketch" and evidence.log10 > 9


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_what_is_not_a_number_is_no_honest_measurement(value):
    process = EProcess(NULL)
    process.add(np.full(20, value))
    assert process.log_e > 20


def test_negative_measurements_gain_nothing():
    a, b = EProcess(NULL), EProcess(NULL)
    a.add(np.full(10, -5.0))
    b.add(np.zeros(10))
    assert a.log_e == b.log_e
