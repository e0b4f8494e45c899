"""What an index of the chain consists of. Events and readings are the source; all other tables follow from them.

A *fact* is a row that one event made, under the event's place. A *state* is a row that held from one event (`since`)
to another (`until`, empty while it holds): so every table can be wound back to any block, and knows its own past.
A place is a block's number times 2^20 plus the event's number in it.
"""

from sqlalchemy import JSON, BigInteger, Boolean, Column, Index, Integer, SmallInteger, String, Table, Text
from sqlalchemy.types import TypeEngine

from grail.storage.columns import Wei
from grail.storage.tables import Base

PLACE_BITS = 20
ACCOUNT, DIGEST, NUMBER = String(42), String(66), String(78)
Columns = dict[str, TypeEngine]

META = Base.metadata
FACTS: list[Table] = []
STATES: dict[str, Table] = {}
KEYS: dict[str, tuple[str, ...]] = {}
"""Of a state: what it is a state of."""

RAW_EVENTS = Table(
    "chain_events",
    META,
    Column("place", BigInteger, primary_key=True, autoincrement=False),
    Column("block", BigInteger, index=True, nullable=False),
    Column("contract", String(32), nullable=False),
    Column("name", String(32), nullable=False),
    Column("tx", DIGEST, index=True, nullable=False),
    Column("fields", JSON, nullable=False),
)
READINGS = Table(
    "chain_readings",
    META,
    Column("name", String(16), primary_key=True),
    Column("key", NUMBER, primary_key=True),
    Column("block", BigInteger, index=True, nullable=False),
    Column("value", JSON, nullable=False),
)
"""What no event says: values that contracts answered, as of a block."""
BLOCKS = Table(
    "chain_blocks",
    META,
    Column("number", BigInteger, primary_key=True, autoincrement=False),
    Column("time", BigInteger, nullable=False, index=True),
)


def _columns(columns: Columns, indexed: tuple[str, ...]) -> list[Column]:
    return [Column(name, kind, nullable=False, index=name in indexed) for name, kind in columns.items()]


def fact(name: str, columns: Columns, *indexed: str) -> Table:
    """A table of facts."""
    place = Column("place", BigInteger, primary_key=True, autoincrement=False)
    FACTS.append(Table(name, META, place, *_columns(columns, indexed)))
    return FACTS[-1]


def state(name: str, keys: Columns, columns: Columns) -> Table:
    """A table of states of what `keys` name."""
    parts = [Column(key, kind, primary_key=True, autoincrement=False) for key, kind in keys.items()]
    since = Column("since", BigInteger, primary_key=True, autoincrement=False)
    until = Column("until", BigInteger, nullable=True)
    STATES[name] = Table(name, META, *parts, since, until, *_columns(columns, ()), Index(f"ix_{name}_until", "until"))
    KEYS[name] = tuple(keys)
    return STATES[name]


# Money
TRANSFERS = fact("transfers", {"source": ACCOUNT, "target": ACCOUNT, "amount": Wei()}, "source", "target")
EXCHANGES = fact("exchanges", {"holder": ACCOUNT, "amount": Wei()})
BALANCES = state("balances", {"account": ACCOUNT}, {"amount": Wei()})
SUPPLY = state("supply", {"token": String(8)}, {"minted": Wei(), "burnt": Wei()})
POOLS = state("pools", {"neuron": ACCOUNT}, {"stake": Wei(), "shares": Wei()})
POSITIONS = state("positions", {"neuron": ACCOUNT, "staker": ACCOUNT}, {"shares": Wei()})
STAKINGS = fact(
    "stakings",
    {"act": String(16), "neuron": ACCOUNT, "staker": ACCOUNT, "amount": Wei(), "ready_at": BigInteger()},
    "neuron", "staker",
)  # fmt: skip
SLASHES = fact("slashes", {"neuron": ACCOUNT, "amount": Wei()}, "neuron")

# Neurons
NEURONS = state(
    "neurons",
    {"neuron": ACCOUNT},
    {"role": SmallInteger(), "endpoint": Text(), "hotkey": ACCOUNT, "ss58": DIGEST, "jailed": Boolean(),
     "approved": Boolean(), "commission": Integer(), "next_commission": Integer(), "commission_from": BigInteger()},
)  # fmt: skip
PLACES = state("places", {"validator": ACCOUNT}, {"stake": Wei(), "seated": Boolean()})
ALPHAS = state(
    "alphas",
    {"validator": ACCOUNT},
    {"hotkey": DIGEST, "alpha": Wei(), "counted": Wei(), "read_at": BigInteger()},
)
RESTS = state("rests", {"validator": ACCOUNT}, {"window": BigInteger(), "announced": Boolean()})

# Work
WINDOWS = state("windows", {"window": BigInteger()}, {"beacon": DIGEST, "challenge": DIGEST})
ROUNDS = fact("rounds", {"window": BigInteger(), "moment": SmallInteger(), "round": BigInteger()})
PLEDGES = fact("pledges", {"miner": ACCOUNT, "window": BigInteger(), "groups": Integer()}, "miner")
COMMITMENTS = fact(
    "commitments",
    {"window": BigInteger(), "number": Integer(), "miner": ACCOUNT, "groups": Integer(), "worth": BigInteger(),
     "version": BigInteger(), "root": DIGEST, "blob": DIGEST},
    "window", "miner",
)  # fmt: skip
CHECKPOINTS = fact(
    "checkpoints",
    {"version": BigInteger(), "fingerprint": DIGEST, "manifest": DIGEST, "active_from": BigInteger(),
     "publisher": ACCOUNT},
    "version",
)  # fmt: skip
SHEET_COMMITMENTS = fact("sheet_commitments", {"window": BigInteger(), "validator": ACCOUNT}, "window", "validator")
SHEETS = fact(
    "sheets", {"window": BigInteger(), "validator": ACCOUNT, "entries": Text(), "report": DIGEST}, "window", "validator"
)

# Settlement
STATEMENTS = fact(
    "statements",
    {"window": BigInteger(), "number": Integer(), "proposer": ACCOUNT, "root": DIGEST, "whole": Wei(), "due": Wei(),
     "earned": Wei(), "emission": Wei(), "until_clock": BigInteger()},
    "window",
)  # fmt: skip
REFUTATIONS = fact(
    "refutations", {"window": BigInteger(), "number": Integer(), "challenger": ACCOUNT, "leaf": BigInteger()}, "window"
)
DUELS = state(
    "duels",
    {"duel": BigInteger()},
    {"window": BigInteger(), "a": Integer(), "b": Integer(), "leaf": BigInteger(), "depth": Integer(),
     "until_clock": BigInteger(), "ended": Boolean(), "a_stands": Boolean(), "b_stands": Boolean()},
)  # fmt: skip
SETTLEMENTS = fact("settlements", {"window": BigInteger(), "root": DIGEST, "minted": Wei(), "burnt": Wei()}, "window")
CLAIMS = fact(
    "claims",
    {"window": BigInteger(), "account": ACCOUNT, "share": SmallInteger(), "amount": Wei(), "expired": Boolean()},
    "window", "account",
)  # fmt: skip
EARNED = state("earned", {"account": ACCOUNT}, {"amount": Wei(), "claims": Integer()})
"""What an account was paid so far, over all its shares; what expired is not."""
REWARDS = state("rewards", {"neuron": ACCOUNT}, {"per_share": Wei()})
"""What delegators of a neuron were given so far for 10^27 shares, as the vault counts it."""
SEATS = Table(
    "seats",
    META,
    Column("window", BigInteger, primary_key=True, autoincrement=False),
    Column("number", Integer, primary_key=True, autoincrement=False),
    Column("seat", SmallInteger, primary_key=True, autoincrement=False),
    Column("block", BigInteger, index=True, nullable=False),
    Column("validator", ACCOUNT, index=True, nullable=False),
    Column("word", SmallInteger, nullable=False),
)
"""What a seat said of a commitment. From a reading, as the next."""
PAYOUTS = Table(
    "payouts",
    META,
    Column("window", BigInteger, primary_key=True, autoincrement=False),
    Column("leaf", Integer, primary_key=True, autoincrement=False),
    Column("block", BigInteger, index=True, nullable=False),
    Column("account", ACCOUNT, index=True, nullable=False),
    Column("share", SmallInteger, nullable=False),
    Column("worth", Wei(), nullable=False),
    Column("holds", SmallInteger, nullable=False),
    Column("amount", Wei(), nullable=False),
)
"""What a settled window pays whom; `holds`: rejections that must fall before, 255 where no seat answered."""

# Justice
CONVICTIONS = fact(
    "convictions",
    {"window": BigInteger(), "accused": ACCOUNT, "kind": SmallInteger(), "accuser": ACCOUNT, "slashed": Wei()},
    "accused", "window",
)  # fmt: skip
CASES = state(
    "cases",
    {"number": BigInteger()},
    {"window": BigInteger(), "accused": ACCOUNT, "accuser": ACCOUNT, "kind": SmallInteger(), "evidence": DIGEST,
     "stage": String(8), "verdict": SmallInteger(), "appellant": ACCOUNT, "commit_end": BigInteger(),
     "reveal_end": BigInteger()},
)  # fmt: skip
JUROR_VOTES = fact(
    "juror_votes",
    {"number": BigInteger(), "juror": ACCOUNT, "revealed": Boolean(), "verdict": SmallInteger(), "weight": Wei()},
    "number",
)  # fmt: skip
FINES = fact("fines", {"number": BigInteger(), "juror": ACCOUNT, "amount": Wei()}, "number")
OVERTURNS = fact(
    "overturns", {"window": BigInteger(), "miner": ACCOUNT, "validator": ACCOUNT, "paid": Wei()}, "window", "miner"
)

# Votes
MOTIONS = state(
    "motions",
    {"number": NUMBER},
    {"proposer": ACCOUNT, "description": Text(), "digest": DIGEST, "calls": JSON(), "start": BigInteger(),
     "end": BigInteger(), "ready_at": BigInteger(), "stage": String(8)},
)  # fmt: skip
TALLIES = state("tallies", {"number": NUMBER}, {"in_favour": Wei(), "against": Wei(), "abstain": Wei()})
"""Apart from motions, whose texts may be long and whose votes many."""
BALLOTS = fact(
    "ballots",
    {"number": NUMBER, "voter": ACCOUNT, "support": SmallInteger(), "weight": Wei(), "reason": Text()},
    "number", "voter",
)  # fmt: skip
POWER = state("power", {"delegate": ACCOUNT}, {"votes": Wei()})
DELEGATIONS = state("delegations", {"delegator": ACCOUNT}, {"delegate": ACCOUNT})
POLICY = state("policy", {"name": String(66)}, {"value": Wei()})
ENVIRONMENTS = state("environments", {"mix": String(8)}, {"ids": JSON(), "weights": JSON(), "rewards": JSON()})
PAUSED = state(
    "paused", {"switch": String(8)}, {"before": BigInteger(), "first": BigInteger(), "until_block": BigInteger()}
)
"""The newest pause, from block `first` up to `until_block`, and how many blocks all before it took."""
PAUSES = fact("pauses", {"first": BigInteger(), "until_block": BigInteger()})
ADMINISTRATION = fact("administration", {"contract": String(32), "name": String(32), "fields": JSON()})
"""Owners, roles, the timelock's calls, the governor's own settings."""

DERIVED = [*FACTS, *STATES.values(), SEATS, PAYOUTS]

# Reports: what was fetched of them, and what they claim. No part of the chain, and not made anew with it.
_FETCHED: Columns = {"state": String(8), "tries": Integer(), "again_at": BigInteger()}
AUDIT_REPORTS = Table(
    "audit_reports",
    META,
    Column("window", BigInteger, primary_key=True, autoincrement=False),
    Column("validator", ACCOUNT, primary_key=True),
    *_columns({"digest": DIGEST, **_FETCHED}, ()),
)
"""`state`: read, missing (nobody delivers it), odd (it is no report); `again_at`: when it is asked for again."""
AUDIT_CLAIMS = Table(
    "audit_claims",
    META,
    Column("window", BigInteger, primary_key=True, autoincrement=False),
    Column("validator", ACCOUNT, primary_key=True),
    Column("miner", ACCOUNT, primary_key=True, index=True),
    *_columns(
        {"outcome": String(8), "check": String(40), "reason": Text(), "evidence": BigInteger(), "place": JSON(),
         "rollouts": BigInteger(), "tokens": BigInteger(), "proven": Boolean()},
        (),
    ),
)  # fmt: skip
TRAINING_REPORTS = Table(
    "training_reports",
    META,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    *_columns({"manifest": DIGEST, **_FETCHED, "said": JSON()}, ()),
)
"""`state`: also none, where a version came without a report."""
