// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What a miner commits to: its whole submission of a window.
/// @param root Merkle root over all leaves
/// @param blobDigest keccak-256 of the submission blob in the object store
struct Commitment {
    uint64 window;
    address miner;
    bytes32 root;
    bytes32 blobDigest;
    uint32 groups;
    uint64 checkpointVersion;
}

/// @title Digest and EIP-712 hash of a commitment. Twin of grail/protocol/commitment.py; vectors in
///        tests/vectors/commitment.json.
library Commitments {
    bytes32 internal constant TYPE = keccak256(
        "Commitment(uint64 window,address miner,bytes32 root,bytes32 blobDigest,uint32 groups,uint64 checkpointVersion)"
    );

    /// @notice What the ledger stores: one word for everything.
    function digest(Commitment memory c) internal pure returns (bytes32) {
        return keccak256(abi.encode(TYPE, c));
    }
}
