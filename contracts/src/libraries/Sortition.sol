// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Seats by stake. Twin of grail/protocol/sortition.py; vectors in tests/vectors/sortition.json.
library Sortition {
    function seed(uint256 chainId, address jury, uint256 id, bytes32 blockHash) internal pure returns (bytes32) {
        return keccak256(abi.encode("grail/jury/1", chainId, jury, id, blockHash));
    }

    /// @notice floor(seats * stake / total), and one more with a probability of the fraction.
    function seats(bytes32 seed_, address juror, uint256 stake, uint256 total, uint256 seats_)
        internal
        pure
        returns (uint256)
    {
        if (total == 0) return 0;
        uint256 ticket = uint256(keccak256(abi.encode("grail/seat/1", seed_, juror))) % total;
        return seats_ * stake / total + (ticket < (seats_ * stake) % total ? 1 : 0);
    }
}
