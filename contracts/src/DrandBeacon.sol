// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Bls} from "./libraries/Bls.sol";
import {Errors} from "./libraries/Errors.sol";

/// @title A drand network as contracts see it: rounds by time, and their randomness against its signature.
/// @dev Unchained networks on G1 (scheme bls-unchained-g1-rfc9380, quicknet's): a round's message is its number alone.
///      Who checks signatures is settled at deployment, by what the chain has: its BLS precompiles; else Subtensor's
///      drand pallet, which has checked those that it stores (quicknet's); else nobody, and windows draw from blocks.
contract DrandBeacon {
    enum Source {
        None,
        Bls,
        Pallet
    }

    /// @dev Subtensor: getPulse(round) answers whether it is stored, its number, its randomness, its signature.
    address private constant PALLET = address(0x810);
    /// @dev Hash of the key of the network whose rounds the pallet stores.
    bytes32 private constant QUICKNET = 0xc29cfe4a677e7fdce22825ba42da8cd4eaa12c45f7c9b64f80c7dad3ea6d2ee4;
    Source public immutable source;
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
        if (Bls.available()) source = Source.Bls;
        else if (keccak256(publicKey_) == QUICKNET && _pulse(1).length >= 192) source = Source.Pallet;
        else source = Source.None;
    }

    /// @notice The first round published later than `timestamp` + delay.
    function roundAfter(uint256 timestamp) external view returns (uint64) {
        uint256 known = timestamp + delay;
        return known < genesis ? 1 : uint64((known - genesis) / period + 2);
    }

    /// @notice A round's randomness, from its signature (48 bytes) as drand publishes it. Reverts on any other.
    function randomnessOf(uint64 round, bytes calldata signature) external view returns (bytes32) {
        bool good;
        if (source == Source.Pallet) {
            (bool exists, uint64 number,, bytes memory stored) = abi.decode(_pulse(round), (bool, uint64, bytes, bytes));
            good = exists && number == round && keccak256(stored) == keccak256(signature);
        } else {
            good = Bls.verify(publicKey, abi.encodePacked(sha256(abi.encodePacked(round))), signature);
        }
        if (!good) revert Errors.WrongRound(round);
        return sha256(signature);
    }

    function _pulse(uint64 round) private view returns (bytes memory answer) {
        (, answer) = PALLET.staticcall(abi.encodeWithSignature("getPulse(uint64)", round));
    }
}
