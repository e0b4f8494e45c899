"""What validators and trainers say of their work: claims, beside what the chain says; what a unit of stake earned.

An index that has been made before is made anew by its writer: the new states begin with the first event.
"""

from typing import Any

import sqlalchemy as sa
from alembic import op

from grail.storage.columns import Wei

revision, down_revision = "0004", "0003"


def _fetched(*keys: sa.Column[int] | sa.Column[str], digest: str) -> list[sa.Column[int] | sa.Column[str]]:
    return [
        *keys,
        sa.Column(digest, sa.String(66), nullable=False),
        sa.Column("state", sa.String(8), nullable=False),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("again_at", sa.BigInteger, nullable=False),
    ]


def _window() -> sa.Column[int]:
    return sa.Column("window", sa.BigInteger, primary_key=True, autoincrement=False)


def _validator() -> sa.Column[str]:
    return sa.Column("validator", sa.String(42), primary_key=True)


def upgrade() -> None:
    """Make the tables."""
    op.create_table("audit_reports", *_fetched(_window(), _validator(), digest="digest"))
    op.create_table(
        "audit_claims",
        _window(),
        _validator(),
        sa.Column("miner", sa.String(42), primary_key=True),
        sa.Column("outcome", sa.String(8), nullable=False),
        sa.Column("check", sa.String(40), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("evidence", sa.BigInteger, nullable=False),
        sa.Column("place", sa.JSON, nullable=False),
        sa.Column("rollouts", sa.BigInteger, nullable=False),
        sa.Column("tokens", sa.BigInteger, nullable=False),
        sa.Column("proven", sa.Boolean, nullable=False),
    )
    op.create_index("ix_audit_claims_miner", "audit_claims", ["miner"])
    version = sa.Column("version", sa.BigInteger, primary_key=True, autoincrement=False)
    said = sa.Column("said", sa.JSON, nullable=False)
    op.create_table("training_reports", *_fetched(version, digest="manifest"), said)
    _state(
        "rewards",
        sa.Column("neuron", sa.String(42), primary_key=True),
        sa.Column("per_share", Wei(), nullable=False),
    )
    numbers = [sa.Column(name, sa.BigInteger, nullable=False) for name in ("before", "first", "until_block")]
    _state("paused", sa.Column("switch", sa.String(8), primary_key=True), *numbers)

    op.create_index("ix_chain_blocks_time", "chain_blocks", ["time"])


def _state(name: str, key: sa.Column[str], *values: sa.Column[Any]) -> None:
    since = sa.Column("since", sa.BigInteger, primary_key=True, autoincrement=False)
    op.create_table(name, key, since, sa.Column("until", sa.BigInteger, nullable=True), *values)
    op.create_index(f"ix_{name}_until", name, ["until"])


def downgrade() -> None:
    """Drop them: reports can be read again while they are kept."""
    op.drop_index("ix_chain_blocks_time", "chain_blocks")
    for table in ("paused", "rewards", "training_reports", "audit_claims", "audit_reports"):
        op.drop_table(table)
