"""Neurons: who takes part, with what stake, what each earned and why."""

from collections import defaultdict

from sqlalchemy import func, select

from explorer.index.projections.neurons import NO_DIGEST
from explorer.index.writer import block_of, commission_of, worth
from explorer.views.base import FAULTS, ROLES, WORDS, Look, NotThere, Row
from explorer.views.returns import returns_of
from explorer.views.why import reason
from grail.protocol.ss58 import ss58
from grail.storage import chain_tables as t

SHOWN_WINDOWS = 30
COMPARED_WINDOWS = 100
ORDERS = ("stake", "earned", "delegated", "faults", "role", "joined")


def neurons(look: Look, role: str | None = None, order: str = "stake") -> Row:
    """All neurons. Raises NotThere for an order that there is not."""
    if order not in ORDERS:
        raise NotThere(f"expected an order among {', '.join(ORDERS)}")
    rows = rows_of(look)
    if role:
        rows = [row for row in rows if row["role"] == role]
    rows.sort(key=lambda row: row["neuron"])
    rows.sort(key=lambda row: row[order], reverse=order not in ("role", "joined"))
    return {"neurons": rows, "role": role, "order": order}


def rows_of(look: Look) -> list[Row]:
    """Every neuron as it stands now."""
    pools = {row["neuron"]: row for row in look.held(t.POOLS)}
    own: dict[str, int] = {}
    for row in look.held(t.POSITIONS, t.POSITIONS.c.neuron == t.POSITIONS.c.staker):
        own[row["neuron"]] = row["shares"]
    earned = {row["account"]: row["amount"] for row in look.held(t.EARNED)}
    faults: dict[str, int] = defaultdict(int)
    for (accused,) in look.connection.execute(select(t.CONVICTIONS.c.accused)):
        faults[accused] += 1
    alphas = {row["validator"]: row for row in look.held(t.ALPHAS)}
    seated = {row["validator"] for row in look.held(t.PLACES, t.PLACES.c.seated.is_(True))}
    first = select(t.NEURONS.c.neuron, func.min(t.NEURONS.c.since)).where(t.NEURONS.c.role > 0)
    joined = {row[0]: row[1] for row in look.connection.execute(first.group_by(t.NEURONS.c.neuron))}
    found = []
    for neuron, row in look.neurons.items():
        pool = pools.get(neuron, {"stake": 0, "shares": 0})
        mine = worth(own.get(neuron, 0), pool)
        found.append(
            {
                "neuron": neuron,
                "role": ROLES[row["role"]],
                "stake": pool["stake"],
                "delegated": pool["stake"] - mine,
                "commission_bps": commission_of(row, look.standing["clock"]),
                "earned": earned.get(neuron, 0),
                "faults": faults[neuron],
                "jailed": row["jailed"],
                "active": neuron in seated if row["role"] == 2 else row["approved"] if row["role"] == 3 else True,
                "joined": block_of(joined[neuron]),
                "hotkey": row["hotkey"],
                "bittensor_hotkey": _ss58(alphas.get(neuron, {}).get("hotkey", NO_DIGEST), row["ss58"]),
                "alpha": alphas[neuron]["counted"] if neuron in alphas else 0,
                "endpoint": row["endpoint"],
            }
        )
    return found


def _ss58(*named: str) -> str:
    """The first hotkey that is one, as people of Bittensor write it; empty where there is none."""
    return next((ss58(bytes.fromhex(key[2:])) for key in named if key != NO_DIGEST), "")


def neuron(look: Look, address: str) -> Row:
    """One neuron, with its last windows. Raises NotThere."""
    found = next((row for row in rows_of(look) if row["neuron"] == address), None)
    if found is None:
        raise NotThere(f"no neuron {address} is registered")
    last = look.window if look.window is not None else -1
    first = max(0, last - SHOWN_WINDOWS + 1)
    pool = next((row for row in look.held(t.POOLS, t.POOLS.c.neuron == address)), {"stake": 0, "shares": 0})
    stakers = [
        {"staker": row["staker"], "stake": worth(row["shares"], pool)}
        for row in look.held(t.POSITIONS, t.POSITIONS.c.neuron == address)
        if row["shares"]
    ]
    claims = look.facts(t.CLAIMS, t.CLAIMS.c.account == address)
    return {
        **found,
        "windows": [reason(look, address, number) for number in range(last, first - 1, -1)],
        "stakers": sorted(stakers, key=lambda row: -row["stake"]),
        "earnings": _earnings(claims, first, last),
        "returns": returns_of(look, [address])[address],
        "slashes": look.facts(t.SLASHES, t.SLASHES.c.neuron == address),
        "convictions": [
            {**row, "fault": FAULTS[row["kind"]]}
            for row in look.facts(t.CONVICTIONS, t.CONVICTIONS.c.accused == address)
        ],
        "pledges": look.facts(t.PLEDGES, t.PLEDGES.c.miner == address, limit=10),
        "commissions": commission_history(look, address),
    }


def _earnings(claims: list[Row], first: int, last: int) -> list[Row]:
    by_window: dict[int, int] = defaultdict(int)
    for row in claims:
        if not row["expired"]:
            by_window[row["window"]] += row["amount"]
    return [{"window": number, "amount": by_window[number]} for number in range(first, last + 1)]


def commission_history(look: Look, address: str) -> list[Row]:
    """Each commission that was announced, oldest first."""
    query = select(t.NEURONS).where(t.NEURONS.c.neuron == address, t.NEURONS.c.commission_from > 0)
    rows = look.connection.execute(query.order_by(t.NEURONS.c.since)).mappings().all()
    seen: dict[tuple[int, int], Row] = {}
    for row in rows:
        seen.setdefault(
            (row["next_commission"], row["commission_from"]),
            {
                "bps": row["next_commission"],
                "from_clock": row["commission_from"],
                "block": block_of(row["since"]),
            },
        )
    return list(seen.values())


def validators(look: Look) -> Row:
    """Validators side by side: how many seats each held, how it answered, and how often others said otherwise."""
    counts: dict[str, Row] = defaultdict(lambda: dict.fromkeys((*WORDS, "disagreed"), 0))
    said: dict[tuple[int, int], list[tuple[str, int]]] = defaultdict(list)
    first = max(0, (look.window or 0) - COMPARED_WINDOWS + 1)
    query = select(t.SEATS.c.window, t.SEATS.c.number, t.SEATS.c.validator, t.SEATS.c.word)
    for window, number, validator, word in look.connection.execute(query.where(t.SEATS.c.window >= first)):
        counts[validator][WORDS[word]] += 1
        said[window, number].append((validator, word))
    for seats in said.values():
        words = {word for _, word in seats if word in (1, 2)}
        if len(words) == 2:
            for validator in {validator for validator, word in seats if word in words}:
                counts[validator]["disagreed"] += 1
    rows = [row for row in rows_of(look) if row["role"] == "validator"]
    rests = {row["validator"]: row["window"] for row in look.held(t.RESTS, t.RESTS.c.announced.is_(True))}
    audits = [
        {**row, "fault": FAULTS[row["kind"]]} for row in look.facts(t.CONVICTIONS, t.CONVICTIONS.c.kind.in_((8, 9)))
    ]
    return {
        "validators": [
            {**row, **counts[row["neuron"]], "rests_from": rests.get(row["neuron"])}
            for row in sorted(rows, key=lambda row: -row["stake"])
        ],
        "audits_of_audits": audits,
        "since_window": first,
        "has_alpha": any(row["alpha"] for row in rows),
    }
