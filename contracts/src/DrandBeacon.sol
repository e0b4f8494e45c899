// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bls} from "./libraries/Bls.sol";
import {Errors} from "./libraries/Errors.sol";

/// @title A drand network as contracts see it: rounds by time, and their randomness against its signature.
/// @dev Unchained networks on G1 (scheme bls-unchained-g1-rfc9380, quicknet's): a round's message is its number alone.
contract DrandBeacon {
    /// @notice Time of round 1 and seconds between rounds.
    uint64 public immutable genesis;
    uint64 public immutable period;
    /// @notice Seconds from a call to the round that answers it: longer than a block's time may lag behind the clock,
    ///         so that nobody who makes the call, or the block, can have seen the round.
    uint64 public immutable delay;
    /// @notice The group's key: a point of G2, 256 bytes as in EIP-2537.
    bytes public publicKey;

    constructor(bytes memory publicKey_, uint64 genesis_, uint64 period_, uint64 delay_) {
        if (publicKey_.length != 256) revert Errors.LengthMismatch(publicKey_.length, 256);
        if (period_ == 0) revert Errors.BadSchedule();
        publicKey = publicKey_;
        (genesis, period, delay) = (genesis_, period_, delay_);
    }

    /// @notice The first round published later than `timestamp` + delay.
    function roundAfter(uint256 timestamp) external view returns (uint64) {
        uint256 known = timestamp + delay;
        return known < genesis ? 1 : uint64((known - genesis) / period + 2);
    }

    /// @notice A round's randomness, from its signature (48 bytes) as drand publishes it. Reverts on any other.
    function randomnessOf(uint64 round, bytes calldata signature) external view returns (bytes32) {
        bytes memory message = abi.encodePacked(sha256(abi.encodePacked(round)));
        if (!Bls.verify(publicKey, message, signature)) revert Errors.WrongRound(round);
        return sha256(signature);
    }
}
