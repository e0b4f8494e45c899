"""Which rollouts a data set has: functions of the rows and a seed, the same for everybody."""

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from grail.protocol.hashing import keccak256
from grail.protocol.units import MICRO, Digest

LONGEST_RATIO = 2
"""Of two completions that are compared: how many times longer one may be. Else length is what is learnt."""


class Kind(StrEnum):
    """What a data set is for: whole groups; the best answers; pairs of one prompt; one right answer a problem."""

    GRPO = "grpo"
    SFT = "sft"
    DPO = "dpo"
    BEST = "best"


@dataclass(frozen=True, slots=True)
class Rules:
    """`top`: most rows (pairs for DPO), 0 for all; `margin`: least difference of a pair's rewards, in micro-units;
    `seed`: decides among equals.
    """

    kind: Kind
    top: int = 0
    margin: int = MICRO // 10
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Candidate:
    """What choices go by. `group`: everything with one prompt has one; `text`: digest of prompt and completion;
    `length` in tokens; `reward` in micro-units.
    """

    leaf: Digest
    group: tuple[int, str, int]
    reward: int
    length: int
    text: Digest


@dataclass(frozen=True, slots=True)
class Chosen:
    """Leaves of the rows to have, and of pairs (better, worse); empty but for DPO."""

    leaves: frozenset[Digest]
    pairs: tuple[tuple[Digest, Digest], ...] = ()


def choose(candidates: Iterable[Candidate], rules: Rules) -> Chosen:
    """By the rules; the order in which candidates come decides nothing."""
    luck = _luck(rules.seed)
    all_ = sorted(candidates, key=lambda c: (-c.reward, luck(c)))
    if rules.kind is Kind.DPO:
        pairs = _pairs(all_, rules, luck)
        return Chosen(frozenset(leaf for pair in pairs for leaf in pair), tuple(pairs))
    if rules.kind is Kind.BEST:
        all_ = _one_right_each(all_)
    return Chosen(frozenset(c.leaf for c in (all_[: rules.top] if rules.top else all_)))


def _luck(seed: int) -> Callable[[Candidate], Digest]:
    prefix = keccak256(b"grail/data/1" + seed.to_bytes(8, "big", signed=True))
    return lambda candidate: keccak256(prefix + candidate.leaf)


def _one_right_each(ordered: Sequence[Candidate]) -> list[Candidate]:
    """The first right one of each group, no text twice."""
    groups: set[tuple[int, str, int]] = set()
    texts: set[Digest] = set()
    found = []
    for one in ordered:
        if one.reward >= MICRO and one.group not in groups and one.text not in texts:
            groups.add(one.group)
            texts.add(one.text)
            found.append(one)
    return found


def _pairs(
    ordered: Sequence[Candidate], rules: Rules, luck: Callable[[Candidate], Digest]
) -> list[tuple[Digest, Digest]]:
    """Of each group the best with the worst of like length, where they differ by the margin; the widest first."""
    groups: dict[tuple[int, str, int], list[Candidate]] = defaultdict(list)
    for one in ordered:
        groups[one.group].append(one)
    found: list[tuple[int, Digest, tuple[Digest, Digest]]] = []
    for members in groups.values():
        best = members[0]
        worse = [one for one in reversed(members) if best.reward - one.reward >= rules.margin and _alike(best, one)]
        if worse:
            found.append((worse[0].reward - best.reward, luck(best), (best.leaf, worse[0].leaf)))
    found.sort()
    return [pair for _, _, pair in (found[: rules.top] if rules.top else found)]


def _alike(one: Candidate, other: Candidate) -> bool:
    longer, shorter = max(one.length, other.length), min(one.length, other.length)
    return longer <= LONGEST_RATIO * shorter
