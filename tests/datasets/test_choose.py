"""Choices among rows follow from rows and seed alone, and are what they are called."""

import random
from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from grail.datasets.choose import LONGEST_RATIO, Candidate, Kind, Rules, choose
from grail.protocol.hashing import keccak256
from grail.protocol.units import MICRO


def made(number: int, reward: int, length: int, group: int, text: int) -> Candidate:
    return Candidate(
        keccak256(number.to_bytes(4, "big")), (0, "0x", group), reward, length, keccak256(text.to_bytes(4, "big"))
    )


CANDIDATES = st.lists(
    st.tuples(st.sampled_from([0, 300_000, MICRO]), st.integers(1, 40), st.integers(0, 5), st.integers(0, 9)),
    min_size=1, max_size=40,
).map(lambda rows: [made(n, *row) for n, row in enumerate(rows)])  # fmt: skip
RULES = st.builds(
    Rules, kind=st.sampled_from(list(Kind)), top=st.integers(0, 12), margin=st.sampled_from([1, 100_000, MICRO]),
    seed=st.integers(-5, 5),
)  # fmt: skip


@given(CANDIDATES, RULES, st.randoms())
def test_the_order_in_which_rows_come_decides_nothing(candidates, rules, dice: random.Random):
    shuffled = candidates[:]
    dice.shuffle(shuffled)
    assert choose(shuffled, rules) == choose(candidates, rules)


@given(CANDIDATES, RULES)
def test_top_bounds_and_the_best_come_first(candidates, rules):
    chosen = choose(candidates, replace(rules, kind=Kind.SFT))
    assert len(chosen.leaves) == min(len(candidates), rules.top or len(candidates)) and not chosen.pairs
    inside = [one.reward for one in candidates if one.leaf in chosen.leaves]
    outside = [one.reward for one in candidates if one.leaf not in chosen.leaves]
    assert min(inside) >= max(outside, default=0)


@given(CANDIDATES, RULES)
def test_pairs_are_of_one_prompt_apart_by_the_margin_and_alike_in_length(candidates, rules):
    by_leaf = {one.leaf: one for one in candidates}
    chosen = choose(candidates, replace(rules, kind=Kind.DPO))
    assert len(chosen.pairs) <= (rules.top or len(candidates))
    assert chosen.leaves == {leaf for pair in chosen.pairs for leaf in pair}
    groups = []
    for better, worse in chosen.pairs:
        one, other = by_leaf[better], by_leaf[worse]
        assert one.group == other.group and one.reward - other.reward >= rules.margin
        assert max(one.length, other.length) <= LONGEST_RATIO * min(one.length, other.length)
        groups.append(one.group)
    assert len(groups) == len(set(groups)), "one pair a prompt"


@given(CANDIDATES, RULES)
def test_best_is_one_right_answer_a_problem_and_no_text_twice(candidates, rules):
    by_leaf = {one.leaf: one for one in candidates}
    found = [by_leaf[leaf] for leaf in choose(candidates, replace(rules, kind=Kind.BEST, top=0)).leaves]
    assert all(one.reward == MICRO for one in found)
    for unique in ({one.group for one in found}, {one.text for one in found}):
        assert len(unique) == len(found)
    if any(one.reward == MICRO for one in candidates):
        assert found


def test_the_seed_decides_among_equals_and_nothing_else():
    equal = [made(n, MICRO, 10, n, n) for n in range(40)]
    picks = {choose(equal, Rules(Kind.SFT, top=5, seed=seed)).leaves for seed in range(8)}
    assert len(picks) == 8
    better = [made(100 + n, 2 * MICRO, 10, n, n) for n in range(5)]
    assert len({choose([*equal, *better], Rules(Kind.SFT, top=5, seed=seed)).leaves for seed in range(8)}) == 1
