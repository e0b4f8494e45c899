"""The network's numbers for Prometheus, read from the index when they are asked for."""

from collections import Counter
from collections.abc import Iterator, Mapping

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from sqlalchemy import ColumnElement, exists, func, select

from explorer.views.base import FAULTS, ROLES, WORDS, Look
from explorer.views.money import money
from explorer.views.votes import votes
from explorer.views.windows import windows
from grail.governance.policy import ETHER
from grail.settlement.leaves import UNJUDGED
from grail.storage import chain_tables as t

RECENT = 10
"""Windows that seats and submissions are counted over."""


def metrics(look: Look, age_seconds: float) -> bytes:
    """In Prometheus' text format."""
    registry = CollectorRegistry()
    registry.register(_Numbers(look, age_seconds))
    return generate_latest(registry)


class _Numbers:
    """What the library asks."""

    def __init__(self, look: Look, age_seconds: float) -> None:
        self._look = look
        self._age = age_seconds

    def collect(self) -> Iterator[Metric]:
        """All families."""
        look, stands = self._look, self._look.standing
        yield _one("grail_head_block", "Newest block of the chain", stands["head"])
        yield _one("grail_index_block", "Last block that the index has read", stands["block"])
        yield _one("grail_index_age_seconds", "Since the index was renewed", self._age)
        yield _one("grail_final_block", "Last block that no reorganisation takes away", stands["final"])
        yield _one(
            "grail_window", "The window that runs; -1 before the first", -1 if look.window is None else look.window
        )
        yield from self._windows()
        yield from self._neurons()
        yield from self._justice()
        supply = money(look)
        yield _one("grail_supply_gap_wei", "What does not add up; must be 0", supply["gap"])
        for name in ("minted", "burnt", "slashed"):
            yield _one(f"grail_{name}_tokens", f"GRAIL {name} so far", supply[name] / ETHER)
        stages = Counter(motion["stage"] for motion in votes(look)["motions"])
        yield _many("grail_proposals", "Proposals of token holders by stage", "stage", stages)

    def _windows(self) -> Iterator[Metric]:
        rows = windows(self._look)["windows"]
        settled = [row["window"] for row in rows if row["stage"] == "settled"]
        waiting = [row for row in rows[1:] if row["stage"] in ("settling", "unsettled")]
        yield _one("grail_settled_window", "Newest settled window; -1 while there is none", max(settled, default=-1))
        yield _one("grail_unsettled_windows", "Windows with work, past and not settled", len(waiting))
        last = next((row for row in rows if row["worth"]), None)
        yield _one("grail_committed_tokens", "Of the newest window with work", last["worth"] / 1_000 if last else 0)
        yield _one("grail_submissions", "Of the newest window with work", last["submissions"] if last else 0)
        first = max(0, (self._look.window or 0) - RECENT)
        query = select(t.SEATS.c.word, func.count()).where(t.SEATS.c.window >= first).group_by(t.SEATS.c.word)
        said = {WORDS[word]: count for word, count in self._look.connection.execute(query)}
        yield _many(
            "grail_seats", f"What seats said in the last {RECENT} windows", "word", dict.fromkeys(WORDS, 0) | said
        )
        held = self._look.count(t.PAYOUTS, t.PAYOUTS.c.window >= first, t.PAYOUTS.c.holds > 0, ~_paid())
        unjudged = self._look.count(t.PAYOUTS, t.PAYOUTS.c.window >= first, t.PAYOUTS.c.holds == UNJUDGED, ~_paid())
        yield _one("grail_held_payouts", f"Held by rejections or silence, of the last {RECENT} windows", held)
        yield _one("grail_unjudged_payouts", f"Held because no seat answered, of the last {RECENT} windows", unjudged)
        version = self._look.facts(t.CHECKPOINTS, limit=1)
        yield _one("grail_checkpoint_version", "Newest version of the weights", version[0]["version"] if version else 0)

    def _neurons(self) -> Iterator[Metric]:
        stakes = {row["neuron"]: row["stake"] for row in self._look.held(t.POOLS)}
        count, stake = GaugeMetricFamily("grail_neurons", "Registered", labels=["role", "state"]), Counter[str]()
        states: Counter[tuple[str, str]] = Counter()
        for neuron, row in self._look.neurons.items():
            role = ROLES[row["role"]]
            states[role, "jailed" if row["jailed"] else "free"] += 1
            stake[role] += stakes.get(neuron, 0) / ETHER
        for labels, number in states.items():
            count.add_metric(labels, number)
        yield count
        yield _many("grail_stake_tokens", "GRAIL staked, delegations included", "role", stake)

    def _justice(self) -> Iterator[Metric]:
        query = select(t.CONVICTIONS.c.kind, func.count()).group_by(t.CONVICTIONS.c.kind)
        kinds = {FAULTS[kind]: count for kind, count in self._look.connection.execute(query)}
        yield _many("grail_convictions", "So far", "fault", kinds)
        stages = Counter(row["stage"] for row in self._look.held(t.CASES))
        yield _many("grail_cases", "Before the jury, by stage", "stage", {"voting": 0, "closed": 0} | stages)
        paused = self._look.facts(t.PAUSES, limit=1)
        now = bool(paused and paused[0]["until_block"] > self._look.block)
        yield _one("grail_paused", "1 while the network is paused", now)


def _paid() -> ColumnElement[bool]:
    """The condition that a payout was claimed."""
    same = (t.CLAIMS.c.window == t.PAYOUTS.c.window, t.CLAIMS.c.account == t.PAYOUTS.c.account)
    return exists().where(*same, t.CLAIMS.c.share == t.PAYOUTS.c.share)


def _one(name: str, words: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(name, words, value=float(value))


def _many(name: str, words: str, label: str, values: Mapping[str, float]) -> GaugeMetricFamily:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values.items():
        family.add_metric([key], float(value))
    return family
