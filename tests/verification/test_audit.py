"""Tampering with every field of a leaf is caught, each by the check that should catch it; honest work passes."""

import dataclasses

import numpy as np
import pytest

from grail.environments.base import RIGHT, WRONG
from grail.protocol.codec import encode
from grail.protocol.constants import FINISH_EOS, FINISH_LENGTH
from grail.protocol.records import FaultKind
from grail.verification.audit import SUSPICION
from grail.verification.base import Outcome
from grail.verification.checks.reward import RewardCheck
from grail.verification.evidence import add_up
from tests.verification.audit_bench import SIZE, Bench, shifted


@pytest.fixture(scope="module")
def bench(tiny, codec, engine) -> Bench:
    return Bench.build(tiny, codec, engine)


def test_honest_work_is_accepted_and_paid_by_token(bench):
    verdict = bench.judge(bench.honest)
    assert verdict.outcome is Outcome.ACCEPT
    assert verdict.tokens == verdict.n_tokens == bench.honest.n_tokens > 0
    assert verdict.finding.log10_evidence == 0


def with_a_lie(rollout):
    """The same with a first logprob of its own."""
    logprobs = rollout.logprobs.copy()
    logprobs[0] = shifted(logprobs, -1)[0]
    return dataclasses.replace(rollout, logprobs=logprobs)


def test_suspicion_outlives_the_budget(bench):
    """Two rollouts with a logprob of their own are too little for a verdict, and enough to be read on."""
    budget = SIZE + 1
    assert bench.judge(bench.honest, budget=budget).rollouts == budget
    liars = [
        dataclasses.replace(group, rollouts=(with_a_lie(group.rollouts[0]), *group.rollouts[1:]))
        for group in bench.honest.groups[:2]
    ]
    work = dataclasses.replace(bench.honest, groups=(*liars, *bench.honest.groups[2:]))
    verdict = bench.judge(work, budget=budget)
    assert verdict.rollouts > budget and verdict.outcome is not Outcome.FAULT
    assert verdict.finding.log10_evidence >= SUSPICION


def test_evidence_too_small_for_one_window_adds_up_over_windows(bench):
    """One rollout of sixteen with a logprob of its own: unpunished in each window by itself, a fault after several."""
    first, *rest = bench.honest.groups
    lie = with_a_lie(first.rollouts[0])
    work = dataclasses.replace(
        bench.honest, groups=(dataclasses.replace(first, rollouts=(lie, *first.rollouts[1:])), *rest)
    )
    assert bench.judge(work).outcome is Outcome.ACCEPT
    carried, outcomes = None, []
    for _ in range(40):
        verdict = bench.judge(work, carried=carried)
        carried = add_up([carried or {}, verdict.added])
        outcomes.append(verdict.outcome)
        if verdict.outcome is Outcome.FAULT:
            break
    assert outcomes[0] is Outcome.ACCEPT and outcomes[-1] is Outcome.FAULT
    assert "over its last windows" in verdict.finding.reason


def test_honesty_over_windows_buys_no_suspicion(bench):
    carried = None
    for _ in range(20):
        verdict = bench.judge(bench.honest, carried=carried)
        carried = add_up([carried or {}, verdict.added])
        assert verdict.outcome is Outcome.ACCEPT and verdict.finding.log10_evidence == 0


def test_a_verdict_has_no_truth_value(bench):
    with pytest.raises(TypeError, match="compare its outcome"):
        bool(bench.judge(bench.honest))


@pytest.mark.parametrize("field", ["window", "miner", "checkpoint_version"])
def test_the_blob_must_be_the_committed_one(bench, field):
    lie = {"window": 5, "miner": b"x" * 20, "checkpoint_version": 2}[field]
    verdict = bench.judge(bench.honest, **{field: lie})
    assert (verdict.outcome, verdict.finding.check) == (Outcome.FAULT, "structure")


def test_a_root_of_other_leaves(bench):
    verdict = bench.judge(bench.honest, root=bytes(32))
    assert (verdict.outcome, verdict.finding.check) == (Outcome.FAULT, "structure")


def test_garbage_is_a_fault_in_words(bench):
    verdict = bench.judge(bench.honest, blob=encode(bench.honest, bench.limits)[:-1])
    assert verdict.finding.fault is FaultKind.STRUCTURE and "truncated" in verdict.finding.reason


def test_another_environment_is_an_on_chain_fault(bench):
    groups = (dataclasses.replace(bench.honest.groups[0], env_id=bytes(32)), *bench.honest.groups[1:])
    verdict = bench.judge(dataclasses.replace(bench.honest, groups=groups))
    assert verdict.finding.check == "derivation" and verdict.finding.fault is FaultKind.DERIVATION
    assert verdict.finding.place == (0, 0)


def test_another_prompt_is_a_fault(bench):
    groups = (*bench.honest.groups[:3], dataclasses.replace(bench.honest.groups[3], prompt_hash=bytes(32)))
    verdict = bench.judge(dataclasses.replace(bench.honest, groups=groups))
    assert (verdict.outcome, verdict.finding.check) == (Outcome.FAULT, "derivation")
    assert verdict.finding.place == (3, 0)


def test_groups_in_another_order_are_a_fault(bench):
    verdict = bench.judge(dataclasses.replace(bench.honest, groups=bench.honest.groups[::-1]))
    assert (verdict.outcome, verdict.finding.check) == (Outcome.FAULT, "derivation")


@pytest.mark.parametrize("claimed", [RIGHT, WRONG])
def test_a_wrong_reward_is_a_fault(bench, claimed):
    work = bench.tampered(lambda r: dataclasses.replace(r, reward_micro=RIGHT + WRONG - r.reward_micro))
    verdict = bench.judge(work)
    assert (verdict.outcome, verdict.finding.check) == (Outcome.FAULT, "reward")
    assert verdict.finding.fault is FaultKind.REWARD


def with_another_token(rollout):
    """The same with a first token of its own."""
    tokens = rollout.tokens.copy()
    tokens[0] = (tokens[0] + 3) % 10
    return dataclasses.replace(rollout, tokens=tokens)


@pytest.mark.parametrize("decades", [1, 6])
def test_whoever_accuses_needs_more_evidence_than_whoever_judges(bench, decades):
    """An accuser that has only just enough would lose its bond to a juror whose hardware reads a little less."""
    work = regraded(bench, bench.tampered(with_another_token))
    juror, accuser = bench.judge(work), bench.judge(work, beyond=decades)
    assert juror.outcome is accuser.outcome is Outcome.FAULT
    assert accuser.finding.log10_evidence >= 9 + decades and accuser.rollouts >= juror.rollouts
    beyond = bench.judge(work, beyond=1e6)
    assert beyond.outcome is Outcome.REJECT and beyond.finding.fault is None, "not enough to accuse, too much to pay"


def test_other_tokens_are_a_fault(bench):
    verdict = bench.judge(regraded(bench, bench.tampered(with_another_token)))
    assert verdict.outcome is Outcome.FAULT and verdict.finding.fault is FaultKind.REPLAY
    assert verdict.finding.log10_evidence >= 9


def test_tokens_that_the_model_did_not_say_are_not_graded(bench, monkeypatch):
    """A grader may run a program for seconds: whoever sends rubbish must not make others run it."""
    monkeypatch.setattr(RewardCheck, "run", lambda *_: pytest.fail("graded"))
    assert bench.judge(bench.tampered(with_another_token)).outcome is Outcome.FAULT


def test_an_early_stop_is_caught(bench, tiny):
    """Cut to an immediate EOS: well formed, but no such token was mandated."""

    def cut(rollout):
        return dataclasses.replace(
            rollout,
            tokens=np.array(tiny.rules.eos_ids, dtype=np.int32),
            logprobs=rollout.logprobs[:1],
            sketch=rollout.sketch[:1],
            finish=FINISH_EOS,
        )

    verdict = bench.judge(regraded(bench, bench.tampered(cut)))
    assert verdict.outcome is Outcome.FAULT and verdict.finding.fault is FaultKind.REPLAY


def test_going_on_after_eos_is_a_fault(bench, tiny):
    def go_on(rollout):
        tokens = np.full(tiny.rules.max_tokens, tiny.rules.eos_ids[0], dtype=np.int32)
        rows = bench.plan.rows(len(tokens))
        return dataclasses.replace(
            rollout,
            tokens=tokens,
            logprobs=np.full(len(tokens), -1, dtype=np.float16),
            sketch=np.repeat(rollout.sketch[:1], rows, axis=0),
            finish=FINISH_EOS,
        )

    verdict = bench.judge(bench.tampered(go_on))
    assert (verdict.outcome, verdict.finding.check) == (Outcome.FAULT, "dialogue")


def test_the_finish_code_must_match(bench):
    flipped = {FINISH_EOS: FINISH_LENGTH, FINISH_LENGTH: FINISH_EOS}
    work = bench.tampered(lambda r: dataclasses.replace(r, finish=flipped[r.finish]))
    assert bench.judge(work).finding.check == "structure"


@pytest.mark.parametrize("by", [-0.05, -0.5])
def test_shifted_logprobs_are_a_fault(bench, by):
    verdict = bench.judge(bench.tampered(lambda r: dataclasses.replace(r, logprobs=shifted(r.logprobs, by))))
    assert (verdict.outcome, verdict.finding.check) == (Outcome.FAULT, "logprobs")


NEGATIVE_CONTROLS = {
    "zeros": np.zeros_like,
    "noise": lambda sketch: np.random.default_rng(0).standard_normal(sketch.shape).astype(np.float16) * np.float16(0.1),
    "reversed": lambda sketch: sketch[:, ::-1].copy(),
}


@pytest.mark.parametrize("name", NEGATIVE_CONTROLS)
def test_a_sketch_that_is_not_of_these_states_is_a_fault(bench, name):
    work = bench.tampered(lambda r: dataclasses.replace(r, sketch=NEGATIVE_CONTROLS[name](r.sketch)))
    verdict = bench.judge(work)
    assert (verdict.outcome, verdict.finding.check) == (Outcome.FAULT, "sketch")


def regraded(bench: Bench, work):
    """Honest rewards for tampered tokens, so that the reward check does not answer first."""
    groups = []
    for number, group in enumerate(work.groups):
        mandate = bench.mandates.group(number)
        rollouts = tuple(
            dataclasses.replace(
                r,
                reward_micro=mandate.environment.grade(mandate.problem, bench.codec.decode(r.tokens)).reward_micro,
            )
            for r in group.rollouts
        )
        groups.append(dataclasses.replace(group, rollouts=rollouts))
    return dataclasses.replace(work, groups=tuple(groups))
