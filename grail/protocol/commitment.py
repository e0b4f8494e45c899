"""A miner's commitment as one word, and what its hotkey signs (EIP-712) [C]. Twin of Commitments.sol."""

from grail.protocol.hashing import encode_static, keccak256, typed_digest
from grail.protocol.records import Commitment
from grail.protocol.units import Address, Digest

TYPE = keccak256(
    b"Commitment(uint64 window,address miner,bytes32 root,bytes32 blobDigest,uint32 groups,uint64 checkpointVersion,"
    b"uint64 worth)"
)


def commitment_digest(entry: Commitment) -> Digest:
    """The EIP-712 struct hash; the ledger stores it but for the last four bytes, which hold the number."""
    return keccak256(encode_static(TYPE, *commitment_values(entry)))


def commitment_values(entry: Commitment) -> tuple[int | bytes, ...]:
    """The fields in ABI order."""
    return (
        entry.window,
        entry.miner,
        entry.root,
        entry.blob_digest,
        entry.n_groups,
        entry.checkpoint_version,
        entry.worth,
    )


def signing_hash(chain_id: int, ledger: Address, entry: Commitment) -> Digest:
    """What a hotkey signs so that anyone may commit for it: bound to one chain and one ledger."""
    return typed_digest(b"Grail", chain_id, ledger, commitment_digest(entry))
