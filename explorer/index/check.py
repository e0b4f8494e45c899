"""The index against the chain's own getters: every neuron, stake, position, balance, payout, vote, case and rule."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, Table, select

from explorer.index.follow import STANDING
from explorer.index.writer import commission_of, held_now, worth
from grail.chain.subnet import Subnet
from grail.governance.policy import BY_NAME
from grail.protocol.units import WindowId
from grail.settlement.payouts import Share
from grail.storage import chain_tables as t
from grail.storage.database import Database


@dataclass(frozen=True, slots=True)
class Difference:
    """One row that the chain contradicts."""

    table: str
    key: str
    index: str
    chain: str


@dataclass(frozen=True, slots=True)
class Checked:
    """What `check` found. `supply_gap`: wei that nobody can account for."""

    rows: int
    differences: tuple[Difference, ...]
    supply_gap: int
    lag: int


Claim = tuple[str, Any, Any, Any]
"""Table, key, what the index says, what the chain says."""


def check(database: Database, subnet: Subnet) -> Checked:
    """Compare all rows that a getter can answer for; the index must stand at the chain's newest block."""
    with database.reading() as connection:
        standing = connection.scalar(select(t.READINGS.c.value).where(t.READINGS.c.name == STANDING)) or {"block": 0}
        claims = [claim for part in PARTS for claim in part(connection, subnet)]
        wrong = [Difference(table, str(key), str(said), str(true)) for table, key, said, true in claims if said != true]
        gap = _supply_gap(connection)
    return Checked(len(claims), tuple(wrong), gap, int(subnet.chain.head().number) - int(standing["block"]))


def _held(connection: Connection, table: Table) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(select(table).where(held_now(table))).mappings()]


def _facts(connection: Connection, table: Table) -> list[Mapping[str, Any]]:
    return [dict(row) for row in connection.execute(select(table).order_by(table.c.place)).mappings()]


def _bytes(text: str) -> bytes:
    return bytes.fromhex(text[2:])


def _money(connection: Connection, subnet: Subnet) -> Iterator[Claim]:
    vault, token = subnet.contracts["StakeVault"], subnet.contracts["GrailToken"]
    for row in _held(connection, t.BALANCES):
        yield "balances", row["account"], row["amount"], subnet.balance(_bytes(row["account"]))
    for row in _held(connection, t.SUPPLY):
        yield "supply", "held", row["minted"] - row["burnt"], token.call("totalSupply")
        yield "supply", "burnt", row["burnt"], token.call("totalBurnt")
    pools = {row["neuron"]: row for row in _held(connection, t.POOLS)}
    rewards = {row["neuron"]: row["per_share"] for row in _held(connection, t.REWARDS)}
    for neuron, row in pools.items():
        yield "pools", neuron, row["stake"], vault.call("stakeOf", _bytes(neuron))
        found = vault.call("poolOf", _bytes(neuron))
        yield "pools", (neuron, "shares"), row["shares"], found["shares"]
        yield "rewards", neuron, rewards.get(neuron, 0), found["rewardPerShare"]
    for row in _held(connection, t.POSITIONS):
        key = _bytes(row["neuron"]), _bytes(row["staker"])
        said = worth(row["shares"], pools[row["neuron"]])
        yield "positions", (row["neuron"], row["staker"]), said, vault.call("positionOf", *key)


def _neurons(connection: Connection, subnet: Subnet) -> Iterator[Claim]:
    rows = {row["neuron"]: row for row in _held(connection, t.NEURONS)}
    for member in subnet.members():
        row, record = rows.get("0x" + member.hex()), subnet.neuron(member)
        said = None if row is None else (row["role"], row["jailed"], row["endpoint"])
        yield "neurons", member.hex(), said, (int(record.role), record.jailed, record.endpoint.replace("\0", "\ufffd"))
        if row is not None:
            commission = commission_of(row, subnet.clock())
            if row["commission_from"]:
                yield (
                    "neurons",
                    (member.hex(), "commission"),
                    commission,
                    subnet.contracts["StakeVault"].call("commissionOf", member),
                )
    seated = {row["validator"]: row["seated"] for row in _held(connection, t.PLACES)}
    for validator, found in seated.items():
        yield "places", validator, found, subnet.contracts["ValidatorSet"].call("isSeated", _bytes(validator))

    for row in _held(connection, t.ALPHAS):
        read = subnet.alpha_reading(_bytes(row["validator"]))
        said = (row["hotkey"], row["counted"], row["read_at"])
        yield "alphas", row["validator"], said, ("0x" + read.hotkey.hex(), read.counted, read.read_at)


def _windows(connection: Connection, subnet: Subnet) -> Iterator[Claim]:
    ledger, pool = subnet.contracts["RolloutLedger"], subnet.contracts["RewardPool"]
    for row in _held(connection, t.WINDOWS):
        window = row["window"]
        drawn = "0x" + ledger.call("beaconOf", window).hex(), "0x" + ledger.call("challengeOf", window).hex()
        yield "windows", window, (row["beacon"], row["challenge"]), drawn
    for row in _facts(connection, t.SETTLEMENTS):
        yield "settlements", row["window"], row["root"], "0x" + pool.call("settlementOf", row["window"])["root"].hex()
    settled = {row["window"] for row in _facts(connection, t.SETTLEMENTS)}
    committed: dict[int, list[str]] = {}
    for row in _facts(connection, t.COMMITMENTS):
        committed.setdefault(row["window"], []).append(row["miner"])
    for window, miners in committed.items():
        true = ["0x" + entry.miner.hex() for entry in subnet.commitments(WindowId(window))]
        yield "commitments", window, miners, true
        yield "settlements", (window, "settled"), window in settled, pool.call("isSettled", window)
    yield from _payouts(connection, subnet)


def _payouts(connection: Connection, subnet: Subnet) -> Iterator[Claim]:
    """What was paid is what the payouts say; what was not claimed is still to be had."""
    paid = {(row["window"], row["account"], row["share"]): row["amount"] for row in _facts(connection, t.CLAIMS)}
    for row in connection.execute(select(t.PAYOUTS)).mappings().all():
        key = row["window"], row["account"], row["share"]
        claimed = subnet.is_paid(WindowId(row["window"]), row["leaf"])
        yield "payouts", key, key in paid, claimed
        if key in paid:
            yield "payouts", (*key, "amount"), row["amount"], paid[key]
    shares = {row["share"] for row in _facts(connection, t.CLAIMS)}
    yield "claims", "shares", shares <= set(map(int, Share)), True


def _justice(connection: Connection, subnet: Subnet) -> Iterator[Claim]:
    stages = ("voting", "ruled", "appealed", "closed")
    cases = {row["number"]: row for row in _held(connection, t.CASES)}
    for case in subnet.cases():
        row = cases.get(case.number)
        said = None if row is None else (row["window"], row["accused"], row["accuser"], row["kind"], row["stage"])
        true = (int(case.window), "0x" + case.accused.hex(), "0x" + case.accuser.hex(), int(case.kind or 0))
        yield "cases", case.number, said, (*true, stages[case.state])
    for row in _facts(connection, t.CONVICTIONS):
        yield "convictions", row["place"], True, subnet.is_convicted(WindowId(row["window"]), _bytes(row["accused"]))
    for row in _facts(connection, t.JUROR_VOTES):
        if row["revealed"]:
            votes = [subnet.vote_of(row["number"], round_, _bytes(row["juror"]))[1] for round_ in (1, 2)]
            yield "juror_votes", row["place"], row["verdict"] in map(int, votes), True


def _votes(connection: Connection, subnet: Subnet) -> Iterator[Claim]:
    governor, token = subnet.contracts["GrailGovernor"], subnet.contracts["GrailToken"]
    tallies = {
        row["number"]: (row["against"], row["in_favour"], row["abstain"]) for row in _held(connection, t.TALLIES)
    }
    for row in _held(connection, t.MOTIONS):
        number = int(row["number"])
        tally = tuple(governor.call("proposalVotes", number))
        yield "tallies", row["number"], tallies.get(row["number"], (0, 0, 0)), tally
        yield "motions", (row["number"], "end"), row["end"], governor.call("proposalDeadline", number)
    for row in _facts(connection, t.BALLOTS):
        yield "ballots", row["place"], True, governor.call("hasVoted", int(row["number"]), _bytes(row["voter"]))
    for row in _held(connection, t.POWER):
        yield "power", row["delegate"], row["votes"], token.call("getVotes", _bytes(row["delegate"]))
    current = subnet.latest_policy().as_dict()
    said = {row["name"]: row["value"] for row in _held(connection, t.POLICY)}
    for name in BY_NAME:
        yield "policy", name, said.get(name), current[name]
    for row in _held(connection, t.ENVIRONMENTS):
        mix = subnet.latest_environments()
        yield "environments", "mix", (tuple(row["ids"]), tuple(row["weights"])), (mix.ids, mix.weights)
    for row in _facts(connection, t.CHECKPOINTS):
        record = subnet.checkpoint(row["version"])
        said_of = row["fingerprint"], row["manifest"], row["active_from"], row["publisher"]
        true = "0x" + record.fingerprint.hex(), "0x" + record.manifest.hex(), int(record.active_from)
        yield "checkpoints", row["version"], said_of, (*true, "0x" + record.publisher.hex())


def _supply_gap(connection: Connection) -> int:
    """Minted, less burnt, less what all accounts hold."""
    supply = sum(row["minted"] - row["burnt"] for row in _held(connection, t.SUPPLY))
    return supply - sum(row["amount"] for row in _held(connection, t.BALANCES))


PARTS: tuple[Callable[[Connection, Subnet], Iterator[Claim]], ...] = (_money, _neurons, _windows, _justice, _votes)
