// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Ownable} from "@openzeppelin/contracts/access/Ownable.sol";
import {RewardPolicy, Split} from "../src/RewardPolicy.sol";
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
        // horizon 120, two rounds of 20 and an appeal of 20, a pause of 50, two windows of 60
        vm.expectRevert(abi.encodeWithSelector(Errors.UnbondingTooShort.selector, 349, 350));
        policy.set("unbonding_blocks", 349);
        policy.set("unbonding_blocks", 350);
        vm.expectRevert(abi.encodeWithSelector(Errors.UnbondingTooShort.selector, 350, 351));
        policy.set("pause_blocks", 51);
    }

    /// @dev F12: the floors are the contract's own, and no vote reaches below them.
    function test_set_noPhaseBelowTheFloor() public {
        vm.stopPrank();
        RewardPolicy.Floors memory floors = RewardPolicy.Floors(600, 360);
        RewardPolicy real = new RewardPolicy(address(this), floors, new string[](0), new uint208[](0), startMix());
        string[8] memory phases = [
            "vote_commit_blocks",
            "vote_reveal_blocks",
            "appeal_blocks",
            "accusation_horizon_blocks",
            "settlement_challenge_blocks",
            "settlement_move_blocks",
            "claim_expiry_blocks",
            "commission_notice_blocks"
        ];
        for (uint256 i = 0; i < phases.length; ++i) {
            bytes32 key = keccak256(bytes(phases[i]));
            (, uint208 most) = real.bounds(key);
            vm.expectRevert(abi.encodeWithSelector(Errors.OutOfBounds.selector, key, 599, 600, most));
            real.set(phases[i], 599);
            real.set(phases[i], 600);
        }
        (, uint208 slash) = real.bounds(keccak256("slash_bps"));
        assertEq(slash, 5_000, "nor can a vote take more than half");
    }

    /// @dev At every corner of the bounds, what the rule lets through pays the accuser of the smallest miner its cost.
    function test_set_accusingPaysAtEveryCorner() public {
        string[] memory names = new string[](4);
        (names[0], names[1], names[2], names[3]) = ("min_stake_miner", "slash_bps", "slash_accuser_bps", "accuse_cost");
        uint256 kept = 0;
        for (uint256 corner = 0; corner < 16; ++corner) {
            uint208[] memory values = new uint208[](4);
            for (uint256 i = 0; i < 4; ++i) {
                (uint208 low, uint208 high) = policy.bounds(keccak256(bytes(names[i])));
                values[i] = corner >> i & 1 == 0 ? low : high;
            }
            uint256 reward = uint256(values[0]) * 9 / 10 * values[1] / 10_000 * values[2] / 10_000;
            if (reward >= values[3]) ++kept;
            else vm.expectRevert(abi.encodeWithSelector(Errors.AccusingTooDear.selector, reward, values[3]));
            policy.setMany(names, values);
        }
        assertEq(kept, 11, "free, or well paid");
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

    /// @dev The word that settlements read is the five parameters, at every block.
    function test_splitAt_isTheParametersAtEveryBlock() public {
        uint256 first = block.number;
        (string[] memory names, uint208[] memory values) = (new string[](2), new uint208[](2));
        (names[0], names[1], values[0], values[1]) = ("split_miners_bps", "split_burn_bps", 5_000, 1_100);
        pass(10);
        policy.setMany(names, values);
        pass(10);
        policy.set("group_size", 16);
        pass(10);
        (values[0], values[1]) = (6_100, 0);
        policy.setMany(names, values);
        pass(10);
        for (uint256 b = first - 2; b <= block.number; ++b) {
            Split memory s = policy.splitAt(b);
            assertEq(s.miners, policy.valueAt("split_miners_bps", b), "miners");
            assertEq(s.validators, policy.valueAt("split_validators_bps", b), "validators");
            assertEq(s.trainer, policy.valueAt("split_trainer_bps", b), "trainer");
            assertEq(s.treasury, policy.valueAt("split_treasury_bps", b), "treasury");
            assertEq(s.burn, policy.valueAt("split_burn_bps", b), "burn");
        }
        assertEq(policy.splitAt(first).miners, 6_000, "the past is what it was");
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
        (bytes32 old, uint256 rate) = policy.environmentOf(keccak256("p"), before);
        assertEq(old, ENV, "old mix");
        assertEq(rate, 1_000, "and its reward");
        (old, rate) = policy.environmentOf(keccak256("p"), before + 10);
        assertEq(old, keccak256("other/1"), "new mix");
        assertEq(rate, 500, "and its reward");
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
