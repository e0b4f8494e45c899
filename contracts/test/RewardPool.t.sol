// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Errors} from "../src/libraries/Errors.sol";
import {Payouts} from "../src/libraries/Payouts.sol";
import {Reveal, Terms} from "../src/libraries/Settlements.sol";
import {Entry} from "../src/libraries/SumTree.sol";
import {Network} from "./base/Network.sol";
import {Trees} from "./base/Trees.sol";

contract RewardPoolTest is Network {
    using Trees for Trees.Tree;

    Trees.Tree private payouts;

    function setUp() public {
        setUpNetwork();
        fund(address(this), 0);
        payouts = Trees.make(Payouts.context(0), 3);
        (payouts.keys[0], payouts.values[0]) = (Payouts.key(Payouts.MINER, MINER), 600 ether);
        (payouts.keys[1], payouts.values[1]) = (Payouts.key(Payouts.VALIDATOR, validators[0]), 250 ether);
        (payouts.keys[2], payouts.values[2]) = (Payouts.key(Payouts.TREASURY, address(timelock)), 40 ether);
        scoreBy(0, 3, 100);
        Terms memory terms = termsFor(0, 100, 600 ether);
        (terms.payoutRoot, terms.payoutSum, terms.payoutSize) = (payouts.root(), 890 ether, 3);
        board.propose(0, terms, reveals);
        pass(20);
        board.finalize(0, terms);
    }

    function test_claim_goesWhereItIsDueWhoeverCalls() public {
        uint256 before = token.balanceOf(MINER);
        vm.prank(address(0xACC));
        pool.claim(0, payouts.entry(0));
        assertEq(token.balanceOf(MINER) - before, 600 ether, "to the neuron");
        pool.claim(0, payouts.entry(2));
        assertEq(token.balanceOf(address(timelock)), 40 ether, "to the treasury");
        assertEq(pool.unclaimed(), 250 ether, "the rest waits");
    }

    function test_claim_sharesWithDelegators() public {
        fund(address(0xA11), 10_000 ether);
        vm.prank(address(0xA11));
        vault.stake(validators[0], 10_000 ether);
        uint256 before = token.balanceOf(validators[0]);
        pool.claim(0, payouts.entry(1));
        assertEq(vault.collectable(validators[0], address(0xA11)), 112.5 ether, "half less ten per cent");
        assertEq(token.balanceOf(validators[0]) - before, 137.5 ether, "the rest at once");
    }

    function test_claim_onlyOnce() public {
        pool.claim(0, payouts.entry(0));
        assertTrue(pool.isPaid(0, 0), "paid");
        Entry memory again = payouts.entry(0);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyClaimed.selector, 0, MINER));
        pool.claim(0, again);
    }

    function test_claim_onlyWithItsProof() public {
        Entry memory entry = payouts.entry(0);
        entry.value += 1;
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, entry);
        entry = payouts.entry(0);
        entry.key = Payouts.key(Payouts.MINER, TRAINER);
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, entry);
        entry = payouts.entry(0);
        entry.index = 1;
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, entry);
        entry = payouts.entry(0);
        entry.key |= 1 << 200;
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, entry);
        entry = payouts.entry(0);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotSettled.selector, 1));
        pool.claim(1, entry);
    }

    function test_claim_proofOfAnotherWindow() public {
        Trees.Tree memory other = payouts;
        other.context = Payouts.context(1);
        Entry memory entry = other.entry(0);
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, entry);
    }

    function test_claim_notWhilePaused() public {
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        Entry memory entry = payouts.entry(0);
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        pool.claim(0, entry);
        vm.roll(pool.settlementOf(0).expiresAt + 50);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        pool.expire(0, entry);
    }

    /// @dev F9: paused blocks do not count against who has not claimed.
    function test_claim_aPauseTakesNobodysTime() public {
        vm.roll(pool.settlementOf(0).expiresAt - 1);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        pass(50);
        pool.claim(0, payouts.entry(0));
        pass(1);
        Entry memory late = payouts.entry(1);
        vm.expectRevert(abi.encodeWithSelector(Errors.ClaimExpired.selector, 0));
        pool.claim(0, late);
    }

    /// @dev F18: shares that the protocol does not know, and a treasury that is not the treasury.
    function test_claim_onlyKnownSharesAndTheRealTreasury() public {
        uint8[3] memory shares = [0, 5, Payouts.TREASURY];
        for (uint256 i = 0; i < 3; ++i) {
            Entry memory entry = payouts.entry(0);
            entry.key = Payouts.key(shares[i], MINER);
            vm.expectRevert(Errors.BadProof.selector);
            pool.claim(0, entry);
        }
    }

    function test_expire_whatWasNotClaimedGoesToTheTreasury() public {
        pool.claim(0, payouts.entry(0));
        uint256 ready = pool.settlementOf(0).expiresAt;
        Entry memory late = payouts.entry(1);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, ready));
        pool.expire(0, late);
        vm.roll(ready);
        vm.expectRevert(abi.encodeWithSelector(Errors.ClaimExpired.selector, 0));
        pool.claim(0, late);
        pool.expire(0, late);
        assertEq(token.balanceOf(address(timelock)), 250 ether, "to the treasury");
        assertEq(pool.unclaimed(), 40 ether, "what is still open");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyClaimed.selector, 0, validators[0]));
        pool.expire(0, late);
        Entry memory paid = payouts.entry(0);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyClaimed.selector, 0, MINER));
        pool.expire(0, paid);
    }

    function test_expire_aLongerTermDoesNotReviveNorAShorterOneCut() public {
        uint256 ready = pool.settlementOf(0).expiresAt;
        set("claim_expiry_blocks", 100);
        vm.roll(ready - 1);
        pool.claim(0, payouts.entry(1));
    }

    function test_emission_halvesAndEndsAtTheCap() public {
        set("halving_windows", 100);
        set("emission_per_window", 1_000_000 ether);
        pass(WINDOW * 1_000);
        uint64 window = ledger.currentWindow();
        assertEq(pool.emissionOf(window), 1_000_000 ether >> (window / 100), "halved");
        set("halving_windows", 10_000_000);
        pass(WINDOW);
        window = ledger.currentWindow();
        uint256 left = token.cap() - token.totalSupply();
        vm.prank(address(board));
        pool.reserve(left - 5 ether);
        assertEq(pool.emissionOf(window), 5 ether, "what the cap leaves");
    }

    function test_privileges() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pool.settle(1, 0, 1, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pool.reserve(1);
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pool.unreserve(1);
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        vault.divide(MINER, 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        token.mint(address(this), 1);
    }

    function test_token_refusesItsOwnAddressAndKeepsTheCap() public {
        vm.expectRevert(Errors.TransferToToken.selector);
        token.transfer(address(token), 1);
        uint256 left = token.cap() - token.totalSupply();
        vm.startPrank(address(pool));
        vm.expectRevert(abi.encodeWithSelector(Errors.CapExceeded.selector, token.cap() + 1, token.cap()));
        token.mint(MINER, left + 1);
    }
}
