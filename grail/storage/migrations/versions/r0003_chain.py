"""An index of the chain: raw events, readings, and what follows from them."""

from alembic import op

from grail.storage.migrations.tables import make

revision, down_revision = "0003", "0002"

TABLES = {
    "chain_events": "place:b! block:b* contract:s32 name:s32 tx:s66* fields:j",
    "chain_readings": "name:s16! key:s78! block:b* value:j",
    "chain_blocks": "number:b! time:b",
    "transfers": "place:b! source:s42* target:s42* amount:w",
    "exchanges": "place:b! holder:s42 amount:w",
    "stakings": "place:b! act:s16 neuron:s42* staker:s42* amount:w ready_at:b",
    "slashes": "place:b! neuron:s42* amount:w",
    "rounds": "place:b! window:b moment:h round:b",
    "pledges": "place:b! miner:s42* window:b groups:i",
    "commitments": "place:b! window:b* number:i miner:s42* groups:i worth:b version:b root:s66 blob:s66",
    "checkpoints": "place:b! version:b* fingerprint:s66 manifest:s66 active_from:b publisher:s42",
    "sheet_commitments": "place:b! window:b* validator:s42*",
    "sheets": "place:b! window:b* validator:s42* entries:t report:s66",
    "statements": "place:b! window:b* number:i proposer:s42 root:s66 whole:w due:w earned:w emission:w until_clock:b",
    "refutations": "place:b! window:b* number:i challenger:s42 leaf:b",
    "settlements": "place:b! window:b* root:s66 minted:w burnt:w",
    "claims": "place:b! window:b* account:s42* share:h amount:w expired:f",
    "convictions": "place:b! window:b* accused:s42* kind:h accuser:s42 slashed:w",
    "juror_votes": "place:b! number:b* juror:s42 revealed:f verdict:h weight:w",
    "fines": "place:b! number:b* juror:s42 amount:w",
    "overturns": "place:b! window:b* miner:s42* validator:s42 paid:w",
    "ballots": "place:b! number:s78* voter:s42* support:h weight:w reason:t",
    "pauses": "place:b! first:b until_block:b",
    "administration": "place:b! contract:s32 name:s32 fields:j",
    "balances": "account:s42! since:b! until:b?* amount:w",
    "supply": "token:s8! since:b! until:b?* minted:w burnt:w",
    "pools": "neuron:s42! since:b! until:b?* stake:w shares:w",
    "positions": "neuron:s42! staker:s42! since:b! until:b?* shares:w",
    "neurons": "neuron:s42! since:b! until:b?* role:h endpoint:t hotkey:s42 ss58:s66 jailed:f approved:f commission:i "
    "next_commission:i commission_from:b",
    "places": "validator:s42! since:b! until:b?* stake:w seated:f",
    "rests": "validator:s42! since:b! until:b?* window:b announced:f",
    "windows": "window:b! since:b! until:b?* beacon:s66 challenge:s66",
    "duels": "duel:b! since:b! until:b?* window:b a:i b:i leaf:b depth:i until_clock:b ended:f a_stands:f b_stands:f",
    "earned": "account:s42! since:b! until:b?* amount:w claims:i",
    "cases": "number:b! since:b! until:b?* window:b accused:s42 accuser:s42 kind:h evidence:s66 stage:s8 verdict:h "
    "appellant:s42 commit_end:b reveal_end:b",
    "motions": "number:s78! since:b! until:b?* proposer:s42 description:t digest:s66 calls:j start:b end:b ready_at:b "
    "stage:s8",
    "tallies": "number:s78! since:b! until:b?* in_favour:w against:w abstain:w",
    "power": "delegate:s42! since:b! until:b?* votes:w",
    "delegations": "delegator:s42! since:b! until:b?* delegate:s42",
    "policy": "name:s66! since:b! until:b?* value:w",
    "environments": "mix:s8! since:b! until:b?* ids:j weights:j rewards:j",
    "seats": "window:b! number:i! seat:h! block:b* validator:s42* word:h",
    "payouts": "window:b! leaf:i! block:b* account:s42* share:h worth:w holds:h amount:w",
}


def upgrade() -> None:
    """Make the tables."""
    make(TABLES)


def downgrade() -> None:
    """Drop them: an index is made anew from the chain."""
    for table in TABLES:
        op.drop_table(table)
