// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What one paid completion commits to. Field order is the ABI order of the hash.
struct RolloutLeaf {
    uint64 window;
    address miner;
    uint64 checkpointVersion;
    bytes32 envId;
    uint32 group;
    uint32 index;
    bytes32 promptHash;
    bytes32 tokensHash;
    bytes32 logprobsHash;
    bytes32 proofHash;
    uint32 nTokens;
    uint8 finish;
    int64 rewardMicro;
}

/// @title Leaf hash. Twin of grail/protocol/leaf.py; vectors in tests/vectors/leaf.json.
library Leaf {
    function digest(RolloutLeaf memory leaf) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(leaf))));
    }
}
