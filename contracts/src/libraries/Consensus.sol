// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title From validators' scores to payouts. Twin of grail/settlement/consensus.py and payouts.py.
/// @dev Integers only, every division rounds down. Compared with Python to the wei on random cases
///      (tests/settlement/test_differential.py) and on tests/vectors/consensus.json.
library Consensus {
    uint256 internal constant BPS = 10_000;

    /// @notice Largest score that validators with at least kappa of the scoring stake support (score it or higher).
    /// @param stakes stake of each validator that scored the miner, in wei
    /// @param scores its score, same order
    /// @param kappaBps share of stake needed, in basis points
    function weightedMedian(uint256[] memory stakes, uint256[] memory scores, uint256 kappaBps)
        internal
        pure
        returns (uint256 best)
    {
        uint256 total = sum(stakes);
        if (total == 0) return 0;
        for (uint256 i = 0; i < scores.length; ++i) {
            if (scores[i] <= best) continue;
            uint256 support = 0;
            for (uint256 j = 0; j < scores.length; ++j) {
                if (scores[j] >= scores[i]) support += stakes[j];
            }
            if (support * BPS >= kappaBps * total) best = scores[i];
        }
    }

    /// @notice A miner's consensus score: the median of those that scored it, zero when they hold less than kappa of
    ///         all counted stake.
    function settledScore(uint256[] memory stakes, uint256[] memory scores, uint256 countedStake, uint256 kappaBps)
        internal
        pure
        returns (uint256)
    {
        if (sum(stakes) * BPS < kappaBps * countedStake) return 0;
        return weightedMedian(stakes, scores, kappaBps);
    }

    /// @notice What survives the clip: a validator's pay weight, stake * agreed / larger, where agreed is the sum of
    ///         min(own, settled) and larger the greater of both sums; the stake itself when nobody scored anything.
    function validatorWeight(uint256 stake, uint256[] memory own, uint256[] memory settled)
        internal
        pure
        returns (uint256)
    {
        uint256 agreed = 0;
        for (uint256 i = 0; i < settled.length; ++i) {
            agreed += own[i] < settled[i] ? own[i] : settled[i];
        }
        uint256 ownSum = sum(own);
        uint256 settledSum = sum(settled);
        uint256 larger = ownSum > settledSum ? ownSum : settledSum;
        return larger == 0 ? stake : stake * agreed / larger;
    }

    /// @notice One party's part of its role's budget: emission * split, then * weight / whole, each rounded down.
    function share(uint256 emission, uint256 splitBps, uint256 weight, uint256 whole) internal pure returns (uint256) {
        return whole == 0 ? 0 : (emission * splitBps / BPS) * weight / whole;
    }

    function sum(uint256[] memory values) internal pure returns (uint256 total) {
        for (uint256 i = 0; i < values.length; ++i) {
            total += values[i];
        }
    }
}
