"""The tables, nothing else. Amounts in wei are decimal strings: SQLite integers end at 2^63."""

from sqlalchemy import JSON, String, UniqueConstraint
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column


class Base(DeclarativeBase):
    """All tables of one node."""


class Done(Base):
    """A duty of a window that is done, with what must be remembered to go on (salts, digests)."""

    __tablename__ = "done"
    __table_args__ = (UniqueConstraint("neuron", "duty", "window"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    neuron: Mapped[str] = mapped_column(String(42), index=True)
    duty: Mapped[str] = mapped_column(String(32))
    window: Mapped[int] = mapped_column(index=True)
    note: Mapped[dict] = mapped_column(JSON)


class VerdictRow(Base):
    """One audit's outcome."""

    __tablename__ = "verdicts"
    __table_args__ = (UniqueConstraint("validator", "window", "miner"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    validator: Mapped[str] = mapped_column(String(42))
    window: Mapped[int] = mapped_column(index=True)
    miner: Mapped[str] = mapped_column(String(42))
    outcome: Mapped[str] = mapped_column(String(10))
    check: Mapped[str] = mapped_column(String(20))
    reason: Mapped[str]
    log10_evidence: Mapped[float]
    rollouts: Mapped[int]
    tokens: Mapped[int]
    fault: Mapped[int]
    place: Mapped[list] = mapped_column(JSON)
    added: Mapped[dict] = mapped_column("carried", JSON)


class DraftRow(Base):
    """One group that a miner has finished and not committed yet."""

    __tablename__ = "drafts"
    miner: Mapped[str] = mapped_column(String(42), primary_key=True)
    key: Mapped[str] = mapped_column(String(64), primary_key=True)
    made: Mapped[bytes]


class EventRow(Base):
    """One decoded chain event."""

    __tablename__ = "events"
    __table_args__ = (UniqueConstraint("block", "log_index"),)
    id: Mapped[int] = mapped_column(primary_key=True)
    block: Mapped[int] = mapped_column(index=True)
    log_index: Mapped[int]
    contract: Mapped[str] = mapped_column(String(32))
    name: Mapped[str] = mapped_column(String(32))
    fields: Mapped[dict] = mapped_column(JSON)


class CursorRow(Base):
    """Where an event reader stands."""

    __tablename__ = "cursors"
    name: Mapped[str] = mapped_column(String(64), primary_key=True)
    marks: Mapped[dict] = mapped_column(JSON)


class DepositRow(Base):
    """One object that a relay keeps for a neuron. `at`: seconds since 1970."""

    __tablename__ = "deposits"
    id: Mapped[int] = mapped_column(primary_key=True)
    neuron: Mapped[str] = mapped_column(String(42), index=True)
    digest: Mapped[str] = mapped_column(String(64))
    size: Mapped[int]
    at: Mapped[int] = mapped_column(index=True)
