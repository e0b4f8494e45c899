// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Role} from "../src/StakeVault.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

contract StakeVaultTest is Network {
    address private constant ANN = address(0xA11);
    address private constant BOB = address(0xB0B);

    function setUp() public {
        setUpNetwork();
        fund(ANN, 10_000 ether);
        fund(BOB, 10_000 ether);
    }

    function stakeAs(address who, uint128 amount) private {
        vm.prank(who);
        vault.stake(MINER, amount);
    }

    function slash(uint256 amount) private returns (uint256 slashed) {
        vm.prank(address(court));
        (slashed,) = vault.slash(MINER, amount);
    }

    function reward(uint256 amount) private returns (uint256 own, uint256 rest) {
        vm.prank(address(pool));
        (own, rest) = vault.divide(MINER, amount);
        token.transfer(address(vault), rest);
    }

    function test_unstake_leavesNothingOrTheMinimum() public {
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.StakeTooLow.selector, 50 ether, 100 ether));
        vault.requestUnstake(MINER, 1_950 ether);
        stakeAs(ANN, 10 ether);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 9 ether);
        assertEq(vault.positionOf(MINER, ANN), 1 ether, "a delegator may keep what she likes");
    }

    function test_withdraw_onlyAfterTheDelay() public {
        vm.startPrank(MINER);
        vault.requestUnstake(MINER, 2_000 ether);
        pass(399);
        vm.expectRevert(Errors.NothingToWithdraw.selector);
        vault.withdraw();
        pass(1);
        uint256 before = token.balanceOf(MINER);
        assertEq(vault.withdraw(), 2_000 ether, "paid out");
        assertEq(token.balanceOf(MINER) - before, 2_000 ether, "received");
    }

    function test_withdraw_delayFollowsTheClockNotThePause() public {
        vm.prank(MINER);
        vault.requestUnstake(MINER, 1_000 ether);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        pass(410);
        vm.prank(MINER);
        vm.expectRevert(Errors.NothingToWithdraw.selector);
        vault.withdraw();
        pass(40);
        vm.prank(MINER);
        assertEq(vault.withdraw(), 1_000 ether, "fifty blocks later");
    }

    function test_withdraw_whatWasDueLeavesAlsoWhilePaused() public {
        vm.prank(MINER);
        vault.requestUnstake(MINER, 1_000 ether);
        pass(400);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        vm.prank(MINER);
        assertEq(vault.withdraw(), 1_000 ether, "due is due");
    }

    function test_slash_isSharedProRataAndReachesWhatIsLeaving() public {
        stakeAs(ANN, 2_000 ether);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 1_000 ether);
        assertEq(slash(2_000 ether), 2_000 ether, "half of four thousand");
        assertEq(vault.positionOf(MINER, MINER), 1_000 ether, "half of the neuron's");
        assertEq(vault.positionOf(MINER, ANN), 500 ether, "half of what stayed");
        pass(400);
        vm.prank(ANN);
        assertEq(vault.withdraw(), 500 ether, "half of what was leaving");
    }

    function test_slash_roundsAgainstTheActivePart() public {
        stakeAs(ANN, 1_000 ether);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 1_000 ether);
        assertEq(slash(10), 10, "three and a third of it from what is leaving");
        assertEq(vault.unbondingOf(MINER), 1_000 ether - 3, "three");
        assertEq(vault.stakeOf(MINER), 2_000 ether - 7, "seven");
    }

    function test_slash_ofEverythingSparesWhatIsDueInItsBlock() public {
        stakeAs(ANN, 1_000 ether);
        stakeAs(BOB, 1_000 ether);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 1_000 ether);
        pass(10);
        vm.prank(BOB);
        vault.requestUnstake(MINER, 1_000 ether);
        pass(390);
        slash(type(uint256).max);
        (, uint256[] memory anns) = vault.exitsOf(ANN);
        (, uint256[] memory bobs) = vault.exitsOf(BOB);
        assertEq(anns[0], 1_000 ether, "due in the block of the slash");
        assertEq(bobs[0], 0, "ten blocks too late");
        vm.prank(ANN);
        assertEq(vault.withdraw(), 1_000 ether, "and paid");
    }

    function test_unstake_afterASlashBuysExitSharesAtTheirWorth() public {
        stakeAs(ANN, 1_000 ether);
        stakeAs(BOB, 1_000 ether);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 1_000 ether);
        slash(2_000 ether);
        vm.prank(BOB);
        vault.requestUnstake(MINER, 500 ether);
        (, uint256[] memory anns) = vault.exitsOf(ANN);
        (, uint256[] memory bobs) = vault.exitsOf(BOB);
        assertEq(anns[0], 500 ether, "half, by the slash before");
        assertEq(bobs[0], 500 ether, "all that he asked back after it");
    }

    function test_unstake_roundsSharesUp() public {
        slash(1);
        uint256 before = vault.poolOf(MINER).shares;
        stakeAs(ANN, 10 ether);
        uint256 held = vault.poolOf(MINER).shares;
        vm.prank(ANN);
        vault.requestUnstake(MINER, 1 ether);
        uint256 pooled = 2_010 ether - 1;
        uint256 exact = 1 ether * held / pooled;
        assertTrue(1 ether * held % pooled != 0, "not a whole number of shares");
        assertEq(vault.poolOf(MINER).shares, held - exact - 1, "the part of one is burnt, too");
        assertTrue(before < held, "a stake buys shares");
    }

    function test_slash_onlyCourtAndJury() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        vault.slash(MINER, 1);
    }

    function test_slash_ofEverythingClosesThePool() public {
        slash(type(uint256).max);
        assertEq(vault.stakeOf(MINER), 0, "nothing left");
        vm.prank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Errors.PoolWiped.selector, MINER));
        vault.stake(MINER, 1 ether);
    }

    function test_stake_afterASlashBuysSharesAtTheirWorth() public {
        slash(1_000 ether);
        stakeAs(ANN, 1_000 ether);
        assertEq(vault.positionOf(MINER, ANN), 1_000 ether, "Ann pays for no past slash");
        assertEq(vault.positionOf(MINER, MINER), 1_000 ether, "and gains from none");
        slash(1_000 ether);
        assertEq(vault.positionOf(MINER, ANN), 500 ether, "but bears the next one");
    }

    function test_stake_onlyOnNeuronsAndNeverNothing() public {
        vm.startPrank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotRegistered.selector, BOB));
        vault.stake(BOB, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(Errors.StakeTooLow.selector, 0, 1));
        vault.stake(MINER, 0);
    }

    function test_rewards_areSharedByStakeAndCommission() public {
        stakeAs(ANN, 2_000 ether);
        (uint256 own, uint256 rest) = reward(100 ether);
        assertEq(rest, 45 ether, "Ann's half less ten per cent");
        assertEq(own, 55 ether, "the neuron's half and its commission");
        vm.prank(ANN);
        assertEq(vault.collect(MINER), 45 ether, "collected");
        vm.prank(ANN);
        vm.expectRevert(Errors.NothingToWithdraw.selector);
        vault.collect(MINER);
    }

    function test_rewards_onlyForStakeThatWasThere() public {
        stakeAs(ANN, 2_000 ether);
        reward(100 ether);
        stakeAs(BOB, 4_000 ether);
        assertEq(vault.collectable(MINER, BOB), 0, "Bob came later");
        reward(80 ether);
        assertEq(vault.collectable(MINER, ANN), 45 ether + 18 ether, "a quarter of the second");
        assertEq(vault.collectable(MINER, BOB), 36 ether, "half of the second");
    }

    function test_rewards_areNotStakeAndCannotBeSlashed() public {
        stakeAs(ANN, 2_000 ether);
        reward(100 ether);
        slash(type(uint256).max);
        vm.prank(ANN);
        assertEq(vault.collect(MINER), 45 ether, "earned is earned");
    }

    function test_commission_holdsAfterItsNotice() public {
        vm.prank(MINER);
        vault.announceCommission(5_000);
        assertEq(vault.commissionOf(MINER), 1_000, "still the old one");
        pass(39);
        assertEq(vault.commissionOf(MINER), 1_000, "till the last block");
        pass(1);
        assertEq(vault.commissionOf(MINER), 5_000, "then the new one");
        vm.startPrank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.SplitAboveOne.selector, 10_001));
        vault.announceCommission(10_001);
    }

    function test_collect_notWhilePaused() public {
        stakeAs(ANN, 2_000 ether);
        reward(100 ether);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        vm.prank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        vault.collect(MINER);
    }

    function test_votes_ofStakeAreExactThroughSlashes() public {
        stakeAs(ANN, 3_000 ether);
        uint256 before = block.number;
        pass(1);
        slash(2_500 ether);
        pass(1);
        assertEq(vault.getPastVotes(ANN, before), 3_000 ether, "then");
        assertEq(vault.getPastVotes(ANN, before + 1), 1_500 ether, "half after the slash");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotPast.selector, block.number, block.number));
        vault.getPastVotes(ANN, block.number);
    }

    function test_pools_areLimitedForEachStaker() public {
        for (uint160 i = 0; i < 17; ++i) {
            join(address(0x9000 + i), Role.Miner, 100 ether);
            vm.prank(ANN);
            if (i == 16) vm.expectRevert(abi.encodeWithSelector(Errors.TooManyPools.selector, 16));
            vault.stake(address(0x9000 + i), 1 ether);
        }
        vm.startPrank(ANN);
        vault.requestUnstake(address(0x9000), 1 ether);
        vault.stake(address(0x9010), 1 ether);
        for (uint160 i = 1; i < 8; ++i) {
            vault.requestUnstake(address(0x9000 + i), 1 ether);
        }
        vm.expectRevert(Errors.QueueFull.selector);
        vault.requestUnstake(address(0x9008), 1 ether);
    }

    /// @dev F22: what is due is its owner's, whatever the neuron does afterwards, and whenever it is fetched.
    function test_slash_sparesWhatIsDue() public {
        stakeAs(ANN, 2_000 ether);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 1_000 ether);
        pass(200);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 500 ether);
        pass(200);
        assertEq(vault.slashableStake(MINER), 3_000 ether, "the first thousand is out of reach");
        assertEq(slash(1_500 ether), 1_500 ether, "half of the rest");
        (, uint256[] memory worth) = vault.exitsOf(ANN);
        assertEq(worth[0], 1_000 ether, "due: whole");
        assertEq(worth[1], 250 ether, "not due: half");
        slash(100 ether);
        pass(400);
        uint256 before = token.balanceOf(ANN);
        vm.prank(ANN);
        vault.withdraw();
        assertLe(token.balanceOf(ANN) - before, 1_250 ether, "the second one bears the second slash too");
        assertTrue(token.balanceOf(ANN) - before > 1_230 ether, "and the first does not");
    }

    /// @dev F21: an entry in a wiped exit pool keeps nobody in.
    function test_unstake_aWipedExitPoolHoldsNobody() public {
        stakeAs(ANN, 2_000 ether);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 1_000 ether);
        slash(type(uint256).max);
        vm.prank(ANN);
        vault.abandon(MINER);
        vm.prank(MINER);
        vault.abandon(MINER);
        stakeAs(BOB, 10 ether);
        vm.prank(BOB);
        vault.requestUnstake(MINER, 10 ether);
        pass(400);
        vm.prank(BOB);
        assertEq(vault.withdraw(), 10 ether, "the pool is as new");
    }

    function test_unstake_anotherGenerationAfterAWipedOne() public {
        address operator = address(0x0BE);
        join(operator, Role.Miner, 1_000 ether);
        vm.startPrank(ANN);
        vault.stake(operator, 2_000 ether);
        vault.requestUnstake(operator, 10 ether);
        vm.stopPrank();
        for (uint256 i = 0; i < 21; ++i) {
            uint256 half = vault.slashableStake(operator) / 2;
            vm.prank(address(court));
            vault.slash(operator, half);
        }
        vm.prank(BOB);
        vm.expectRevert(abi.encodeWithSelector(Errors.PoolWiped.selector, operator));
        vault.stake(operator, 1 ether);
        uint256 left = vault.positionOf(operator, ANN);
        assertTrue(left > 0, "a little");
        vm.prank(ANN);
        vault.requestUnstake(operator, uint128(left));
        (, uint256[] memory worth) = vault.exitsOf(ANN);
        assertEq(worth[0], 0, "the old entry is worth nothing");
        assertEq(worth[1], left, "and takes nothing from the new one");
        pass(400);
        vm.prank(ANN);
        assertEq(vault.withdraw(), left, "which leaves");
    }

    /// @dev F16: a worthless position gives its place among the sixteen back.
    function test_abandon_onlyWhatIsWorthless() public {
        stakeAs(ANN, 100);
        vm.prank(ANN);
        vm.expectRevert(Errors.NothingToDo.selector);
        vault.abandon(MINER);
        slash(vault.stakeOf(MINER) - 1);
        assertEq(vault.positionOf(MINER, ANN), 0, "worth nothing");
        vm.prank(ANN);
        vault.abandon(MINER);
        assertEq(vault.poolsOf(ANN).length, 0, "gone");
        vm.prank(BOB);
        vm.expectRevert(Errors.NothingToDo.selector);
        vault.abandon(MINER);
    }

    /// @dev F23: a validator at the least stake survives its fines; to join takes the whole.
    function test_standing_survivesAFewFines() public {
        address small = address(0x5A11);
        join(small, Role.Validator, 1_000 ether);
        for (uint256 i = 0; i < 20; ++i) {
            assertTrue(registry.isActive(small, Role.Validator), "works on");
            vm.prank(address(jury));
            vault.slash(small, 5 ether);
        }
        assertTrue(registry.isActive(small, Role.Validator), "nine tenths");
        vm.prank(address(jury));
        vault.slash(small, 5 ether);
        assertTrue(!registry.isActive(small, Role.Validator), "below");
        pass(1);
        assertEq(active.stakeAt(small, block.number - 1), 0, "and no longer in the set");
    }

    function test_review_afterAVoteRaisedTheMinimum() public {
        set("min_stake_validator", 20_000 ether);
        assertTrue(!registry.isActive(validators[0], Role.Validator), "at once");
        vault.review(validators[0]);
        pass(1);
        assertEq(active.stakeAt(validators[0], block.number - 1), 0, "its place too, once somebody looks");
    }

    /// @dev F9: a commission is announced in running time.
    function test_commission_takesEffectWhenItWasSaidNotBefore() public {
        vm.prank(MINER);
        vault.announceCommission(5_000);
        pass(39);
        assertEq(vault.commissionOf(MINER), 1_000, "not yet");
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        pass(50);
        assertEq(vault.commissionOf(MINER), 1_000, "not in a pause");
        pass(1);
        assertEq(vault.commissionOf(MINER), 5_000, "then");
    }

    function test_recover_onlyWhatWasSentByMistake() public {
        token.transfer(address(vault), 7 ether);
        vm.startPrank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(Errors.NotSpare.selector, 8 ether, 7 ether));
        vault.recover(token, ANN, 8 ether);
        vault.recover(token, ANN, 7 ether);
        assertEq(token.balanceOf(address(vault)), vault.totalOwed(), "stake is out of reach");
    }

    function testFuzz_slash_takesExactlyAndNeverMoreThanThereIs(uint128 ann, uint128 leave, uint128 amount) public {
        stakeAs(ANN, uint128(bound(ann, 1, 10_000 ether)));
        uint256 held = vault.positionOf(MINER, ANN);
        vm.prank(ANN);
        vault.requestUnstake(MINER, uint128(bound(leave, 1, held)));
        uint256 slashable = vault.slashableStake(MINER);
        assertEq(slash(amount), amount < slashable ? amount : slashable, "exactly, up to all");
        assertEq(token.balanceOf(address(vault)), vault.totalOwed(), "solvent");
        uint256 shared = vault.positionOf(MINER, ANN) + vault.positionOf(MINER, MINER);
        assertLe(shared, vault.stakeOf(MINER), "positions never exceed the pool");
        assertLe(vault.stakeOf(MINER), shared + 2, "and lose at most a wei each");
    }

    function testFuzz_unstake_neverPaysMoreThanWasPutIn(uint128 first, uint128 second, uint64 cut) public {
        stakeAs(ANN, uint128(bound(first, 1, 5_000 ether)));
        slash(bound(cut, 0, 1_999 ether));
        stakeAs(BOB, uint128(bound(second, 1 ether, 5_000 ether)));
        uint256 worth = vault.positionOf(MINER, BOB);
        assertLe(worth, bound(second, 1 ether, 5_000 ether), "no gift");
        vm.prank(BOB);
        vault.requestUnstake(MINER, uint128(worth));
        pass(400);
        vm.prank(BOB);
        assertLe(vault.withdraw(), worth, "out again");
        assertEq(token.balanceOf(address(vault)), vault.totalOwed(), "solvent");
    }
}
