// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Consensus} from "../../src/libraries/Consensus.sol";

/// @dev The consensus library as a contract, many cases a call: compared with grail.settlement to the wei by
///      tests/settlement/test_differential.py.
contract ConsensusHarness {
    struct Case {
        uint256[] stakes;
        uint256[] scores;
        uint256 countedStake;
        uint256 kappaBps;
        uint256[] own;
        uint256[] settled;
        uint256 emission;
        uint256 splitBps;
    }

    /// @return outcome settled score, first validator's weight, and its share of the split, for each case
    function run(Case[] calldata cases) external pure returns (uint256[3][] memory outcome) {
        outcome = new uint256[3][](cases.length);
        for (uint256 i = 0; i < cases.length; ++i) {
            Case calldata c = cases[i];
            outcome[i][0] = Consensus.settledScore(c.stakes, c.scores, c.countedStake, c.kappaBps);
            uint256 stake = c.stakes.length == 0 ? 0 : c.stakes[0];
            outcome[i][1] = Consensus.validatorWeight(stake, c.own, c.settled);
            outcome[i][2] = Consensus.share(c.emission, c.splitBps, outcome[i][1], c.countedStake);
        }
    }
}
