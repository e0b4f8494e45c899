// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {GrailToken, IPredecessor} from "../src/GrailToken.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

/// @dev How stake, unbonding and unclaimed pay reach a network that follows this one.
contract SuccessionTest is Network {
    address private constant NEXT_POOL = address(0x9001);
    address private constant ANN = address(0xA11);
    uint256 private constant CAP = 100_000_000 ether;

    GrailToken private next;

    function setUp() public {
        setUpNetwork();
        fund(ANN, 1_000 ether);
        fund(address(this), 0);
        next = follow(token.totalSupply() + 1_000 ether);
    }

    function follow(uint256 limit) private returns (GrailToken) {
        return new GrailToken(
            address(0x71E), NEXT_POOL, CAP, new address[](0), new uint256[](0), IPredecessor(address(token)), limit
        );
    }

    function exchange(address who, uint256 amount) private {
        vm.startPrank(who);
        token.approve(address(next), amount);
        next.exchange(amount);
        vm.stopPrank();
    }

    function test_exchange_oneForOneAndOnce() public {
        uint256 all = token.totalSupply();
        exchange(ANN, 400 ether);
        assertEq(next.balanceOf(ANN), 400 ether, "there");
        assertEq(token.balanceOf(ANN), 600 ether, "no longer here");
        assertEq(token.totalSupply() + next.totalSupply(), all, "nothing was made or lost");
        assertEq(token.totalBurnt(), 400 ether, "burnt here");
        vm.startPrank(ANN);
        token.approve(address(next), 1_000 ether);
        vm.expectRevert();
        next.exchange(601 ether);
        vm.expectRevert(Errors.NothingToDo.selector);
        next.exchange(0);
        vm.stopPrank();
    }

    function test_exchange_stakeComesOverWhenItHasUnbonded() public {
        vm.startPrank(ANN);
        token.approve(address(vault), 1_000 ether);
        vault.stake(MINER, 1_000 ether);
        vault.requestUnstake(MINER, 1_000 ether);
        vm.roll(block.number + policy.get("unbonding_blocks") + 1);
        vault.withdraw();
        vm.stopPrank();
        exchange(ANN, 1_000 ether);
        assertEq(next.balanceOf(ANN), 1_000 ether, "all of it");
    }

    /// @dev What was settled is claimed here whenever its owner likes, and comes over then.
    function test_exchange_unclaimedPayComesOver() public {
        next = follow(token.totalSupply() + 1_000 ether);
        settle(0, 1);
        set("emission_per_window", 0);
        exchange(ANN, 1_000 ether);
        uint256 held = token.balanceOf(MINER);
        claimOf(0, 0);
        uint256 pay = token.balanceOf(MINER) - held;
        assertTrue(pay > 0, "paid");
        exchange(MINER, pay);
        assertEq(next.balanceOf(MINER), pay, "there");
    }

    /// @dev Who goes on minting here makes nothing there: the exchange closes, and the cap there does not move.
    function test_exchange_neverMoreThanThereWere() public {
        next = follow(token.totalSupply());
        uint256 spoken = next.spoken();
        exchange(ANN, 100 ether);
        vm.prank(address(pool));
        token.mint(address(0xBAD), 1, 0);
        vm.startPrank(address(0xBAD));
        token.approve(address(next), 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.ExchangeClosed.selector, next.limit() + 1, next.limit()));
        next.exchange(1);
        vm.stopPrank();
        assertEq(next.spoken(), spoken, "what the new network may mint is what it was");
    }

    function test_mint_leavesRoomForWhatCanStillCome() public {
        uint256 room = CAP - next.limit();
        vm.prank(NEXT_POOL);
        vm.expectRevert(abi.encodeWithSelector(Errors.CapExceeded.selector, CAP + 1, CAP));
        next.mint(address(1), room + 1, 0);
        vm.prank(NEXT_POOL);
        next.mint(address(1), room, 0);
        exchange(ANN, 1_000 ether);
        assertEq(next.balanceOf(ANN), 1_000 ether, "there was room");
    }

    function test_deploy_aLimitNeedsAPredecessorAndRoom() public {
        vm.expectRevert(Errors.ZeroAddress.selector);
        follow(0);
        vm.expectRevert(abi.encodeWithSelector(Errors.CapExceeded.selector, CAP + 1, CAP));
        follow(CAP + 1);
        vm.expectRevert(Errors.NothingToDo.selector);
        token.exchange(1);
    }

    function testFuzz_supply_isConserved(uint96[8] calldata amounts, uint8[8] calldata acts) public {
        uint256 all = token.totalSupply();
        uint256 burnt = 0;
        for (uint256 i = 0; i < 8; ++i) {
            uint256 held = token.balanceOf(ANN);
            uint256 amount = held == 0 ? 0 : amounts[i] % held;
            if (amount == 0) continue;
            if (acts[i] % 3 == 0) {
                vm.prank(ANN);
                token.burn(amount);
                burnt += amount;
            } else {
                exchange(ANN, amount);
            }
            assertEq(token.totalSupply() + next.totalSupply() + burnt, all, "conserved");
            assertLe(next.totalSupply() + next.limit() - next.exchanged(), CAP, "below the cap");
        }
    }
}
