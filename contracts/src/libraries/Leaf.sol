// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @notice What one paid rollout commits to. Field order is the ABI order of the hash; roots are those of Chunks.
struct RolloutLeaf {
    uint64 window;
    address miner;
    uint64 checkpointVersion;
    bytes32 envId;
    uint32 group;
    uint32 index;
    bytes32 promptHash;
    bytes32 tokensRoot;
    bytes32 logprobsRoot;
    bytes32 proofRoot;
    uint32 nTokens;
    uint8 finish;
    int64 rewardMicro;
    uint16 turns;
    uint32 observedTokens;
    bytes32 observationsHash;
}

/// @title Leaf hash. Twin of grail/protocol/leaf.py; vectors in tests/vectors/leaf.json.
library Leaf {
    function digest(RolloutLeaf memory leaf) internal pure returns (bytes32) {
        return keccak256(bytes.concat(keccak256(abi.encode(leaf))));
    }
}
