// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Stake-weighted median of one miner's scores. Twin of grail/settlement/consensus.py.
/// @dev ScoreBoard settles by attested roots; this is the arithmetic that those roots are computed with, kept on
///      chain and tested against the same vectors, so that a refutation can judge a single miner's payout.
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
        uint256 total = 0;
        for (uint256 i = 0; i < stakes.length; ++i) {
            total += stakes[i];
        }
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
}
