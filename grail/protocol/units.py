"""Types that carry units, so that a block number cannot pass for a window."""

from typing import NewType

WindowId = NewType("WindowId", int)
BlockNumber = NewType("BlockNumber", int)
Wei = NewType("Wei", int)
MicroReward = NewType("MicroReward", int)
CheckpointVersion = NewType("CheckpointVersion", int)
TokenId = NewType("TokenId", int)

Address = bytes
"""20 bytes."""
Digest = bytes
"""32 bytes, keccak-256."""

ADDRESS_BYTES = 20
DIGEST_BYTES = 32
MICRO = 1_000_000
"""One reward unit in micro-units; rewards are integers in 1e-6."""
