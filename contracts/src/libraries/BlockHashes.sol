// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Errors} from "./Errors.sol";

/// @title Hashes of blocks that may lie far back.
library BlockHashes {
    /// @dev EIP-2935: serves block hashes of the last 8,191 blocks on chains that have it.
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    /// @notice The hash of block `number`; when the EVM no longer sees it, that of the first later block congruent to
    ///         it modulo 256 that the EVM does see. The rule leaves one candidate at any time.
    function hashOf(uint256 number) internal view returns (bytes32 hash) {
        if (number >= block.number) revert Errors.HashUnavailable(number);
        hash = blockhash(number);
        if (hash != 0) return hash;
        (bool ok, bytes memory answer) = HISTORY.staticcall(abi.encode(number));
        if (ok && answer.length == 32) return bytes32(answer);
        uint256 behind = block.number - 1 - number;
        hash = blockhash(number + (behind / 256) * 256);
        if (hash == 0) revert Errors.HashUnavailable(number);
    }
}
