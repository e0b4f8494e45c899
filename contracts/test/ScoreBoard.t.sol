// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RewardPool} from "../src/RewardPool.sol";
import {ScoreBoard} from "../src/ScoreBoard.sol";
import {Role} from "../src/StakeVault.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Payouts} from "../src/libraries/Payouts.sol";
import {Column, Reveal, Terms} from "../src/libraries/Settlements.sol";
import {Lookup} from "../src/libraries/SumTree.sol";
import {Network} from "./base/Network.sol";
import {Trees} from "./base/Trees.sol";

contract ScoreBoardTest is Network {
    using Trees for Trees.Tree;

    address private constant ANN = address(0xA11);

    function setUp() public {
        setUpNetwork();
        fund(ANN, 10_000 ether);
        fund(address(this), 0);
    }

    function propose(Terms memory terms) private {
        board.propose(0, terms, reveals);
    }

    /// @dev The column of an account, taken from the trees that `terms` were made of.
    function column(address miner, uint128 settled, uint128 paid, uint128[] memory scores)
        private
        view
        returns (Column memory c)
    {
        c.miner = miner;
        c.settled = single(Payouts.scoreContext(0, address(0)), uint160(MINER), settled).lookup(uint160(miner));
        c.payout = payoutTree(0, paid).lookup(Payouts.key(Payouts.MINER, miner));
        c.sheets = new Lookup[](scores.length);
        for (uint256 i = 0; i < scores.length; ++i) {
            c.sheets[i] = sheet(0, validators[i], scores[i]).lookup(uint160(miner));
        }
    }

    function three(uint128 a, uint128 b, uint128 c) private pure returns (uint128[] memory scores) {
        scores = new uint128[](3);
        (scores[0], scores[1], scores[2]) = (a, b, c);
    }

    function test_optimistic_settlesAfterItsChallengePeriod() public {
        scoreBy(0, 3, 100);
        Terms memory terms = termsFor(0, 100, 600 ether);
        uint256 before = token.balanceOf(address(this));
        propose(terms);
        assertEq(before - token.balanceOf(address(this)), 500 ether, "the bond");
        assertEq(pool.reserved(), 1_000 ether, "the emission is spoken for");
        pass(19);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, block.number + 1));
        board.finalize(0, terms);
        pass(1);
        uint256 supply = token.totalSupply();
        board.finalize(0, terms);
        assertEq(token.totalSupply() - supply, 600 ether, "minted to the wei, the burn share burnt");
        assertEq(token.totalBurnt(), 10 ether, "one per cent of the emission");
        assertEq(token.balanceOf(address(this)), before, "the bond is back");
        assertEq(pool.reserved(), 0, "nothing is spoken for any more");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadySettled.selector, 0));
        board.finalize(0, terms);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyProposed.selector, 0));
        propose(terms);
    }

    function test_propose_onlyAfterTheRevealsAndWithThemAll() public {
        scoreBy(0, 3, 100);
        Terms memory terms = termsFor(0, 100, 600 ether);
        goTo(0, 30);
        vm.expectRevert(abi.encodeWithSelector(Errors.OutsidePhase.selector, 130, 131, type(uint256).max));
        propose(terms);
        goTo(0, 31);
        reveals.pop();
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongReveals.selector, 0));
        propose(terms);
    }

    function test_propose_tooFewRevealsPayNobody() public {
        scoreBy(0, 1, 100);
        Terms memory terms = termsFor(0, 100, 600 ether);
        vm.expectRevert(abi.encodeWithSelector(Errors.NoQuorum.selector, 10_000 ether, 15_000 ether));
        propose(terms);
    }

    function test_propose_uncountedSheetsDoNotMakeAQuorum() public {
        scoreBy(0, 3, 100);
        Terms memory terms = termsFor(0, 100, 600 ether);
        terms.counted = 1;
        vm.expectRevert(abi.encodeWithSelector(Errors.NoQuorum.selector, 10_000 ether, 15_000 ether));
        propose(terms);
        terms.counted = 0;
        set("quorum_bps", 3_400);
        vm.expectRevert(abi.encodeWithSelector(Errors.NoQuorum.selector, 0, 15_000 ether));
        propose(terms);
    }

    function test_propose_neverAboveTheEmission() public {
        scoreBy(0, 3, 100);
        Terms memory terms = termsFor(0, 100, 990 ether + 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.AboveBudget.selector, 990 ether + 1, 990 ether));
        propose(terms);
    }

    function test_refute_aScoreThatIsNotTheMedian() public {
        scoreEach(0, three(100, 100, 900));
        Terms memory terms = termsFor(0, 900, 600 ether);
        propose(terms);
        uint256 before = token.balanceOf(ANN);
        vm.prank(ANN);
        board.refute(0, terms, reveals, column(MINER, 900, 600 ether, three(100, 100, 900)));
        assertEq(token.balanceOf(ANN) - before, 250 ether, "half the bond");
        assertEq(token.totalBurnt(), 250 ether, "half burnt");
        assertTrue(board.proposalOf(0).state == ScoreBoard.State.None, "void");
        assertEq(pool.reserved(), 0, "let go");
        propose(termsFor(0, 100, 600 ether));
    }

    function test_refute_anAmountThatDoesNotFollow() public {
        scoreBy(0, 3, 100);
        Terms memory terms = termsFor(0, 100, 599 ether);
        propose(terms);
        board.refute(0, terms, reveals, column(MINER, 100, 599 ether, three(100, 100, 100)));
    }

    function test_refute_aPayoutToWhomNobodyScored() public {
        scoreBy(0, 3, 0);
        Terms memory terms = termsFor(0, 0, 600 ether);
        propose(terms);
        board.refute(0, terms, reveals, column(MINER, 0, 600 ether, three(0, 0, 0)));
    }

    function test_refute_notWhatIsRight() public {
        scoreEach(0, three(100, 100, 900));
        Terms memory terms = termsFor(0, 100, 600 ether);
        propose(terms);
        Column memory honest = column(MINER, 100, 600 ether, three(100, 100, 900));
        vm.expectRevert(Errors.NoFault.selector);
        board.refute(0, terms, reveals, honest);
        Column memory stranger = column(ANN, 100, 600 ether, three(100, 100, 900));
        vm.expectRevert(Errors.NoFault.selector);
        board.refute(0, terms, reveals, stranger);
    }

    function test_refute_needsRealProofs() public {
        scoreEach(0, three(100, 100, 900));
        Terms memory terms = termsFor(0, 900, 600 ether);
        propose(terms);
        Column memory forged = column(MINER, 900, 600 ether, three(100, 900, 900));
        vm.expectRevert(Errors.BadProof.selector);
        board.refute(0, terms, reveals, forged);
        Column memory short = column(MINER, 900, 600 ether, three(100, 100, 900));
        short.sheets = new Lookup[](2);
        vm.expectRevert(Errors.BadProof.selector);
        board.refute(0, terms, reveals, short);
        terms.payoutSum = 1;
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongTerms.selector, 0));
        board.refute(0, terms, reveals, forged);
    }

    function test_object_theMajorityDecidesAndTheWrongOnePays() public {
        scoreBy(0, 3, 100);
        Terms memory wrong = termsFor(0, 100, 1 ether);
        Terms memory right = termsFor(0, 100, 600 ether);
        propose(wrong);
        uint256 before = token.balanceOf(ANN);
        vm.prank(ANN);
        board.object(0);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(validators[i]);
            board.voteSettlement(0, right, reveals, i);
        }
        assertEq(token.balanceOf(ANN), before + 250 ether, "bond back and half of the proposer's");
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongTerms.selector, 0));
        board.finalize(0, wrong);
        pass(20);
        board.finalize(0, right);
        assertEq(pool.settlementOf(0).total, 600 ether, "what the majority said");
        assertEq(board.bondsHeld(), 0, "no bond left behind");
    }

    function test_object_againstWhatIsRightCostsTheObjector() public {
        scoreBy(0, 3, 100);
        Terms memory right = termsFor(0, 100, 600 ether);
        propose(right);
        vm.prank(ANN);
        board.object(0);
        uint256 before = token.balanceOf(address(this));
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(validators[i]);
            board.voteSettlement(0, right, reveals, i);
        }
        assertEq(token.balanceOf(address(this)) - before, 250 ether, "half the objector's bond");
        pass(20);
        board.finalize(0, right);
        assertEq(token.balanceOf(address(this)) - before, 750 ether, "and the own bond");
    }

    function test_object_aMajoritysLieIsStillRefuted() public {
        scoreBy(0, 3, 100);
        propose(termsFor(0, 100, 600 ether));
        vm.prank(ANN);
        board.object(0);
        Terms memory lie = termsFor(0, 900, 600 ether);
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(validators[i]);
            board.voteSettlement(0, lie, reveals, i);
        }
        board.refute(0, lie, reveals, column(MINER, 900, 600 ether, three(100, 100, 100)));
        assertTrue(board.proposalOf(0).state == ScoreBoard.State.None, "void");
        assertEq(board.bondsHeld(), 0, "no bond left behind");
    }

    function test_object_lapsesWhenNobodyDecides() public {
        scoreBy(0, 3, 100);
        Terms memory terms = termsFor(0, 100, 600 ether);
        uint256 before = token.balanceOf(address(this));
        propose(terms);
        vm.prank(ANN);
        board.object(0);
        vm.expectRevert(abi.encodeWithSelector(Errors.StillDisputed.selector, 0));
        board.finalize(0, terms);
        vm.prank(validators[0]);
        board.voteSettlement(0, terms, reveals, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, block.number + 20));
        board.lapse(0);
        pass(20);
        board.lapse(0);
        assertEq(token.balanceOf(address(this)), before, "the proposer's bond is back");
        assertEq(token.balanceOf(ANN), 10_000 ether, "the objector's too");
        propose(terms);
        vm.prank(ANN);
        board.object(0);
        vm.prank(validators[0]);
        board.voteSettlement(0, terms, reveals, 0);
    }

    function test_object_inTimeOnly() public {
        scoreBy(0, 3, 100);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotProposed.selector, 0));
        board.object(0);
        propose(termsFor(0, 100, 600 ether));
        pass(20);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooLate.selector, block.number, block.number));
        board.object(0);
    }

    function test_vote_onlyOnceAndOnlyWhoRevealed() public {
        scoreEach(0, three(100, 100, 100));
        Terms memory terms = termsFor(0, 100, 600 ether);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotDisputed.selector, 0));
        board.voteSettlement(0, terms, reveals, 0);
        propose(terms);
        vm.prank(ANN);
        board.object(0);
        vm.startPrank(validators[0]);
        board.voteSettlement(0, terms, reveals, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyVoted.selector, 0, validators[0]));
        board.voteSettlement(0, terms, reveals, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotRevealed.selector, 0, validators[0]));
        board.voteSettlement(0, terms, reveals, 1);
        vm.stopPrank();
        vm.expectRevert(abi.encodeWithSelector(Errors.NotRevealed.selector, 0, address(this)));
        board.voteSettlement(0, terms, reveals, 0);
    }

    function test_pause_stopsMoneyAndTheClock() public {
        scoreBy(0, 3, 100);
        Terms memory terms = termsFor(0, 100, 600 ether);
        propose(terms);
        pass(10);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        pass(40);
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 10));
        board.finalize(0, terms);
        pass(10);
        vm.expectRevert();
        board.finalize(0, terms);
        pass(10);
        board.finalize(0, terms);
    }

    function test_reveal_onlyWhatWasCommitted() public {
        goTo(0, 12);
        vm.prank(validators[0]);
        board.commitScores(0, keccak256("something else"));
        goTo(0, 21);
        vm.prank(validators[0]);
        vm.expectRevert();
        board.revealScores(0, keccak256("sheet"), 0, 0, 0);
    }

    function test_reveal_onlyOnceAndNotACopy() public {
        goTo(0, 12);
        bytes32 root = keccak256("sheet");
        bytes32 original = keccak256(abi.encode(uint64(0), validators[0], root, uint128(5), bytes32(0), bytes32(0)));
        for (uint256 i = 0; i < 2; ++i) {
            vm.prank(validators[i]);
            board.commitScores(0, original);
        }
        goTo(0, 21);
        vm.prank(validators[1]);
        vm.expectRevert();
        board.revealScores(0, root, 5, 0, 0);
        vm.startPrank(validators[0]);
        board.revealScores(0, root, 5, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyRevealed.selector, 0, validators[0]));
        board.revealScores(0, root, 5, 0, 0);
    }

    function test_commitScores_onlyValidatorsOnceAndNotTheMark() public {
        goTo(0, 12);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        board.commitScores(0, keccak256("x"));
        vm.startPrank(validators[0]);
        vm.expectRevert(Errors.EmptyCommitment.selector);
        board.commitScores(0, bytes32(uint256(1)));
        board.commitScores(0, keccak256("x"));
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyCommitted.selector, 0, validators[0]));
        board.commitScores(0, keccak256("y"));
    }

    /// @dev F8: weight and quorum are of one moment, the block before the window.
    function test_reveal_weighsTheStakeOfBeforeTheWindow() public {
        goTo(0, 1);
        fund(address(0xA11), 50_000 ether);
        vm.prank(address(0xA11));
        vault.stake(validators[0], 50_000 ether);
        scoreBy(0, 1, 10);
        (uint128 stake,) = board.tallyOf(0);
        assertEq(stake, 10_000 ether, "what came later does not weigh");
        join(address(0x1A7E), Role.Validator, 10_000 ether);
        goTo(1, 12);
        vm.prank(address(0x1A7E));
        board.commitScores(1, keccak256("x"));
        join(address(0x1A7F), Role.Validator, 10_000 ether);
        vm.prank(address(0x1A7F));
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, address(0x1A7F)));
        board.commitScores(1, keccak256("x"));
    }
}
