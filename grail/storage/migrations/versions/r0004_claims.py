"""What validators and trainers say of their work: claims, beside what the chain says; what a unit of stake earned.

An index that has been made before is made anew by its writer: the new states begin with the first event.
"""

from alembic import op

from grail.storage.migrations.tables import make

revision, down_revision = "0004", "0003"

TABLES = {
    "audit_reports": "window:b! validator:s42! digest:s66 state:s8 tries:i again_at:b",
    "audit_claims": "window:b! validator:s42! miner:s42!* outcome:s8 check:s40 reason:t evidence:b place:j rollouts:b "
    "tokens:b proven:f",
    "training_reports": "version:b! manifest:s66 state:s8 tries:i again_at:b said:j",
    "rewards": "neuron:s42! since:b! until:b?* per_share:w",
    "paused": "switch:s8! since:b! until:b?* before:b first:b until_block:b",
}


def upgrade() -> None:
    """Make the tables."""
    make(TABLES)
    op.create_index("ix_chain_blocks_time", "chain_blocks", ["time"])


def downgrade() -> None:
    """Drop them: reports can be read again while they are kept."""
    op.drop_index("ix_chain_blocks_time", "chain_blocks")
    for table in TABLES:
        op.drop_table(table)
