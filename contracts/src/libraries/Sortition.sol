// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Seats by stake, for everything that is drawn. Twin of grail/protocol/sortition.py; vectors in
///        tests/vectors/sortition.json.
/// @dev Each seat is a point of the cumulative stake, drawn apart: whoever's stake it falls on has the seat. Cutting
///      stake into pieces changes neither the mean nor the variance of the seats that they have together.
library Sortition {
    function seed(uint256 chainId, address jury, uint256 id, bytes32 blockHash) internal pure returns (bytes32) {
        return keccak256(abi.encode("grail/jury/1", chainId, jury, id, blockHash));
    }

    /// @notice Seed of a window's audit seats: seat `s` of commitment number `i` (from zero) is point i * seats + s.
    function committee(bytes32 challenge) internal pure returns (bytes32) {
        return keccak256(abi.encode("grail/committee/1", challenge));
    }

    /// @notice The point of seat number `seat`, below `total`.
    function point(bytes32 seed_, uint256 seat, uint256 total) internal pure returns (uint256) {
        return uint256(keccak256(abi.encode("grail/seat/2", seed_, seat))) % total;
    }

    /// @notice How many of `seats_` points lie in the `stake` points from `start` on, of `total`.
    function seats(bytes32 seed_, uint256 start, uint256 stake, uint256 total, uint256 seats_)
        internal
        pure
        returns (uint256 found)
    {
        if (stake == 0) return 0;
        for (uint256 i = 0; i < seats_; ++i) {
            uint256 p = point(seed_, i, total);
            if (p >= start && p - start < stake) ++found;
        }
    }
}
