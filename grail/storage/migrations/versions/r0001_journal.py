"""The journal: duties, verdicts, drafts, events, cursors."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0001", None


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "done",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("neuron", sa.String(42), nullable=False),
        sa.Column("duty", sa.String(32), nullable=False),
        sa.Column("window", sa.Integer, nullable=False),
        sa.Column("note", sa.JSON, nullable=False),
        sa.UniqueConstraint("neuron", "duty", "window"),
    )
    op.create_index("ix_done_neuron", "done", ["neuron"])
    op.create_index("ix_done_window", "done", ["window"])
    op.create_table(
        "verdicts",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("validator", sa.String(42), nullable=False),
        sa.Column("window", sa.Integer, nullable=False),
        sa.Column("miner", sa.String(42), nullable=False),
        sa.Column("outcome", sa.String(10), nullable=False),
        sa.Column("check", sa.String(20), nullable=False),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("log10_evidence", sa.Double, nullable=False),
        sa.Column("rollouts", sa.Integer, nullable=False),
        sa.Column("tokens", sa.Integer, nullable=False),
        sa.Column("fault", sa.Integer, nullable=False),
        sa.Column("place", sa.JSON, nullable=False),
        sa.Column("carried", sa.JSON, nullable=False),
        sa.UniqueConstraint("validator", "window", "miner"),
    )
    op.create_index("ix_verdicts_window", "verdicts", ["window"])
    op.create_table(
        "drafts",
        sa.Column("miner", sa.String(42), primary_key=True),
        sa.Column("key", sa.String(64), primary_key=True),
        sa.Column("made", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "events",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("block", sa.Integer, nullable=False),
        sa.Column("log_index", sa.Integer, nullable=False),
        sa.Column("contract", sa.String(32), nullable=False),
        sa.Column("name", sa.String(32), nullable=False),
        sa.Column("fields", sa.JSON, nullable=False),
        sa.UniqueConstraint("block", "log_index"),
    )
    op.create_index("ix_events_block", "events", ["block"])
    op.create_table(
        "cursors",
        sa.Column("name", sa.String(64), primary_key=True),
        sa.Column("marks", sa.JSON, nullable=False),
    )


def downgrade() -> None:
    """There is nothing before."""
    for table in ("cursors", "events", "drafts", "verdicts", "done"):
        op.drop_table(table)
