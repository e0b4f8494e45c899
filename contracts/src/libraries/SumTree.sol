// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Errors} from "./Errors.sol";

/// @notice One leaf with its path: hash and sum of each sibling in turn, from the leaf up.
struct Entry {
    uint256 key;
    uint128 value;
    uint32 index;
    uint256[] path;
}

/// @title Merkle tree over leaves sorted by key that also commits to the sum of all values.
/// @dev Twin of grail/protocol/sum_tree.py; vectors in tests/vectors/sum_tree.json. A node hashes both children and
///      both sums, so whatever leaves can be shown under a root, their values never exceed its sum. Leaves hash three
///      words and nodes four: one can never pass for the other. An odd node rises unchanged.
library SumTree {
    uint256 internal constant MAX_SIZE = 1 << 20;
    uint256 private constant MAX_DEPTH = 20;
    bytes32 private constant TAG = keccak256("grail/sum-tree/1");

    function leaf(bytes32 context, uint256 key, uint128 value) internal pure returns (bytes32) {
        return keccak256(abi.encode(context, key, value));
    }

    function seal(uint256 size, bytes32 top, uint256 sum) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG, size, top, sum));
    }

    /// @notice Reverts unless `entry` is leaf number entry.index of the tree of `size` leaves sealed by `root`.
    function requireEntry(bytes32 root, uint256 sum, bytes32 context, uint256 size, Entry calldata entry)
        internal
        pure
    {
        uint256 index = entry.index;
        uint256[] calldata path = entry.path;
        if (size > MAX_SIZE || index >= size || path.length > 2 * MAX_DEPTH) revert Errors.BadProof();
        bytes32 node = leaf(context, entry.key, entry.value);
        uint256 total = entry.value;
        bool overrun;
        // The loop of the plain twin (Trees.sol, sum_tree.py), in assembly: claims and refutations live in it.
        assembly ("memory-safe") {
            let scratch := mload(0x40)
            let at_ := path.offset
            let end := add(at_, mul(path.length, 32))
            for { let width := size } gt(width, 1) { width := shr(1, add(width, 1)) } {
                let right := and(index, 1)
                if or(right, lt(add(index, 1), width)) {
                    // a sibling's sum is a uint128; what is not cannot be in an honest tree
                    let otherSum := calldataload(add(at_, 32))
                    overrun := or(overrun, or(gt(add(at_, 64), end), shr(128, otherSum)))
                    let mine := mul(right, 64)
                    mstore(add(scratch, mine), node)
                    mstore(add(scratch, add(mine, 32)), total)
                    let theirs := sub(64, mine)
                    mstore(add(scratch, theirs), calldataload(at_))
                    mstore(add(scratch, add(theirs, 32)), otherSum)
                    node := keccak256(scratch, 128)
                    total := add(total, otherSum)
                    at_ := add(at_, 64)
                }
                index := shr(1, index)
            }
            overrun := or(overrun, iszero(eq(at_, end)))
        }
        if (overrun || total != sum || seal(size, node, total) != root) revert Errors.BadProof();
    }
}
