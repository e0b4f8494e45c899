// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../src/FaultCourt.sol";
import {Jury} from "../src/Jury.sol";
import {RewardPool} from "../src/RewardPool.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {SettlementLeaf, Terms} from "../src/libraries/Settlements.sol";
import {Sortition} from "../src/libraries/Sortition.sol";
import {Network} from "./base/Network.sol";

contract RewardPoolTest is Network {
    function setUp() public {
        setUpNetwork();
        fund(address(this), 0);
    }

    /// @dev The leaf in which a validator's pay stands: with one page, that of its place.
    function leafOf(address validator) private view returns (uint256 index) {
        for (index = committed.length; leaves[index].account != validator; ++index) {}
    }

    function test_claim_goesWhereItIsDueWhoeverCalls() public {
        settle(0, 1);
        uint256 before = token.balanceOf(MINER);
        vm.prank(address(0xACC));
        this.claimExternal(0, 0);
        assertEq(token.balanceOf(MINER) - before, 600 ether, "the whole of the miners' part");
        assertEq(pool.unclaimed(), 390 ether, "the rest waits");
    }

    function claimExternal(uint64 window, uint256 index) external {
        claimOf(window, index);
    }

    function test_claim_validatorsByTheWorthThatTheirSeatsJudged() public {
        settle(0, 1);
        uint256 sum = 0;
        for (uint256 i = 0; i < 3; ++i) {
            uint256 seats = seatsOf(0, 0, validators[i]);
            if (seats == 0) continue;
            uint256 before = token.balanceOf(validators[i]);
            claimOf(0, leafOf(validators[i]));
            assertEq(token.balanceOf(validators[i]) - before, 50 ether * seats, "a fifth of 250 for each seat");
            sum += 50 ether * seats;
        }
        assertEq(sum, 250 ether, "all of it");
    }

    function test_claim_sharesWithDelegators() public {
        fund(address(0xA11), 10_000 ether);
        vm.prank(address(0xA11));
        vault.stake(MINER, 2_000 ether);
        settle(0, 1);
        claimOf(0, 0);
        // half the pool's, less a commission of ten per cent
        assertEq(vault.collectable(MINER, address(0xA11)), 270 ether, "the delegator's");
    }

    function test_claim_trainerAndTreasury() public {
        settle(0, 1);
        uint256 before = token.balanceOf(TRAINER);
        pool.claimShare(0, RewardPool.Share.Trainer);
        assertEq(token.balanceOf(TRAINER) - before, 100 ether, "the publisher of the window's checkpoint");
        before = token.balanceOf(address(timelock));
        pool.claimShare(0, RewardPool.Share.Treasury);
        assertEq(token.balanceOf(address(timelock)) - before, 40 ether, "the treasury");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyClaimed.selector, 0, TRAINER));
        pool.claimShare(0, RewardPool.Share.Trainer);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotPayable.selector, 0, 1));
        pool.claimShare(0, RewardPool.Share.Miner);
    }

    function test_claim_onlyOnce() public {
        settle(0, 1);
        claimOf(0, 0);
        assertTrue(pool.isPaid(0, 0), "paid");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyClaimed.selector, 0, MINER));
        this.claimExternal(0, 0);
    }

    function test_claim_onlyWithItsProof() public {
        settle(0, 1);
        bytes32[] memory path = pathOf(0);
        SettlementLeaf memory leaf = leaves[0];
        leaf.value += 1;
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, 0, leaf, path);
        leaf.value -= 1;
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, 256, leaf, path);
        vm.expectRevert(Errors.BadProof.selector);
        pool.claim(0, 0, leaf, new bytes32[](0));
        vm.expectRevert(abi.encodeWithSelector(Errors.NotSettled.selector, 1));
        pool.claim(1, 0, leaf, path);
    }

    /// @dev Leaves without pay: silent seats' miners, empty places.
    function test_claim_nothingWhereNothingIsDue() public {
        settle(0, 3);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotPayable.selector, 0, 0));
        this.claimExternal(0, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotPayable.selector, 0, 5));
        this.claimExternal(0, 5);
        assertEq(pool.unclaimed(), 140 ether, "trainer and treasury alone");
    }

    function test_claim_notByWhoWasConvictedSince() public {
        settle(0, 1);
        vm.prank(address(jury));
        court.convict(0, MINER, Fault.Replay, address(this));
        vm.expectRevert(abi.encodeWithSelector(Errors.Convicted.selector, 0, MINER));
        this.claimExternal(0, 0);
    }

    function test_claim_heldUntilEveryRejectionIsOverturned() public {
        Terms memory terms = settle(0, 2);
        assertEq(terms.due, 0, "nothing at once");
        uint256 supply = token.totalSupply() + token.totalBurnt();
        vm.expectRevert(abi.encodeWithSelector(Errors.PayHeld.selector, 0, MINER));
        this.claimExternal(0, 0);
        for (uint256 i = 0; i < 3; ++i) {
            if (seatsOf(0, 0, validators[i]) == 0) continue;
            vm.expectRevert(abi.encodeWithSelector(Errors.PayHeld.selector, 0, MINER));
            this.claimExternal(0, 0);
            overturn(i);
        }
        uint256 before = token.balanceOf(MINER);
        claimOf(0, 0);
        assertEq(token.balanceOf(MINER) - before, 600 ether, "late, and whole");
        assertEq(token.totalSupply() + token.totalBurnt() - supply, 600 ether, "minted now");
    }

    /// @dev Nobody judged it: a jury is the second draw.
    function test_claim_unjudgedUntilAJuryHasSpoken() public {
        Terms memory terms = settle(0, 0);
        assertEq(terms.due, 0, "nothing at once");
        vm.expectRevert(abi.encodeWithSelector(Errors.PayHeld.selector, 0, MINER));
        this.claimExternal(0, 0);
        bytes[] memory shown = evidenceOf(0, 0).sheets;
        vm.prank(MINER);
        free(jury.contestSilence(committed[0], shown));
        uint256 before = token.balanceOf(MINER);
        claimOf(0, 0);
        assertEq(token.balanceOf(MINER) - before, 600 ether, "late, and whole");
    }

    /// @dev The miner pleads against one validator's rejection, and the others' jury agrees.
    function overturn(uint256 who) private {
        vm.prank(MINER);
        free(jury.contest(committed[0], validators[who], sheets[0][validators[who]]));
    }

    function free(uint256 id) private {
        pass(2);
        jury.draw(id);
        for (uint256 i = 0; i < 3; ++i) {
            if (jury.seatsOf(id, validators[i]) == 0) continue;
            vm.prank(validators[i]);
            jury.commitVote(id, keccak256(abi.encode(id, 1, validators[i], Jury.Verdict.Innocent, bytes32(0))));
        }
        pass(11);
        for (uint256 i = 0; i < 3; ++i) {
            if (jury.seatsOf(id, validators[i]) == 0) continue;
            vm.prank(validators[i]);
            jury.revealVote(id, Jury.Verdict.Innocent, 0);
        }
        pass(11);
        jury.rule(id);
        pass(21);
        jury.execute(id);
    }

    function test_claim_notWhilePaused() public {
        settle(0, 1);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        this.claimExternal(0, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        pool.claimShare(0, RewardPool.Share.Treasury);
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        this.expireExternal(0, 0);
    }

    /// @dev F9: paused blocks do not count against who has not claimed.
    function test_claim_aPauseTakesNobodysTime() public {
        settle(0, 1);
        vm.roll(pool.settlementOf(0).expiresAt - 1);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        pass(50);
        claimOf(0, 0);
        pass(1);
        uint256 index = leafOf(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.ClaimExpired.selector, 0));
        this.claimExternal(0, index);
    }

    function expireExternal(uint64 window, uint256 index) external {
        pool.expire(window, index, leaves[index], pathOf(index));
    }

    function test_expire_whatWasNotClaimedGoesToTheTreasury() public {
        settle(0, 1);
        address who = active.holderAt(Sortition.point(Sortition.committee(ledger.challengeOf(0)), 0, 30_000 ether), 99);
        uint256 index = leafOf(who);
        uint256 due = 50 ether * seatsOf(0, 0, who);
        uint256 ready = pool.settlementOf(0).expiresAt;
        claimOf(0, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, ready));
        this.expireExternal(0, index);
        vm.roll(ready);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyClaimed.selector, 0, MINER));
        this.expireExternal(0, 0);
        uint256 before = token.balanceOf(address(timelock));
        this.expireExternal(0, index);
        assertEq(token.balanceOf(address(timelock)) - before, due, "the validator's part");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyClaimed.selector, 0, who));
        this.expireExternal(0, index);
        pool.claimShare(0, RewardPool.Share.Trainer);
    }

    function test_expire_nothingThatIsHeld() public {
        settle(0, 2);
        vm.roll(pool.settlementOf(0).expiresAt);
        vm.expectRevert(abi.encodeWithSelector(Errors.PayHeld.selector, 0, MINER));
        this.expireExternal(0, 0);
    }

    function test_emission_halvesAndEndsAtTheCap() public {
        assertEq(pool.emissionOf(29_999), 1_000 ether, "before the first halving");
        assertEq(pool.emissionOf(30_000), 500 ether, "after it");
        assertEq(pool.emissionOf(60_000), 250 ether, "after the second");
        assertEq(pool.emissionOf(type(uint32).max), 0, "in the end");
        vm.prank(address(pool));
        token.mint(address(this), 90_000_000 ether - 300 ether, 0);
        assertEq(pool.emissionOf(0), 300 ether, "never above the cap");
        vm.prank(address(board));
        pool.reserve(200 ether);
        assertEq(pool.emissionOf(0), 100 ether, "what is reserved is spoken for");
    }

    function test_onlyTheBoardSettles() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pool.settle(0, Terms(0, 0, 0, 0), 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pool.reserve(1);
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        pool.unreserve(1);
    }

    function test_recover_onlyWhatWasSentByMistake() public {
        settle(0, 1);
        token.transfer(address(pool), 7 ether);
        vm.startPrank(address(timelock));
        vm.expectRevert(abi.encodeWithSelector(Errors.NotSpare.selector, 8 ether, 7 ether));
        pool.recover(token, address(this), 8 ether);
        pool.recover(token, address(this), 7 ether);
        assertEq(token.balanceOf(address(pool)), pool.unclaimed(), "pay is out of reach");
    }
}
