"""Hotkeys of Bittensor that validators are bound to, and what was read of their alpha."""

from alembic import op

from grail.storage.migrations.tables import make

revision, down_revision = "0005", "0004"

TABLES = {"alphas": "validator:s42! since:b! until:b?* hotkey:s66 alpha:w counted:w read_at:b"}


def upgrade() -> None:
    """Make the table; an index that has been made before is made anew by its writer."""
    make(TABLES)


def downgrade() -> None:
    """Drop it."""
    for table in TABLES:
        op.drop_table(table)
