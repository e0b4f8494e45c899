"""Every constant of the protocol: value, unit, reason, and what breaks if it changes.

A change to any of them is a new protocol version: old leaves, keys or blobs no longer verify.
"""

# Domain tags. Each hash of the protocol starts with one, so no value of one kind can stand for another.
TAG_SEED = "grail/seed/1"
TAG_BEACON = "grail/beacon/1"
TAG_PROBLEM = "grail/problem/1"
TAG_ENVIRONMENT = "grail/environment/1"
TAG_ROLLOUT = "grail/rollout/1"
TAG_SKETCH = "grail/sketch/1"
TAG_CHALLENGE = "grail/challenge/1"
TAG_AUDIT = "grail/audit/1"
TAG_RULES = "grail/rules/1"
TAG_TENSOR = "grail/tensor/1"
TAG_FILE = "grail/file/1"
TAG_CHECKPOINT = "grail/checkpoint/1"
TAG_DEAL = "grail/deal/1"
TAG_COMMITTEE = "grail/committee/1"
TAG_SUBMISSION = "grail/submission/1"
TAG_SUM_TREE = "grail/sum-tree/1"
TAG_JURY = "grail/jury/1"
TAG_SEAT = "grail/seat/2"
TAG_PROOF = "grail/proof/1"
TAG_CHUNKS = "grail/chunks/1"
TAG_TURNS = "grail/turns/1"

# How a rollout ended: the value of a leaf's `finish`. All four follow from its ids.
FINISH_EOS = 0
"""The world says it is over; in an environment of one turn: an EOS."""
FINISH_LENGTH = 1
"""As many tokens as a rollout may have."""
FINISH_TURNS = 2
"""As many turns as the environment gives."""
FINISH_ROOM = 3
"""What the world answers does not fit behind it."""

# Gumbel noise: G = -log(-log(u)), u = (r + 1/2) * 2^-32 with r a 32-bit word, so G lies in
# [-log(33 log 2), log(2^33)] = [-3.1302, 22.8740]; rounded outwards. Only ids whose logit / T is within NOISE_MAX of a
# score already reached can win.
NOISE_MIN = -3.1303
NOISE_MAX = 22.8741

# Rounding moves logits by a share of how far they lie apart: their mean distance from their mean, within these bounds
# (logits). Margins are measured in it. The upper one limits what weights with odd logits could have excused.
LEAST_SPREAD = 1.0
MOST_SPREAD = 16.0

# Hard limits. They bound memory before anything is allocated; shapes are bounded by the governed policy.
MAX_PROMPT_TOKENS = 32_768
MAX_BLOB_BYTES = 1 << 30
MAX_REWARD_MILLI = 100_000
"""What a token of an environment may earn at most, in thousandths of the base rate: RewardPolicy's bound."""
MAX_REWARD_MICRO = 1_000_000_000
"""1,000 reward units: far above any environment's range, far below int64."""
MAX_TURNS = 32
"""Of a rollout: what environments may give."""
MAX_OBSERVATION = 2_048
"""Characters of one answer of the world."""
MAX_STATE = 1 << 16
"""Bytes of a world's state between two turns."""

BLOB_MAGIC = b"GRLS"
BLOB_VERSION = 3

PROOF_MAGIC = b"GRLP"
PROOF_VERSION = 1

BPS = 10_000
"""Basis points in one."""
MILLI = 1_000
"""Temperature is stored in 1e-3."""
