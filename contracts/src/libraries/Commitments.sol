// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a miner commits to: its whole submission of a window.
/// @param root sealed sum tree over all leaves, keyed by their digests
/// @param blobDigest keccak-256 of the submission blob in the object store
/// @param worth sum of the leaves' worth: tokens times what their environments earn, in thousandths
struct Commitment {
    uint64 window;
    address miner;
    bytes32 root;
    bytes32 blobDigest;
    uint32 groups;
    uint64 checkpointVersion;
    uint64 worth;
}

/// @title Digest and EIP-712 hash of a commitment. Twin of grail/protocol/commitment.py; vectors in
///        tests/vectors/commitment.json.
library Commitments {
    bytes32 internal constant TYPE = keccak256(
        "Commitment(uint64 window,address miner,bytes32 root,bytes32 blobDigest,uint32 groups,uint64 checkpointVersion,uint64 worth)"
    );

    /// @dev Context of a submission's tree of leaves.
    bytes32 internal constant LEAVES = keccak256("grail/submission/1");

    /// @notice What the ledger stores: all but its last four bytes, which hold the number.
    function digest(Commitment memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPE, c));
    }
}
