// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Errors} from "../src/libraries/Errors.sol";
import {Entry, SumTree} from "../src/libraries/SumTree.sol";
import {Test} from "./base/Test.sol";
import {Trees} from "./base/Trees.sol";

contract SumTreeTest is Test {
    using Trees for Trees.Tree;

    bytes32 private constant CONTEXT = keccak256("context");

    function check(bytes32 root, uint256 sum, uint256 size, Entry calldata entry) external pure {
        SumTree.requireEntry(root, sum, CONTEXT, size, entry);
    }

    function tree(uint256 size, uint256 salt) private pure returns (Trees.Tree memory t) {
        t = Trees.make(CONTEXT, size);
        for (uint256 i = 0; i < size; ++i) {
            t.keys[i] = 10 * (i + 1);
            t.values[i] = uint128(uint256(keccak256(abi.encode(salt, i))) % 1e24);
        }
    }

    function testFuzz_entry_everyLeafHasOne(uint8 size, uint256 salt) public view {
        Trees.Tree memory t = tree(1 + size % 40, salt);
        for (uint256 i = 0; i < t.keys.length; ++i) {
            this.check(t.root(), t.sum(), t.keys.length, t.entry(i));
        }
    }

    function testFuzz_entry_anythingChangedIsRefused(uint8 size, uint8 index, uint8 what, uint256 salt) public {
        Trees.Tree memory t = tree(2 + size % 38, salt);
        Entry memory e = t.entry(index % t.keys.length);
        (bytes32 root, uint256 sum, uint256 n) = (t.root(), t.sum(), t.keys.length);
        this.check(root, sum, n, e);
        if (what % 6 == 0) e.value += 1;
        if (what % 6 == 1) e.key += 1;
        if (what % 6 == 2) e.index = uint32((e.index + 1) % n);
        if (what % 6 == 3) e.path[0] = uint256(keccak256("other"));
        if (what % 6 == 4) e.path[1] += 1;
        if (what % 6 == 5) n += 1;
        vm.expectRevert(Errors.BadProof.selector);
        this.check(root, sum, n, e);
    }

    function test_entry_boundsWhatItReads() public {
        Entry memory e = Entry(1, 1, 0, new uint256[](64));
        vm.expectRevert(Errors.BadProof.selector);
        this.check(0, 1, type(uint256).max, e);
        vm.expectRevert(Errors.BadProof.selector);
        this.check(0, 1, 2, e);
        e.path = new uint256[](1);
        vm.expectRevert(Errors.BadProof.selector);
        this.check(0, 1, 2, e);
    }

    function test_entry_sumsAreUint128() public {
        // a sibling "sum" of 2^256 - 1 would take one away from the total
        bytes32 mine = SumTree.leaf(CONTEXT, 10, 2);
        bytes32 top = keccak256(abi.encode(mine, uint256(2), bytes32("x"), type(uint256).max));
        Entry memory e = Entry(10, 2, 0, new uint256[](2));
        (e.path[0], e.path[1]) = (uint256(bytes32("x")), type(uint256).max);
        vm.expectRevert(Errors.BadProof.selector);
        this.check(SumTree.seal(2, top, 1), 1, 2, e);
    }
}
