// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

contract RewardPolicyTest is Network {
    function setUp() public {
        setUpNetwork();
        vm.startPrank(address(timelock));
    }

    function one(string memory id, uint32 weight, uint32 reward) private {
        (string[] memory ids, uint32[] memory weights, uint32[] memory rewards) =
            (new string[](1), new uint32[](1), new uint32[](1));
        (ids[0], weights[0], rewards[0]) = (id, weight, reward);
        policy.setEnvironments(ids, weights, rewards);
    }

    function test_set_onlyAVote() public {
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        policy.set("group_size", 16);
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        policy.setMany(new string[](0), new uint208[](0));
        vm.expectRevert(abi.encodeWithSelector(Ownable.OwnableUnauthorizedAccount.selector, address(this)));
        policy.setEnvironments(new string[](0), new uint32[](0), new uint32[](0));
    }

    function test_set_keepsBounds() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.OutOfBounds.selector, keccak256("group_size"), 65, 2, 64));
        policy.set("group_size", 65);
    }

    function test_set_refusesUnknownNames() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.UnknownParameter.selector, keccak256("no_such_thing")));
        policy.set("no_such_thing", 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.UnknownParameter.selector, keccak256("no_such_thing")));
        policy.get("no_such_thing");
    }

    function test_set_theSplitIsTheWholeEmission() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.SplitNotWhole.selector, 11_000));
        policy.set("split_miners_bps", 7_000);
        vm.expectRevert(abi.encodeWithSelector(Errors.SplitNotWhole.selector, 9_900));
        policy.set("split_burn_bps", 0);
    }

    function test_set_nobodyLeavesBeforeTheLastDispute() public {
        // horizon 120, two rounds of 20 and an appeal of 20, a pause of 50
        vm.expectRevert(abi.encodeWithSelector(Errors.UnbondingTooShort.selector, 229, 230));
        policy.set("unbonding_blocks", 229);
        policy.set("unbonding_blocks", 230);
        vm.expectRevert(abi.encodeWithSelector(Errors.UnbondingTooShort.selector, 230, 231));
        policy.set("pause_blocks", 51);
    }

    function test_set_noFineComesNearAStake() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.PenaltyTooHigh.selector, 101 ether, 100 ether));
        policy.set("juror_penalty", 101 ether);
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

    function test_environments_oldWindowsKeepTheOldMix() public {
        uint256 before = block.number;
        vm.roll(before + 10);
        one("other/1", 3, 500);
        assertEq(policy.environmentOf(keccak256("p"), before), ENV, "old mix");
        assertEq(policy.environmentOf(keccak256("p"), before + 10), keccak256("other/1"), "new mix");
        (uint64 since,,, uint32[] memory rewards) = policy.environments(before + 10);
        assertEq(rewards[0], 500, "and its reward");
        assertEq(since, before + 10, "and the block whose event names it");
    }

    function test_environments_refusesEmptyWeightlessUnevenAndExtravagant() public {
        vm.expectRevert(Errors.BadEnvironmentMix.selector);
        policy.setEnvironments(new string[](0), new uint32[](0), new uint32[](0));
        vm.expectRevert(Errors.BadEnvironmentMix.selector);
        policy.setEnvironments(new string[](1), new uint32[](1), new uint32[](2));
        vm.expectRevert(Errors.BadEnvironmentMix.selector);
        policy.setEnvironments(new string[](65), new uint32[](65), new uint32[](65));
        vm.expectRevert(Errors.BadEnvironmentMix.selector);
        one("free/1", 0, 1_000);
        vm.expectRevert(Errors.BadEnvironmentMix.selector);
        one("gold/1", 1, 100_001);
    }
}
