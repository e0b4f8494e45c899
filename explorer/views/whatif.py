"""What a proposal would have changed in the windows before it: what follows from the chain alone, and nothing else."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import or_, select

from explorer.views.base import ROLES, Look, Row
from grail.errors import SettingsError
from grail.governance.acts import Act
from grail.governance.policy import BY_NAME, Floors, Policy, check
from grail.protocol.records import Terms
from grail.settlement.payouts import Budgets, budgets
from grail.storage import chain_tables as t

WINDOWS = 20
PARTS = ("miners", "validators", "trainer", "treasury", "burn")
DIVIDE = {"emission_per_window", "halving_windows", *(f"split_{part}_bps" for part in PARTS)}
"""Numbers that divide a window's emission: what follows from another value is known."""
JOIN = {"min_stake_miner": 1, "min_stake_validator": 2, "min_stake_trainer": 3}
COVER = {"bond_per_group", "max_groups"}


def what_if(look: Look, acts: list[Act]) -> Row:
    """`windows`: what each part of the emission got, and would have got; `notes`: what else can be said; `untold`: the
    numbers of which the past says nothing.
    """
    changes = changes_of(acts)
    windows = _settled(look) if DIVIDE & set(changes) else []
    rows = [row for row in (_window(look, window, changes) for window in windows) if row is not None]
    names = [name for name in changes if name in BY_NAME and name not in DIVIDE | set(JOIN) | COVER]
    if any(act.function == "setEnvironments" for act in acts):
        names.append("environments")
    return {
        "windows": rows,
        "sums": [_sum(rows, part) for part in PARTS] if rows else [],
        "notes": [*_broken(look, changes), *_joining(look, changes), *_covering(look, changes)],
        "untold": names,
    }


def changes_of(acts: list[Act]) -> dict[str, int]:
    """Governed numbers that a proposal sets."""
    found: dict[str, int] = {}
    for act in acts:
        match (act.contract, act.function, act.values):
            case "RewardPolicy", "setMany", (names, values):
                found |= dict(zip(names, values, strict=False))
            case "RewardPolicy", "set", (name, value):
                found[name] = value
    return found


def policy_at(look: Look, block: int) -> dict[str, int]:
    """The governed numbers that hold for a window which begins with a block."""
    place = (block + 1) << t.PLACE_BITS
    where = [t.POLICY.c.since < place, or_(t.POLICY.c.until.is_(None), t.POLICY.c.until >= place)]
    found = look.connection.execute(select(t.POLICY).where(*where))
    return {row.name: row.value for row in found if row.name in BY_NAME}


def _broken(look: Look, changes: Mapping[str, int]) -> list[str]:
    """What the contract would refuse when it is executed."""
    known = policy_at(look, look.block)
    if not changes or not known:
        return []
    try:
        check(known | dict(changes), Floors(**look.standing["floors"]))
    except SettingsError as error:
        return [f"it could not be executed as the rules stand: {error}"]
    return []


def _settled(look: Look) -> list[Row]:
    return look.facts(t.SETTLEMENTS, limit=WINDOWS)


def _window(look: Look, settled: Row, changes: Mapping[str, int]) -> Row | None:
    window = settled["window"]
    where = [t.STATEMENTS.c.window == window, t.STATEMENTS.c.root == settled["root"]]
    stated = look.facts(t.STATEMENTS, *where, limit=1)
    values = policy_at(look, look.begins(window))
    if not stated or len(values) != len(BY_NAME):
        return None
    terms = Terms(root=b"", whole=stated[0]["whole"], due=stated[0]["due"], earned=stated[0]["earned"])
    policy, other = Policy(**values), Policy(**{**values, **{n: v for n, v in changes.items() if n in BY_NAME}})
    emission, trainer = stated[0]["emission"], _had_trainer(look, window)
    wanted = other.emission_per_window >> min(255, window // other.halving_windows)
    full = policy.emission_per_window >> min(255, window // policy.halving_windows)
    would = wanted if emission == full else min(wanted, emission)  # where the cap was reached there is no more
    before = _paid(budgets(policy, emission, terms, trainer=trainer), terms)
    after = _paid(budgets(other, would, terms, trainer=trainer), terms)
    return {"window": window, "was": before, "would": after}


def _had_trainer(look: Look, window: int) -> bool:
    made = look.connection.scalar(select(t.CHECKPOINTS.c.version).where(t.CHECKPOINTS.c.active_from <= window).limit(1))
    return made is not None


def _paid(parts: Budgets, terms: Terms) -> dict[str, int]:
    """Wei by part; what nobody earned is not minted."""
    if not terms.whole:
        return dict.fromkeys(PARTS, 0)
    return {
        "miners": parts.miner(terms.due), "validators": parts.validator(terms.earned), "trainer": parts.trainer,
        "treasury": parts.treasury, "burn": parts.burn,
    }  # fmt: skip


def _sum(rows: list[Row], part: str) -> Row:
    was, would = (sum(row[which][part] for row in rows) for which in ("was", "would"))
    return {"part": part, "was": was, "would": would}


def _joining(look: Look, changes: Mapping[str, int]) -> list[str]:
    """Who has less stake now than would be asked for."""
    notes = []
    pools = {row["neuron"]: row["stake"] for row in look.held(t.POOLS)}
    for name in sorted(set(changes) & set(JOIN)):
        of_role = [neuron for neuron, row in look.neurons.items() if row["role"] == JOIN[name] and not row["jailed"]]
        short = sum(pools.get(neuron, 0) < changes[name] for neuron in of_role)
        notes.append(f"{short} of {len(of_role)} {ROLES[JOIN[name]]}s have less stake than that now")
    return notes


def _covering(look: Look, changes: Mapping[str, int]) -> list[str]:
    """Submissions whose groups the stake would not have covered, or which had too many."""
    if not COVER & set(changes) or look.window is None:
        return []
    now = policy_at(look, look.block)
    bond, most = (changes.get(name, now.get(name, 1)) for name in ("bond_per_group", "max_groups"))
    pools = {row["neuron"]: row["stake"] for row in look.held(t.POOLS)}
    first = max(0, look.window - WINDOWS + 1)
    rows: list[Any] = look.facts(t.COMMITMENTS, t.COMMITMENTS.c.window >= first)
    over = sum(row["groups"] > min(most, pools.get(row["miner"], 0) // max(1, bond)) for row in rows)
    return [f"{over} of the last {len(rows)} submissions had more groups than the stake of now would cover"]
