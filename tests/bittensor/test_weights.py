"""From payouts to weights: integers, and as the SDK would have them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from grail.chain.bittensor.base import U16, Peer, Reason, Rules, WeightsRefused
from grail.chain.bittensor.binding import Bound
from grail.chain.bittensor.weights import rows_of, vector_of

RULES = Rules(
    tempo=360, commit_reveal=False, rate_limit=100, min_weights=1, max_weight=U16, version_key=0, stake_threshold=0,
    reveal_epochs=1,
)  # fmt: skip
SCORES = st.dictionaries(st.integers(0, 255), st.integers(0, 1 << 64), max_size=64)


def bound_of(uids: list[int]) -> Bound:
    peers = {
        bytes([uid]) * 20: Peer(
            uid=uid,
            hotkey=f"key{uid}",
            key=bytes([uid]) * 32,
            coldkey="cold",
            registered_at=1,
            permit=False,
            stake=0,
            last_update=0,
        )
        for uid in uids
    }
    return Bound(peers, {uid: f"key{uid}" for uid in uids}, ())


def rows(scores: dict[int, int], whole: int | None = None, burn: int | None = None):
    return rows_of({bytes([uid]) * 20: n for uid, n in scores.items()}, whole or 0, bound_of(list(scores)), burn)


@settings(max_examples=1_000, deadline=None)
@given(SCORES)
def test_settlements_are_what_the_sdk_would_make_of_them(scores):
    compared(scores)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(SCORES)
def test_ten_thousand_settlements_are_what_the_sdk_would_make_of_them(scores):
    compared(scores)


def compared(scores: dict[int, int]) -> None:
    normalize = pytest.importorskip("bittensor.intents.weights").normalize
    if not any(scores.values()):
        with pytest.raises(WeightsRefused) as refused:
            rows(scores)
        assert refused.value.reason is Reason.NO_SETTLEMENT
        return
    found = {row.uid: row.u16 for row in rows(scores)}
    theirs = dict(zip(*normalize(list(scores), [float(n) for n in scores.values()]), strict=True))
    assert all(abs(found.get(uid, 0) - theirs.get(uid, 0)) <= 1 for uid in {*found, *theirs})
    largest = max(scores.values())
    for uid, score in scores.items():
        assert found.get(uid, 0) == score * U16 // largest
    ordered = sorted(scores, key=lambda uid: scores[uid])
    assert [found.get(uid, 0) for uid in ordered] == sorted(found.get(uid, 0) for uid in ordered)
    assert max(found.values()) == U16 and 0 not in found.values()


def test_ties_are_exact_and_the_order_of_miners_does_not_matter():
    scores = {3: 7, 1: 7, 2: 14}
    assert [(row.uid, row.u16) for row in rows(scores)] == [(1, 32_767), (2, U16), (3, 32_767)]
    assert rows(dict(reversed(scores.items()))) == rows(scores)


def test_what_nobody_bound_has_earned_is_burnt():
    assert [(r.uid, r.score) for r in rows({1: 30}, whole=100, burn=9)] == [(1, 30), (9, 70)]
    assert [(r.uid, r.score) for r in rows({1: 100}, whole=100, burn=9)] == [(1, 100)]
    assert [(r.uid, r.score) for r in rows({}, whole=100, burn=9)] == [(9, 100)]
    stranger = rows_of({b"\7" * 20: 60, b"\1" * 20: 40}, 100, bound_of([1]), 9)
    assert [(r.uid, r.score) for r in stranger] == [(1, 40), (9, 60)]
    assert [(r.uid, r.score) for r in rows_of({b"\7" * 20: 60, b"\1" * 20: 40}, 100, bound_of([1]), None)] == [(1, 40)]


@pytest.mark.parametrize(
    ("scores", "changed", "reason"),
    [({1: 5, 2: 5}, {"min_weights": 3}, Reason.TOO_FEW), ({1: 5, 2: 5}, {"max_weight": 30_000}, Reason.TOO_LARGE)],
)
def test_a_vector_that_the_subnet_would_not_take_is_neither_filled_up_nor_cut(scores, changed, reason):
    rules = Rules(**{**{name: getattr(RULES, name) for name in RULES.__slots__}, **changed})
    with pytest.raises(WeightsRefused) as refused:
        vector_of(rows(scores), rules, 77)
    assert refused.value.reason is reason
    assert vector_of(rows({77: 5}), rules, 77) == ((77, U16),), "a weight for oneself is excepted by the chain"
    assert vector_of(rows(scores), RULES, 77) == ((1, U16), (2, U16))
