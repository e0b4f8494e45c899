// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {NeuronRegistry, Role} from "../src/NeuronRegistry.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

contract NeuronRegistryTest is Network {
    function setUp() public {
        setUpNetwork();
    }

    function test_register_refusesSecondRole() public {
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyRegistered.selector, MINER));
        registry.register(Role.Validator, "", 10_000 ether);
    }

    function test_register_refusesLowStake() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.StakeTooLow.selector, 1 ether, 100 ether));
        registry.register(Role.Miner, "", 1 ether);
    }

    function test_requestUnstake_leavesNothingOrTheMinimum() public {
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.StakeTooLow.selector, 50 ether, 100 ether));
        registry.requestUnstake(1_950 ether);
    }

    function test_withdraw_onlyAfterTheDelay() public {
        vm.startPrank(MINER);
        registry.requestUnstake(2_000 ether);
        vm.expectRevert(Errors.NothingToWithdraw.selector);
        registry.withdraw();
        vm.roll(block.number + 200);
        uint256 before = token.balanceOf(MINER);
        assertEq(registry.withdraw(), 2_000 ether, "paid out");
        assertEq(token.balanceOf(MINER) - before, 2_000 ether, "received");
    }

    function test_slash_reachesUnbondingStake() public {
        vm.prank(MINER);
        registry.requestUnstake(1_500 ether);
        vm.prank(address(court));
        assertEq(registry.slash(MINER, 1_900 ether), 1_900 ether, "slashed");
        NeuronRegistry.Neuron memory neuron = registry.neuronOf(MINER);
        assertEq(neuron.stake, 0, "active first");
        assertEq(neuron.unbonding, 100 ether, "then the queue");
        vm.roll(block.number + 200);
        vm.prank(MINER);
        assertEq(registry.withdraw(), 100 ether, "only what is left");
    }

    function test_slash_onlyCourt() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        registry.slash(MINER, 1);
    }

    function test_jail_takesTheStakeOutOfTheVote() public {
        uint256 before = registry.activeStake(Role.Validator);
        vm.prank(address(court));
        registry.jail(validators[0]);
        assertEq(registry.activeStake(Role.Validator), before - 10_000 ether, "jailed stake does not count");
        assertTrue(!registry.isActive(validators[0], Role.Validator), "inactive");
        registry.release(validators[0]);
        assertEq(registry.activeStake(Role.Validator), before, "released stake counts again");
    }

    function test_setCourt_onlyOnce() public {
        vm.expectRevert(Errors.AlreadyWired.selector);
        registry.setCourt(address(1));
    }

    function testFuzz_slash_neverTakesMoreThanThereIs(uint128 unstake, uint128 amount) public {
        unstake = uint128(bound(unstake, 1, 1_900 ether));
        vm.prank(MINER);
        registry.requestUnstake(unstake);
        uint256 slashable = registry.slashableStake(MINER);
        vm.prank(address(court));
        uint256 slashed = registry.slash(MINER, amount);
        assertEq(slashed, amount < slashable ? amount : slashable, "exactly, up to all");
        assertEq(registry.slashableStake(MINER), slashable - slashed, "the rest stays");
        assertEq(token.balanceOf(address(registry)), registry.totalStaked(), "solvent");
    }
}
