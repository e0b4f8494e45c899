// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Entry, SumTree} from "../../src/libraries/SumTree.sol";

/// @dev Builds sum trees and their proofs, slowly and plainly: the twin that the verifier is tested against.
library Trees {
    struct Tree {
        bytes32 context;
        uint256[] keys;
        uint128[] values;
    }

    function make(bytes32 context, uint256 size) internal pure returns (Tree memory tree) {
        tree = Tree(context, new uint256[](size), new uint128[](size));
    }

    function sum(Tree memory tree) internal pure returns (uint128 total) {
        for (uint256 i = 0; i < tree.values.length; ++i) {
            total += tree.values[i];
        }
    }

    function root(Tree memory tree) internal pure returns (bytes32) {
        if (tree.keys.length == 0) return SumTree.seal(0, 0, 0);
        (bytes32 top, uint256 total,) = walk(tree, 0);
        return SumTree.seal(tree.keys.length, top, total);
    }

    function entry(Tree memory tree, uint256 index) internal pure returns (Entry memory) {
        (,, uint256[] memory path) = walk(tree, index);
        return Entry(tree.keys[index], tree.values[index], uint32(index), path);
    }

    function walk(Tree memory tree, uint256 index)
        private
        pure
        returns (bytes32 top, uint256 total, uint256[] memory path)
    {
        uint256 width = tree.keys.length;
        bytes32[] memory nodes = new bytes32[](width);
        uint256[] memory totals = new uint256[](width);
        for (uint256 i = 0; i < width; ++i) {
            nodes[i] = SumTree.leaf(tree.context, tree.keys[i], tree.values[i]);
            totals[i] = tree.values[i];
        }
        path = new uint256[](64);
        uint256 used = 0;
        for (; width > 1; width = (width + 1) / 2) {
            uint256 sibling = index ^ 1;
            if (sibling < width) (path[used], path[used + 1]) = (uint256(nodes[sibling]), totals[sibling]);
            if (sibling < width) used += 2;
            for (uint256 i = 0; i < width; i += 2) {
                bool lone = i + 1 == width;
                nodes[i / 2] = lone ? nodes[i] : keccak256(abi.encode(nodes[i], totals[i], nodes[i + 1], totals[i + 1]));
                totals[i / 2] = lone ? totals[i] : totals[i] + totals[i + 1];
            }
            index /= 2;
        }
        assembly {
            mstore(path, used)
        }
        return (nodes[0], totals[0], path);
    }
}
