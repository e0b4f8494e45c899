"""Audits of audits: what an honest replay shows is believed, and nothing else is; an accept is held to what it read."""

import dataclasses

import numpy as np
import pytest

from grail.inference.approximations import quantized
from grail.protocol.audit_proof import ProofName, encode_proof
from grail.protocol.keys import proof_seed
from grail.protocol.records import FaultKind
from grail.verification.audit import audit
from grail.verification.base import Outcome, Verdict
from grail.verification.checking import UNBORNE, UNSHOWN, check_audit
from simulation.adversaries.base import twin
from tests.verification.audit_bench import GROUPS, MINER, SIZE, Bench

CHALLENGE, AUDITOR, OTHER = b"c" * 32, b"a" * 20, b"b" * 20
SEED = proof_seed(CHALLENGE, AUDITOR)


@pytest.fixture(scope="module")
def bench(tiny, codec, engine) -> Bench:
    return Bench.build(tiny, codec, engine)


def shown(bench: Bench, submission=None, *, engine=None, seed: bytes = SEED) -> list[np.ndarray]:
    """The proof that an audit of all places gives by that engine, whatever its verdict."""
    submission = submission or bench.honest
    context, order = bench.context(submission, second=seed), list(submission.places())
    verdict = audit(context, engine or bench.engine, bench.profile, order, budget=len(order))
    if verdict.proof:
        return list(verdict.proof)
    return [context.traces[place].sketch[:, bench.plan.dim :].astype(np.float16) for place in order]


def judged(bench: Bench, proof: bytes | list[np.ndarray], submission=None, **committed) -> Verdict:
    submission = submission or bench.honest
    if not isinstance(proof, bytes):
        proof = encode_proof(ProofName(0, AUDITOR, MINER), proof)
    context = bench.context(submission, second=SEED, **committed)
    return check_audit(context, bench.engine, bench.profile, list(submission.places()), AUDITOR, proof)


def fails(verdict: Verdict, check: str) -> bool:
    found = verdict.finding
    return (verdict.outcome, found.check, found.fault) == (Outcome.FAULT, check, FaultKind.AUDIT)


def test_an_audit_that_was_made_is_believed(bench):
    verdict = judged(bench, shown(bench))
    assert verdict.outcome is Outcome.ACCEPT and verdict.finding.log10_evidence < 1
    assert verdict.rollouts == GROUPS * SIZE


def test_an_audit_on_other_shapes_of_batches_is_believed(bench):
    """Place by place, as another machine might: the null is the noise between two honest replays."""
    alone = [piece for place in bench.honest.places() for piece in _alone(bench, place)]
    assert judged(bench, alone).outcome is Outcome.ACCEPT


def _alone(bench: Bench, place):
    context = bench.context(bench.honest, second=SEED)
    return audit(context, bench.engine, bench.profile, [place], budget=1).proof


def test_invented_states_are_no_proof(bench):
    chance = np.random.default_rng(0)
    invented = [chance.standard_normal(sketch.shape).astype(np.float16) for sketch in shown(bench)]
    assert fails(judged(bench, invented), UNSHOWN)


def test_one_third_read_is_not_enough(bench):
    chance = np.random.default_rng(0)
    true, read = shown(bench), GROUPS * SIZE // 3
    invented = [chance.standard_normal(sketch.shape).astype(np.float16) for sketch in true[read:]]
    assert fails(judged(bench, true[:read] + invented), UNSHOWN)


def test_a_cheaper_model_is_no_replay(bench):
    cheap = twin(bench.engine)
    cheap.use_model(quantized(cheap.model, 4, 32))
    assert fails(judged(bench, shown(bench, engine=cheap)), UNSHOWN)


def test_another_auditors_proof_and_the_miners_own_sketch_are_no_proof(bench):
    assert fails(judged(bench, shown(bench, seed=proof_seed(CHALLENGE, OTHER))), UNSHOWN)
    copied = [bench.honest.groups[g].rollouts[i].sketch for g, i in bench.honest.places()]
    assert fails(judged(bench, copied), UNSHOWN)


def test_places_in_another_order_are_no_proof(bench):
    assert fails(judged(bench, shown(bench)[::-1]), UNSHOWN)


@pytest.mark.parametrize("spoil", [lambda p: p[:-2], lambda p: p + bytes(2), lambda p: b"", lambda p: b"X" + p[1:]])
def test_what_is_no_proof_at_all_is_a_false_one(bench, spoil):
    assert fails(judged(bench, spoil(encode_proof(ProofName(0, AUDITOR, MINER), shown(bench)))), UNSHOWN)


def test_numbers_that_are_none_are_no_proof(bench):
    odd = shown(bench)
    odd[3] = np.full_like(odd[3], np.nan)
    assert fails(judged(bench, odd), UNSHOWN)


def test_whoever_saw_the_right_states_of_wrong_tokens_cannot_accept_them(bench):
    """What a miner hands to a friend may be true: the accept is not."""
    eos = bench.checkpoint.rules.eos_ids[0]
    wrong = bench.tampered(lambda rollout: dataclasses.replace(rollout, tokens=_others(rollout.tokens, eos)))
    assert fails(judged(bench, shown(bench, wrong), wrong), UNBORNE)


def _others(tokens: np.ndarray, eos: int) -> np.ndarray:
    changed = tokens.copy()
    changed[0] = (tokens[0] + 1) % 7 + 3
    return changed if changed[0] != eos else tokens


def test_an_accept_of_a_forged_reward_or_of_a_broken_leaf_is_false(bench):
    forged = bench.tampered(lambda rollout: dataclasses.replace(rollout, reward_micro=rollout.reward_micro + 1))
    assert fails(judged(bench, shown(bench), forged), UNBORNE)
    assert fails(judged(bench, shown(bench), root=bytes(32)), UNBORNE)


def test_margins_that_honest_machines_differ_by_convict_no_auditor(bench):
    """A cheat may put tokens where one machine sees a margin and another none. Each margin is forgiven more than that:
    what convicts the miner is no fault of who did not see it.
    """
    noise = bench.profile.outlier_margin

    class Leaning:
        """An engine that sees every margin as large as honest ones never are, but within what is forgiven."""

        def replay(self, requests, plan):
            traces = bench.engine.replay(requests, plan)
            return [dataclasses.replace(t, margins=np.full_like(t.margins, noise)) for t in traces]

    context = bench.context(bench.honest, second=SEED)
    places, proof = list(bench.honest.places()), encode_proof(ProofName(0, AUDITOR, MINER), shown(bench))
    own = audit(context, Leaning(), bench.profile, places, budget=len(places))
    assert own.outcome is Outcome.FAULT, "for the miner it is far too much"
    context = bench.context(bench.honest, second=SEED)
    assert check_audit(context, Leaning(), bench.profile, places, AUDITOR, proof).outcome is Outcome.ACCEPT
