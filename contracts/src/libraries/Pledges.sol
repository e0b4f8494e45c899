// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title What a submission is paid for: its worth, times what its miner has delivered of what it promised. Twin of
///        grail/protocol/pledges.py; vectors in tests/vectors/pledges.json.
library Pledges {
    /// @notice What past windows say of a miner that has pledged `pledged` groups for this one.
    struct Record {
        uint256 pledged;
        uint256 delivered;
        uint256 promised;
    }

    /// @notice Adds a past window, in which somebody worked: what was pledged for it and what was delivered. It counts as
    ///         promised at least what is promised now, so that small promises kept earn nothing for a large one.
    function add(Record memory r, uint256 pledged, uint256 delivered) internal pure {
        uint256 most = pledged > r.pledged ? pledged : r.pledged;
        r.delivered += delivered;
        r.promised += delivered > most ? delivered : most;
    }

    /// @notice The part of `worth` that is paid for `groups` groups: nothing for more than were pledged, all of it where
    ///         nobody has worked in any of the windows that count.
    function paid(Record memory r, uint256 worth, uint256 groups) internal pure returns (uint256) {
        if (groups > r.pledged) return 0;
        return r.promised == 0 ? worth : worth * r.delivered / r.promised;
    }
}
