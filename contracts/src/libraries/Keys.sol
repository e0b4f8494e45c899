// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Keys of the protocol. Twin of grail/protocol/keys.py; vectors in tests/vectors/keys.json.
library Keys {
    /// @dev Stands in for the block hash of beacon and challenge where a drand round is mixed in.
    function seed(bytes32 blockHash, bytes32 randomness) internal pure returns (bytes32) {
        return keccak256(abi.encode("grail/seed/1", blockHash, randomness));
    }

    /// @dev Its last four bytes are zero: the ledger counts commitments there.
    function beacon(uint256 chainId, address ledger, uint64 window, bytes32 blockHash) internal pure returns (bytes32) {
        return keccak256(abi.encode("grail/beacon/1", chainId, ledger, window, blockHash)) >> 32 << 32;
    }

    function challenge(uint256 chainId, address ledger, uint64 window, bytes32 blockHash)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("grail/challenge/1", chainId, ledger, window, blockHash));
    }

    function problemKey(bytes32 beacon_, address miner, uint256 group) internal pure returns (bytes32) {
        return keccak256(abi.encode("grail/problem/1", beacon_, miner, group));
    }

    function rolloutKey(bytes32 problemKey_, bytes32 fingerprint, bytes32 rulesHash, uint256 index)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode("grail/rollout/1", problemKey_, fingerprint, rulesHash, index));
    }

    function sketchSeed(bytes32 beacon_) internal pure returns (bytes32) {
        return keccak256(abi.encode("grail/sketch/1", beacon_));
    }

    function auditKey(bytes32 challenge_, address validator) internal pure returns (bytes32) {
        return keccak256(abi.encode("grail/audit/1", challenge_, validator));
    }

    /// @dev Ticket of a problem in the environment mix: compare it with cumulative weights modulo their sum.
    function environmentTicket(bytes32 problemKey_, uint256 totalWeight) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("grail/environment/1", problemKey_))) % totalWeight;
    }
}
