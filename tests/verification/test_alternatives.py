"""Whom did the miner follow? A cheat with close weights and a perfect disguise is told from an honest miner."""

import numpy as np
import pytest

from grail.checkpoints.files import CALIBRATION
from grail.environments.arithmetic import Arithmetic
from grail.inference.approximations import APPROXIMATIONS
from grail.inference.base import ReplayRequest, ReplayTrace, RolloutRequest
from grail.inference.transformers_engine import TransformersEngine
from grail.protocol.hashing import keccak256
from grail.verification.alternatives import ALTERNATIVES, PREVIOUS, drawn_alternative, votes
from grail.verification.calibration import load_profile
from grail.verification.evidence import Evidence
from simulation.adversaries.weights import steps_away

ROLLOUTS = 2_000


def trace(margins) -> ReplayTrace:
    return ReplayTrace(
        np.array(margins, dtype=np.float32), np.zeros(len(margins)), np.zeros((0, 8)), np.ones(len(margins))
    )


def test_only_tokens_that_exactly_one_of_the_two_mandates_are_votes():
    found = votes(trace([0, 0, 0.1, 0.2, 0]), trace([0, 0.3, 0, 0.4, 0]))
    assert found.tolist() == [0.0, 1.0]


def test_the_alternative_is_drawn_from_the_challenge_and_differs_between_validators():
    drawn = [drawn_alternative(keccak256(b"challenge"), bytes([i]) * 20, True) for i in range(60)]
    assert set(drawn) == set(ALTERNATIVES)
    assert drawn == [drawn_alternative(keccak256(b"challenge"), bytes([i]) * 20, True) for i in range(60)]
    assert PREVIOUS not in {drawn_alternative(keccak256(b"challenge"), bytes([i]) * 20, False) for i in range(60)}


@pytest.fixture(scope="module")
def asked(codec):
    keys = [keccak256(b"votes" + i.to_bytes(4, "big")) for i in range(ROLLOUTS)]
    return [RolloutRequest(codec.encode(Arithmetic().problem(key).prompt), key) for key in keys]


@pytest.fixture(scope="module")
def previous(tiny, engine):
    """The version before: what one small step of training makes of the weights, the other way round."""
    other = TransformersEngine(tiny)
    other.use_model(steps_away(engine.model, 1, 1e-4))
    return other


@pytest.fixture(scope="module")
def others(engine, previous):
    return {PREVIOUS: previous, **{name: engine.approximated(name) for name in APPROXIMATIONS}}


def ballots(engine, other, asked, made, plan):
    shown = [ReplayRequest(r.prompt, r.key, g.tokens) for r, g in zip(asked, made, strict=True)]
    pairs = zip(engine.replay(shown, plan), other.replay(shown, plan), strict=True)
    return [votes(one, two) for one, two in pairs]


def evidence_of(tiny, name, found) -> float:
    evidence = Evidence(load_profile(tiny.folder / CALIBRATION).evidence_nulls())
    for ballot in found:
        evidence.add({name: ballot})
    return evidence.log10


@pytest.mark.parametrize("name", ALTERNATIVES)
def test_the_cheat_is_convicted_by_tokens_alone_and_the_honest_is_not(tiny, engine, others, asked, plan, name):
    other = others[name]
    honest = ballots(engine, other, asked, engine.generate(asked, plan), plan)
    assert evidence_of(tiny, name, honest) < 1
    cheating = ballots(engine, other, asked, other.generate(asked, plan), plan)
    assert sum(len(ballot) for ballot in cheating) > 0
    assert evidence_of(tiny, name, cheating) >= (9 if name != PREVIOUS else 3), "votes of 2,000 short rollouts"


def test_an_approximation_leaves_the_model_as_it_is(engine, others, asked, plan):
    made = engine.generate(asked[:50], plan)
    again = ballots(engine, engine, asked[:50], made, plan)
    assert not any(len(ballot) for ballot in again)
    assert engine.approximated("fp8") is not engine
