"""What a relay keeps for neurons."""

import sqlalchemy as sa
from alembic import op

revision, down_revision = "0002", "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "deposits",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("neuron", sa.String(42), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("size", sa.Integer, nullable=False),
        sa.Column("at", sa.Integer, nullable=False),
    )
    op.create_index("ix_deposits_neuron", "deposits", ["neuron"])
    op.create_index("ix_deposits_at", "deposits", ["at"])


def downgrade() -> None:
    """Drop it."""
    op.drop_table("deposits")
