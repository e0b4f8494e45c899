// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Commitment} from "./Commitments.sol";

/// @notice What a window is to pay: the root of its leaves, and the sums that they end in.
/// @param root top of the tree of leaves (LeafTree)
/// @param whole worth of all submissions, but those convicted in time: what miners' pay is divided by
/// @param due worth that is paid at once
/// @param earned worth that validators' seats have judged: what their pay is a part of
struct Terms {
    bytes32 root;
    uint128 whole;
    uint128 due;
    uint128 earned;
}

/// @dev Holds of a submission that no seat accepted or rejected: more than there can be seats.
uint8 constant UNJUDGED = type(uint8).max;

/// @notice One step of the reckoning. First a leaf for each commitment, in order, then for each place of the active set
///         a leaf for each page of PAGE commitments.
/// @param account the miner, or the validator of the place; zero where the place was empty
/// @param value a miner's payable worth, a part of what was committed (Pledges); a validator's judged worth up to this page
/// @param holds how many validators reject the submission, or UNJUDGED: the pay is held until juries say otherwise
/// @param whole sum of the worth of all submissions up to this one; the same in all validators' leaves
/// @param sum sum of what is paid at once up to here; in validators' leaves, of what all have judged up to here
struct SettlementLeaf {
    address account;
    uint128 value;
    uint8 holds;
    uint128 whole;
    uint128 sum;
}

/// @notice Everything that one leaf follows from, all of it on chain.
/// @param commitments of a miner's leaf the one, then its miner's of the last windows that its pay depends on; of a validator's leaf those in which its place has a seat, in order
/// @param sheets the sheets that judge: of a miner's leaf one for each seat holder, in the order in which seats first
///        name them, empty where none was revealed; of a validator's leaf its own
struct Evidence {
    Commitment[] commitments;
    bytes[] sheets;
}

/// @title Leaves and their tree. Twin of grail/settlement/leaves.py; vectors in tests/vectors/leaves.json.
/// @dev A complete binary tree, padded with zero leaves to a depth that is a multiple of four, so that sixteen
///      descendants can be named at a time. Which leaf stands where follows from the number of commitments.
library LeafTree {
    uint256 internal constant PAGE = 64;
    uint256 internal constant STEP = 4;
    bytes32 private constant TAG = keccak256("grail/settlement-leaf/1");

    /// @notice Number of leaves of a window with `commitments` commitments and `places` places.
    function size(uint256 commitments, uint256 places) internal pure returns (uint256) {
        return commitments + places * pages(commitments);
    }

    function pages(uint256 commitments) internal pure returns (uint256) {
        return (commitments + PAGE - 1) / PAGE;
    }

    /// @notice Levels under the root: the least multiple of four whose power of two holds `leaves`.
    function depth(uint256 leaves) internal pure returns (uint256 levels) {
        levels = STEP;
        // ends: `size` of 2^32 commitments is below 2^34
        unchecked {
            while (1 << levels < leaves) levels += STEP;
        }
    }

    function digest(uint64 window, uint256 index, SettlementLeaf memory leaf) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG, window, index, leaf));
    }

    /// @notice True when `path` (siblings from the leaf up) leads from `node` at `index` to `root`.
    function leads(bytes32 root, bytes32 node, uint256 index, bytes32[] calldata path) internal pure returns (bool) {
        assembly ("memory-safe") {
            let end := add(path.offset, mul(path.length, 32))
            for { let at_ := path.offset } lt(at_, end) { at_ := add(at_, 32) } {
                let mine := shl(5, and(index, 1))
                mstore(mine, node)
                mstore(xor(mine, 32), calldataload(at_))
                node := keccak256(0, 64)
                index := shr(1, index)
            }
        }
        return node == root;
    }

    /// @notice The node over sixteen descendants.
    function join(bytes32[16] calldata nodes) internal pure returns (bytes32) {
        bytes32[16] memory level = nodes;
        for (uint256 count = 8; count > 0; count >>= 1) {
            for (uint256 i = 0; i < count; ++i) {
                level[i] = keccak256(abi.encode(level[2 * i], level[2 * i + 1]));
            }
        }
        return level[0];
    }
}
