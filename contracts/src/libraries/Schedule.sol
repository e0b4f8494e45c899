// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Errors} from "./Errors.sol";

/// @notice Window timing in blocks. See docs/spec/schedule.md.
struct Timing {
    uint64 genesis;
    uint64 window;
    uint64 commit;
    uint64 score;
    uint64 reveal;
}

/// @title Block number to window and deadlines. Twin of grail/protocol/schedule.py.
library Schedule {
    function check(Timing memory t) internal pure {
        if (t.commit < 1 || t.reveal < 1 || t.score < 2 || t.commit + t.score + t.reveal >= t.window) {
            revert Errors.BadSchedule();
        }
    }

    function windowOf(Timing memory t, uint256 blockNumber) internal pure returns (uint64) {
        if (blockNumber < t.genesis) revert Errors.BeforeGenesis(blockNumber, t.genesis);
        return uint64((blockNumber - t.genesis) / t.window);
    }

    function start(Timing memory t, uint64 window) internal pure returns (uint256) {
        return uint256(t.genesis) + uint256(window) * t.window;
    }

    function commitDeadline(Timing memory t, uint64 window) internal pure returns (uint256) {
        return start(t, window) + t.commit;
    }

    function challengeBlock(Timing memory t, uint64 window) internal pure returns (uint256) {
        return commitDeadline(t, window) + 1;
    }

    function scoreDeadline(Timing memory t, uint64 window) internal pure returns (uint256) {
        return commitDeadline(t, window) + t.score;
    }

    function revealDeadline(Timing memory t, uint64 window) internal pure returns (uint256) {
        return scoreDeadline(t, window) + t.reveal;
    }

    function requireWithin(uint256 first, uint256 last) internal view {
        if (block.number < first || block.number > last) revert Errors.OutsidePhase(block.number, first, last);
    }
}
