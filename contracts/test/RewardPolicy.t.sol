// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

contract RewardPolicyTest is Network {
    function setUp() public {
        setUpNetwork();
    }

    function test_set_onlyOwner() public {
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, MINER));
        policy.set("group_size", 16);
    }

    function test_set_keepsBounds() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.OutOfBounds.selector, keccak256("group_size"), 65, 2, 64));
        policy.set("group_size", 65);
    }

    function test_set_refusesUnknownNames() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.UnknownParameter.selector, keccak256("no_such_thing")));
        policy.set("no_such_thing", 1);
    }

    function test_set_splitNeverExceedsOne() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.SplitAboveOne.selector, 11_000));
        policy.set("split_miners_bps", 7_000);
    }

    function test_set_nobodyLeavesBeforeTheLastDispute() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.UnbondingTooShort.selector, 150, 180));
        policy.set("unbonding_blocks", 150);
    }

    function test_valueAt_changesDoNotReachBack() public {
        uint256 before = block.number;
        vm.roll(before + 10);
        policy.set("group_size", 16);
        assertEq(policy.valueAt("group_size", before), 8, "old windows keep the old value");
        assertEq(policy.valueAt("group_size", before + 10), 16, "new windows have the new one");
        assertEq(policy.get("group_size"), 16, "latest");
    }

    function test_setMany_reachesStatesThatNeedTwoSteps() public {
        string[] memory names = new string[](2);
        uint208[] memory values = new uint208[](2);
        (names[0], values[0]) = ("split_miners_bps", 7_000);
        (names[1], values[1]) = ("split_validators_bps", 1_500);
        policy.setMany(names, values);
        assertEq(policy.get("split_miners_bps"), 7_000, "both changed");
    }

    function test_environmentOf_oldWindowsKeepTheOldMix() public {
        uint256 before = block.number;
        vm.roll(before + 10);
        string[] memory ids = new string[](1);
        uint32[] memory weights = new uint32[](1);
        (ids[0], weights[0]) = ("other/1", 3);
        policy.setEnvironments(ids, weights);
        assertEq(policy.environmentOf(keccak256("p"), before), ENV, "old mix");
        assertEq(policy.environmentOf(keccak256("p"), before + 10), keccak256("other/1"), "new mix");
    }

    function test_setEnvironments_refusesEmptyAndWeightless() public {
        vm.expectRevert(Errors.BadEnvironmentMix.selector);
        policy.setEnvironments(new string[](0), new uint32[](0));
        vm.expectRevert(Errors.BadEnvironmentMix.selector);
        policy.setEnvironments(new string[](1), new uint32[](1));
    }
}
