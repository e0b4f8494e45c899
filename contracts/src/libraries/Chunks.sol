// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

/// @title The commitment to an array of any length, a chunk of which can be shown by itself. Twin of
///        grail/protocol/chunks.py; vectors in tests/vectors/chunks.json.
library Chunks {
    string internal constant TAG = "grail/chunks/1";
    uint256 internal constant SIZE = 4_096;

    /// @notice Is `chunk` the piece number `index` of the array of `length` bytes with this root?
    /// @param path siblings from the leaf up; a node without one goes up as it is
    function holds(bytes32 root, uint256 length, uint256 index, bytes calldata chunk, bytes32[] calldata path)
        internal
        pure
        returns (bool)
    {
        uint256 width = length == 0 ? 1 : (length - 1) / SIZE + 1;
        if (index >= width) return false;
        uint256 rest = length - index * SIZE;
        if (chunk.length != (rest < SIZE ? rest : SIZE)) return false;
        bytes32 node = keccak256(bytes.concat(hex"00", chunk));
        uint256 used = 0;
        for (; width > 1; (index, width) = (index >> 1, (width + 1) >> 1)) {
            if (index ^ 1 >= width) continue;
            if (used == path.length) return false;
            bytes32 sibling = path[used++];
            (bytes32 left, bytes32 right) = index & 1 == 1 ? (sibling, node) : (node, sibling);
            node = keccak256(bytes.concat(hex"01", left, right));
        }
        return used == path.length && keccak256(abi.encode(TAG, length, node)) == root;
    }
}
