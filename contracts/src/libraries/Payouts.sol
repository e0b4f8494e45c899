// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Keys and contexts of score and payout trees. Twin of grail/settlement/payouts.py.
library Payouts {
    uint8 internal constant MINER = 1;
    uint8 internal constant VALIDATOR = 2;
    uint8 internal constant TRAINER = 3;
    uint8 internal constant TREASURY = 4;
    bytes32 private constant TAG_PAYOUT = keccak256("grail/payout/1");
    bytes32 private constant TAG_SCORE = keccak256("grail/score/1");

    /// @notice What a payout's leaf is sorted by: first the share, then the account.
    function key(uint8 share, address account) internal pure returns (uint256) {
        return uint256(share) << 160 | uint160(account);
    }

    function parts(uint256 key_) internal pure returns (uint8 share, address account) {
        return (uint8(key_ >> 160), address(uint160(key_)));
    }

    /// @notice Context of a window's payout leaves.
    function context(uint64 window) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_PAYOUT, window));
    }

    /// @notice Context of a validator's score leaves; of the settled scores, with validator zero.
    function scoreContext(uint64 window, address validator) internal pure returns (bytes32) {
        return keccak256(abi.encode(TAG_SCORE, window, validator));
    }
}
