"""What may be gained by choosing after the beacon, and what pledges leave of it: the strategies, played by lot.

Reporting only (floats, a seeded generator): nothing here decides money. The rule that is played is the real one,
`Record.paid`.
"""

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from grail.protocol.pledges import Past, Record
from grail.protocol.records import Commitment
from grail.protocol.units import CheckpointVersion, WindowId

WINDOWS = 2_000
KEYS = 400
"""Keys that are ground in a window: some two seconds' work."""


@dataclass(frozen=True, slots=True)
class Picking:
    """One strategy. Gains are relative to an honest miner's pay for as many groups: 0 is no gain, -1 is no pay.

    `before`: where pay is worth and anybody who is active may commit. `after`: with pledges, and with only those who
    were active before the beacon could be known.
    """

    name: str
    before: float
    after: float


@dataclass(frozen=True, slots=True)
class Mix:
    """Environments by weight, and what a token of each earns in thousandths; all answers equally long."""

    weights: Sequence[int]
    rewards: Sequence[int]

    @property
    def mean(self) -> float:
        """Of a group's worth."""
        return sum(w * r for w, r in zip(self.weights, self.rewards, strict=True)) / sum(self.weights)

    def draw(self, dice: random.Random, groups: int) -> list[int]:
        """Worth of a submission's groups."""
        return dice.choices(self.rewards, self.weights, k=groups)


Choice = Callable[[list[list[int]]], list[int]]
"""From the worth of every identity's groups to how many each delivers."""


def pickings(mix: Mix, *, windows: int, identities: int, groups: int, seed: int = 0) -> list[Picking]:
    """Each strategy over many windows. `windows`: that reliability is measured over; `groups`: of a submission."""
    dice = random.Random(seed)
    fair = mix.mean * groups
    ground = sum(max(sum(mix.draw(dice, groups)) for _ in range(KEYS)) for _ in range(WINDOWS // KEYS))
    late = sum(max(sum(mix.draw(dice, groups)), fair) for _ in range(WINDOWS))
    return [
        Picking("ground keys: the best of 400, registered after the beacon", ground * KEYS / WINDOWS / fair - 1, -1.0),
        Picking("late stake: more groups where they pay better than elsewhere", late / WINDOWS / fair - 1, 0.0),
        _played("picked identities: all of the best of them", best_identity, mix, windows, identities, groups, seed),
        _played("picked prefixes: the best beginnings of them", best_prefixes, mix, windows, identities, groups, seed),
    ]


def best_identity(worth: list[list[int]]) -> list[int]:
    """Deliver all of whoever is worth most."""
    best = max(range(len(worth)), key=lambda i: sum(worth[i]))
    return [len(groups) * (i == best) for i, groups in enumerate(worth)]


def best_prefixes(worth: list[list[int]]) -> list[int]:
    """Deliver as many groups as one identity has, of those beginnings that pay best on average."""
    left, taken = len(worth[0]), [0] * len(worth)
    while left:
        steps = [step for i, groups in enumerate(worth) for step in _beginnings(i, groups, taken[i], left)]
        _, who, length = max(steps)
        left, taken[who] = left - (length - taken[who]), length
    return taken


def _beginnings(who: int, groups: list[int], taken: int, left: int) -> Iterator[tuple[float, int, int]]:
    total = 0
    for length in range(taken + 1, min(len(groups), taken + left) + 1):
        total += groups[length - 1]
        yield total / (length - taken), who, length


def _played(name: str, choose: Choice, mix: Mix, windows: int, identities: int, groups: int, seed: int) -> Picking:
    dice = random.Random(seed)
    past: list[list[Past]] = [[Past(groups, None)] * windows for _ in range(identities)]
    before = after = 0
    for _ in range(WINDOWS):
        worth = [mix.draw(dice, groups) for _ in range(identities)]
        for who, delivered in enumerate(choose(worth)):
            earned = sum(worth[who][:delivered])
            before += earned
            after += Record(groups, past[who]).paid(earned, delivered)
            past[who] = [*past[who][1:], Past(groups, delivering(delivered))]
    fair = mix.mean * groups * WINDOWS
    return Picking(name, before / fair - 1, after / fair - 1)


def delivering(groups: int) -> Commitment | None:
    """A commitment of so many groups, whatever else is in it; None for none."""
    if not groups:
        return None
    return Commitment(
        window=WindowId(0),
        miner=bytes(20),
        root=bytes(32),
        blob_digest=bytes(32),
        n_groups=groups,
        checkpoint_version=CheckpointVersion(1),
        worth=0,
    )
