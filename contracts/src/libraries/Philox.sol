// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title Philox-4x32-10 (Salmon et al., SC 2011). Twin of grail/protocol/philox.py; vectors in tests/vectors/philox.json.
library Philox {
    uint256 private constant M0 = 0xD2511F53;
    uint256 private constant M1 = 0xCD9E8D57;
    uint256 private constant W0 = 0x9E3779B9;
    uint256 private constant W1 = 0xBB67AE85;
    uint256 private constant LOW = 0xFFFFFFFF;

    /// @notice Four 32-bit words for a counter of four words and a key of two.
    function words(uint32[4] memory counter, uint32[2] memory key) internal pure returns (uint32[4] memory) {
        (uint256 c0, uint256 c1, uint256 c2, uint256 c3) = (counter[0], counter[1], counter[2], counter[3]);
        (uint256 k0, uint256 k1) = (key[0], key[1]);
        for (uint256 i = 0; i < 10; ++i) {
            uint256 p0 = M0 * c0;
            uint256 p1 = M1 * c2;
            (c0, c1, c2, c3) = ((p1 >> 32) ^ c1 ^ k0, p1 & LOW, (p0 >> 32) ^ c3 ^ k1, p0 & LOW);
            k0 = (k0 + W0) & LOW;
            k1 = (k1 + W1) & LOW;
        }
        return [uint32(c0), uint32(c1), uint32(c2), uint32(c3)];
    }

    /// @notice Philox key of a 32-byte protocol key: its first 8 bytes as two big-endian words.
    function keyWords(bytes32 key) internal pure returns (uint32[2] memory) {
        return [uint32(uint256(key) >> 224), uint32(uint256(key) >> 192)];
    }

    /// @notice Word behind the Gumbel noise of token `id` at sampled step `step`. Twin of gumbel.noise_words.
    function noiseWord(bytes32 key, uint32 step, uint32 id) internal pure returns (uint32) {
        return words([id / 4, step, 0, 0], keyWords(key))[id % 4];
    }
}
