// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../src/FaultCourt.sol";
import {ScoreBoard} from "../src/ScoreBoard.sol";
import {Role} from "../src/StakeVault.sol";
import {Commitment} from "../src/libraries/Commitments.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Evidence, LeafTree, SettlementLeaf, Terms, UNJUDGED} from "../src/libraries/Settlements.sol";
import {Network} from "./base/Network.sol";

contract ScoreBoardTest is Network {
    address private constant ANN = address(0xA11);
    address private constant SECOND = address(0x1112);
    uint128 private constant E = 1_000 ether;

    function setUp() public {
        setUpNetwork();
        fund(ANN, 10_000 ether);
        fund(address(this), 0);
        join(SECOND, Role.Miner, 2_000 ether);
    }

    /// @dev Two miners commit in window 0 and three validators say `verdict` of both.
    function play(uint8 verdict) private returns (Terms memory) {
        goTo(0, 1);
        commitAs(MINER, 0, 3_000);
        commitAs(SECOND, 0, 1_000);
        scoreBy(0, 3, verdict);
        return reckon(0);
    }

    function state(Terms memory terms) private returns (uint256) {
        return board.propose(0, terms, E);
    }

    /// @dev States what is right with one leaf changed, and everything behind it left as it was.
    function stateLie(uint256 index, SettlementLeaf memory lie) private returns (uint256 id, Terms memory terms) {
        leaves[index] = lie;
        terms = termsOf(0);
        id = state(terms);
    }

    function refute(uint256 id, Terms memory terms, uint256 index) private {
        SettlementLeaf[2] memory two;
        bytes32[][2] memory paths;
        (two[1], paths[1]) = (leaves[index], pathOf(index));
        if (index > 0) (two[0], paths[0]) = (leaves[index - 1], pathOf(index - 1));
        Evidence memory e = evidenceOf(0, index);
        vm.prank(ANN);
        board.refute(0, id, terms, index, two, paths, e);
    }

    function standing(uint256 id) private view returns (bool) {
        (, ScoreBoard.Proposal[] memory found) = board.roundOf(0);
        return found[id].standing;
    }

    // Sheets

    function test_sheets_areCommittedThenShown() public {
        goTo(0, 1);
        commitAs(MINER, 0, WORTH);
        goTo(0, 12);
        ledger.seal(0);
        bytes memory sheet = sheetOf(0, validators[0], all(1, 1));
        commitSheet(0, validators[0], sheet);
        assertEq(board.sheetOf(0, validators[0]), 0, "not yet");
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyCommitted.selector, 0, validators[0]));
        board.commitScores(0, keccak256("again"));
        vm.prank(validators[1]);
        vm.expectRevert(Errors.EmptyCommitment.selector);
        board.commitScores(0, bytes32(uint256(1)));
        goTo(0, 21);
        vm.prank(validators[0]);
        vm.expectRevert();
        board.revealScores(0, "other", 0, "s");
        revealSheet(0, validators[0]);
        assertEq(board.sheetOf(0, validators[0]), keccak256(sheet) | bytes32(uint256(1)), "its hash is kept");
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyRevealed.selector, 0, validators[0]));
        board.revealScores(0, sheet, 0, "s");
        vm.prank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(Errors.SheetTooLong.selector, 24_577, 24_576));
        board.revealScores(0, new bytes(24_577), 0, 0);
    }

    function test_sheets_onlyByWhoWasActiveBeforeTheWindow() public {
        goTo(0, 1);
        commitAs(MINER, 0, WORTH);
        join(address(0x1A7F), Role.Validator, 10_000 ether);
        goTo(0, 12);
        vm.prank(address(0x1A7F));
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, address(0x1A7F)));
        board.commitScores(0, keccak256("x"));
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        board.commitScores(0, keccak256("x"));
    }

    // The reckoning

    function test_reckoning_paysWhatIsAccepted() public {
        Terms memory terms = play(1);
        assertEq(terms.whole, 4_000, "all worth");
        assertEq(terms.due, 4_000, "all due");
        assertEq(terms.earned, 5 * 4_000, "all seats have judged");
        assertEq(leaves[0].account, MINER, "in the order of commitments");
        assertEq(leaves[1].account, SECOND, "the second");
    }

    function test_reckoning_holdsWhatIsRejected() public {
        Terms memory terms = play(2);
        assertEq(terms.whole, 4_000, "the worth stays in the denominator");
        assertEq(terms.due, 0, "nothing at once");
        assertTrue(leaves[0].holds >= 1 && leaves[0].holds <= 3, "one hold for each validator");
        assertEq(leaves[0].value, 3_000, "payable once they are gone");
        assertEq(terms.earned, 5 * 4_000, "rejecting is work, too");
    }

    function test_reckoning_abstentionPaysNobody() public {
        Terms memory terms = play(3);
        assertEq(terms.whole, 4_000, "in the denominator");
        assertEq(terms.due + terms.earned, 0, "nobody earns");
        assertEq(leaves[0].value, 0, "not payable either");
    }

    function test_reckoning_silenceHoldsThePayForAJury() public {
        Terms memory terms = play(0);
        assertEq(terms.whole, 4_000, "in the denominator");
        assertEq(terms.due + terms.earned, 0, "nobody earns now");
        assertEq(leaves[0].value, 3_000, "payable once a jury has spoken");
        assertEq(leaves[0].holds, UNJUDGED, "held, whoever is silent");
        assertTrue(judge.unjudged(committed[0], evidenceOf(0, 0).sheets), "as the jury is told");
    }

    function test_reckoning_silentValidatorsLeaveOthersPayAsItIs() public {
        goTo(0, 1);
        commitAs(MINER, 0, 3_000);
        scoreBy(0, 1, 1);
        Terms memory terms = reckon(0);
        uint256 seats = seatsOf(0, 0, validators[0]);
        assertEq(terms.earned, seats * 3_000, "its own seats, no more");
        assertEq(terms.due, seats > 0 ? 3_000 : 0, "one seat that accepts is enough");
    }

    function test_reckoning_whoIsConvictedInTimeHasNoWorth() public {
        goTo(0, 1);
        commitAs(MINER, 0, 3_000);
        commitAs(SECOND, 0, 1_000);
        vm.prank(address(jury));
        court.convict(0, MINER, Fault.Replay, ANN);
        scoreBy(0, 3, 1);
        Terms memory terms = reckon(0);
        assertEq(terms.whole, 1_000, "an inflated worth thins nobody's pay");
        assertEq(leaves[0].value, 0, "and is not paid");
    }

    function test_reckoning_refusesEvidenceThatIsNotTheChains() public {
        play(1);
        SettlementLeaf memory none;
        Evidence memory e = evidenceOf(0, 0);
        e.commitments[0].worth += 1;
        vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, 0, MINER));
        judge.leafAt(0, 0, none, e);
        e = evidenceOf(0, 0);
        e.sheets[0] = "";
        vm.expectRevert(Errors.BadEvidence.selector);
        judge.leafAt(0, 0, none, e);
        e = evidenceOf(0, 1);
        vm.expectRevert(Errors.BadEvidence.selector);
        judge.leafAt(0, 0, none, e);
    }

    function test_reckoning_aPageIsShownWholeAndNothingBesides() public {
        play(1);
        uint256 first = committed.length;
        while (evidenceOf(0, first).commitments.length == 0) ++first;
        Evidence memory e = evidenceOf(0, first);
        uint256 n = e.commitments.length;
        Commitment[] memory shown = new Commitment[](n + 1);
        for (uint256 i = 0; i < n + 1; ++i) {
            shown[i] = e.commitments[i < n ? i : 0];
        }
        e.commitments = shown;
        SettlementLeaf memory before = leaves[first - 1];
        vm.expectRevert(Errors.BadEvidence.selector);
        judge.leafAt(0, first, before, e);
        e.commitments = new Commitment[](n - 1);
        for (uint256 i = 0; i < n - 1; ++i) {
            e.commitments[i] = shown[i];
        }
        vm.expectRevert(Errors.BadEvidence.selector);
        judge.leafAt(0, first, before, e);
    }

    // Statements

    function test_statement_becomesFinalAfterItsTime() public {
        Terms memory terms = play(1);
        uint256 before = token.balanceOf(address(this));
        state(terms);
        assertEq(before - token.balanceOf(address(this)), 500 ether, "the bond");
        assertEq(pool.reserved(), 1_000 ether, "the emission is spoken for");
        pass(19);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, block.number + 1));
        board.finalize(0, 0, terms);
        pass(1);
        uint256 supply = token.totalSupply();
        board.finalize(0, 0, terms);
        assertEq(token.totalSupply() - supply, 990 ether, "everything but the burn share");
        assertEq(token.totalBurnt(), 10 ether, "one per cent of the emission");
        assertEq(token.balanceOf(address(this)), before, "the bond is back");
        assertEq(pool.reserved(), 0, "nothing is spoken for any more");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotStanding.selector, 0, 0));
        board.finalize(0, 0, terms);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadySettled.selector, 0));
        state(terms);
    }

    function test_statement_onlyInItsTimeAndOfAWindowWithWork() public {
        Terms memory terms = play(1);
        goTo(0, 30);
        vm.expectRevert(abi.encodeWithSelector(Errors.OutsidePhase.selector, 130, 131, type(uint256).max));
        state(terms);
        goTo(0, 71);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooLate.selector, 171, 170));
        state(terms);
        goTo(1, 31);
        vm.expectRevert(abi.encodeWithSelector(Errors.NothingToSettle.selector, 1));
        board.propose(1, terms, E);
    }

    function test_statement_besideAnotherOnlyWhileThatMayBeChallenged() public {
        Terms memory terms = play(1);
        state(terms);
        uint256 until = board.deadlineOf(0);
        leaves[0].value -= 1;
        terms = termsOf(0);
        pass(until - pauseSwitch.clock());
        vm.expectRevert(abi.encodeWithSelector(Errors.TooLate.selector, until, until));
        state(terms);
    }

    function test_statement_namesItsEmission() public {
        Terms memory terms = play(1);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongEmission.selector, E, E - 1));
        board.propose(0, terms, E - 1);
        state(terms);
        leaves[0].value -= 1;
        terms = termsOf(0);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongEmission.selector, E, E - 1));
        board.propose(0, terms, E - 1);
    }

    function test_statement_neverAboveTheBudget() public {
        Terms memory terms = play(1);
        terms.due = terms.whole + 1;
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongTerms.selector, 0));
        state(terms);
        (terms.due, terms.earned) = (terms.whole, 5 * terms.whole + 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongTerms.selector, 0));
        state(terms);
    }

    function test_statement_notTwiceAndNotWhilePaused() public {
        Terms memory terms = play(1);
        state(terms);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyProposed.selector, 0));
        state(terms);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        state(terms);
    }

    /// @dev F28: a pause gives everybody the whole time again.
    function test_statement_runsItsWholeTimeAfterAPause() public {
        Terms memory terms = play(1);
        state(terms);
        pass(18);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        pass(50);
        pass(19);
        vm.expectRevert();
        board.finalize(0, 0, terms);
        pass(1);
        board.finalize(0, 0, terms);
    }

    // One wrong leaf

    function test_refute_everyKindOfLie() public {
        Terms memory right = play(1);
        SettlementLeaf[] memory truth = leaves;
        for (uint256 kind = 0; kind < 8; ++kind) {
            uint256 index = kind < 5 ? kind % 2 : 2 + kind % 3;
            SettlementLeaf memory lie = leaves[index];
            if (kind == 0) lie.account = ANN;
            if (kind == 1) lie.value += 1;
            if (kind == 2) lie.holds += 1;
            if (kind == 3) lie.whole += 1;
            if (kind == 4) lie.sum -= 1;
            if (kind == 5) lie.value += 1;
            if (kind == 6) lie.account = ANN;
            if (kind == 7) lie.sum += 1;
            (uint256 id, Terms memory terms) = stateLie(index, lie);
            uint256 before = token.balanceOf(ANN);
            refute(id, terms, index);
            assertEq(token.balanceOf(ANN) - before, 250 ether, "half the bond");
            assertTrue(!standing(id), "felled");
            leaves[index] = truth[index];
        }
        assertEq(pool.reserved(), 0, "nothing stands");
        termsOf(0);
        uint256 honest = state(right);
        vm.expectRevert(Errors.NoFault.selector);
        this.refuteExternal(honest, right, 0);
        vm.expectRevert(Errors.NoFault.selector);
        this.refuteExternal(honest, right, 3);
        pass(20);
        board.finalize(0, honest, right);
    }

    function refuteExternal(uint256 id, Terms memory terms, uint256 index) external {
        refute(id, terms, index);
    }

    /// @dev F4, F5: sums that the leaves do not end in.
    function test_refute_wrongSums() public {
        Terms memory right = play(1);
        for (uint256 kind = 0; kind < 3; ++kind) {
            Terms memory terms = Terms(right.root, right.whole, right.due, right.earned);
            if (kind == 0) terms.whole += 1;
            if (kind == 1) terms.due -= 1;
            if (kind == 2) terms.earned -= 1;
            uint256 id = state(terms);
            bool miners = kind < 2;
            uint256 index = miners ? 1 : leaves.length - 1;
            board.refuteSums(0, id, terms, miners, leaves[index], pathOf(index));
            assertTrue(!standing(id), "felled");
        }
        uint256 honest = state(right);
        bytes32[] memory path = pathOf(1);
        vm.expectRevert(Errors.NoFault.selector);
        board.refuteSums(0, honest, right, true, leaves[1], path);
    }

    function test_refute_needsRealLeaves() public {
        Terms memory right = play(1);
        uint256 id = state(right);
        leaves[0].value += 1;
        vm.expectRevert(Errors.BadProof.selector);
        this.refuteExternal(id, right, 0);
    }

    // Duels

    struct Tree {
        Terms terms;
        uint256 id;
    }

    bytes32[][2] private named;

    /// @dev An honest statement and one that differs in leaf `index`; both trees' levels are kept for the moves.
    function twoStatements(uint256 index) private returns (Tree memory honest, Tree memory liar) {
        honest.terms = play(1);
        honest.id = state(honest.terms);
        keep(0);
        leaves[index].value += 1;
        liar.terms = termsOf(0);
        vm.prank(ANN);
        liar.id = board.propose(0, liar.terms, E);
        keep(1);
        leaves[index].value -= 1;
    }

    mapping(uint256 side => bytes32[][]) private trees;

    function keep(uint256 side) private {
        delete trees[side];
        for (uint256 i = 0; i < levels.length; ++i) {
            trees[side].push(levels[i]);
        }
    }

    function nodes(uint256 side, uint256 depth, uint256 index) private view returns (bytes32[16] memory found) {
        for (uint256 i = 0; i < 16; ++i) {
            found[i] = trees[side][depth - 4][index * 16 + i];
        }
    }

    function moveBoth(uint256 duel) private {
        ScoreBoard.Duel memory d = board.duelOf(duel);
        board.name(duel, 0, nodes(0, d.depth, d.index));
        board.name(duel, 1, nodes(1, d.depth, d.index));
        board.descend(duel, nodes(0, d.depth, d.index), nodes(1, d.depth, d.index));
    }

    function test_duel_endsAtTheFirstLeafThatDiffers() public {
        (Tree memory honest, Tree memory liar) = twoStatements(5);
        vm.expectRevert(abi.encodeWithSelector(Errors.StillDisputed.selector, 0));
        board.finalize(0, honest.id, honest.terms);
        uint256 duel = board.openDuel(0, honest.id, honest.terms, liar.id, liar.terms);
        vm.expectRevert(Errors.NothingToDo.selector);
        board.openDuel(0, liar.id, liar.terms, honest.id, honest.terms);
        moveBoth(duel);
        SettlementLeaf memory none;
        Evidence memory e = evidenceOf(0, 5);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotAtALeaf.selector, duel));
        board.decide(duel, 0, honest.terms, none, new bytes32[](0), e);
        moveBoth(duel);
        ScoreBoard.Duel memory d = board.duelOf(duel);
        assertEq(d.depth, 0, "at a leaf");
        assertEq(d.index, 5, "the one that differs");
        bytes32[] memory path = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            path[i] = trees[0][i][4 >> i ^ 1];
        }
        uint256 before = token.balanceOf(address(this));
        board.decide(duel, 0, honest.terms, leaves[4], path, e);
        assertEq(token.balanceOf(address(this)) - before, 250 ether, "half the liar's bond");
        assertTrue(standing(honest.id) && !standing(liar.id), "the truth stands");
        pass(20);
        board.finalize(0, honest.id, honest.terms);
    }

    /// @dev A tree that is withheld to the last block: silence loses, and nobody else's does.
    function test_duel_silenceLoses() public {
        (Tree memory honest, Tree memory liar) = twoStatements(3);
        pass(19);
        uint256 duel = board.openDuel(0, liar.id, liar.terms, honest.id, honest.terms);
        vm.prank(address(0xABC));
        board.name(duel, 1, nodes(0, 8, 0));
        uint256 last = board.duelOf(duel).deadline;
        pass(5);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, last, last + 1));
        board.timeout(duel);
        pass(1);
        board.timeout(duel);
        assertTrue(standing(honest.id) && !standing(liar.id), "anybody may name nodes for the truth");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyResolved.selector, duel));
        board.timeout(duel);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyResolved.selector, duel));
        board.name(duel, 0, nodes(0, 8, 0));
        board.finalize(0, honest.id, honest.terms);
    }

    function test_duel_whereNobodyKnowsATreeBothFall() public {
        (Tree memory honest, Tree memory liar) = twoStatements(3);
        uint256 duel = board.openDuel(0, liar.id, liar.terms, honest.id, honest.terms);
        pass(6);
        board.timeout(duel);
        assertTrue(!standing(honest.id) && !standing(liar.id), "both");
        assertEq(pool.reserved(), 0, "nothing is spoken for");
        state(honest.terms);
    }

    function test_duel_twoLiarsBothFallAtTheLeaf() public {
        Terms memory right = play(1);
        leaves[2].value += 1;
        Terms memory a = termsOf(0);
        uint256 first = state(a);
        keep(0);
        leaves[2].value += 1;
        Terms memory b = termsOf(0);
        uint256 second = state(b);
        keep(1);
        leaves[2].value -= 2;
        uint256 duel = board.openDuel(0, first, a, second, b);
        moveBoth(duel);
        moveBoth(duel);
        bytes32[] memory path = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            path[i] = trees[1][i][1 >> i ^ 1];
        }
        board.decide(duel, 1, b, leaves[1], path, evidenceOf(0, 2));
        assertTrue(!standing(first) && !standing(second), "neither is right");
        termsOf(0);
        state(right);
    }

    function test_duel_inThePaddingBehindTheLeaves() public {
        Terms memory right = play(1);
        uint256 honest = state(right);
        keep(0);
        SettlementLeaf memory extra = leaves[leaves.length - 1];
        leaves.push(extra);
        Terms memory padded = termsOf(0);
        uint256 liar = state(padded);
        keep(1);
        leaves.pop();
        uint256 duel = board.openDuel(0, honest, right, liar, padded);
        moveBoth(duel);
        moveBoth(duel);
        uint256 index = board.duelOf(duel).index;
        assertEq(index, leaves.length, "behind the last");
        bytes32[] memory path = new bytes32[](8);
        for (uint256 i = 0; i < 8; ++i) {
            path[i] = trees[0][i][(index - 1) >> i ^ 1];
        }
        Evidence memory none;
        board.decide(duel, 0, right, leaves[index - 1], path, none);
        assertTrue(standing(honest) && !standing(liar), "nothing stands there");
    }

    function test_duel_namesOnlyWhatIsUnderTheNodeAndOnce() public {
        (Tree memory honest, Tree memory liar) = twoStatements(3);
        uint256 duel = board.openDuel(0, honest.id, honest.terms, liar.id, liar.terms);
        bytes32[16] memory wrong = nodes(1, 8, 0);
        vm.expectRevert(Errors.BadProof.selector);
        board.name(duel, 0, wrong);
        bytes32[16] memory right = nodes(0, 8, 0);
        board.name(duel, 0, right);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyNamed.selector, duel, 0));
        board.name(duel, 0, right);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotNamed.selector, duel));
        board.descend(duel, right, wrong);
        vm.expectRevert(abi.encodeWithSelector(Errors.UnknownDuel.selector, 9));
        board.timeout(9);
    }

    /// @dev A flood of wrong roots costs each its bond, and delays by one duel's length.
    function test_duel_aFloodOfWrongRoots() public {
        (Tree memory honest, Tree memory liar) = twoStatements(3);
        fund(ANN, 10_000 ether);
        uint256[4] memory open_;
        for (uint256 i = 0; i < 4; ++i) {
            Terms memory wrong = Terms(0, liar.terms.whole, liar.terms.due, liar.terms.earned);
            wrong.root = keccak256(abi.encode("withheld", i));
            vm.prank(ANN);
            uint256 id = board.propose(0, wrong, E);
            open_[i] = board.openDuel(0, honest.id, honest.terms, id, wrong);
            board.name(open_[i], 0, nodes(0, 8, 0));
        }
        uint256 before = token.balanceOf(address(this));
        pass(6);
        for (uint256 i = 0; i < 4; ++i) {
            board.timeout(open_[i]);
        }
        assertEq(token.balanceOf(address(this)) - before, 4 * 250 ether, "the honest earn by it");
        SettlementLeaf memory lie = leaves[3];
        leaves[3].value += 1;
        termsOf(0);
        refute(liar.id, liar.terms, 3);
        leaves[3] = lie;
        pass(20);
        board.finalize(0, honest.id, honest.terms);
    }

    function test_duel_endsAtOnceWhereASideFellElsewhere() public {
        (Tree memory honest, Tree memory liar) = twoStatements(3);
        uint256 duel = board.openDuel(0, honest.id, honest.terms, liar.id, liar.terms);
        leaves[3].value += 1;
        termsOf(0);
        refute(liar.id, liar.terms, 3);
        pass(20);
        vm.expectRevert(abi.encodeWithSelector(Errors.StillDisputed.selector, 0));
        board.finalize(0, honest.id, honest.terms);
        board.timeout(duel);
        board.finalize(0, honest.id, honest.terms);
    }

    function test_pause_nothingFallsInIt() public {
        (Tree memory honest, Tree memory liar) = twoStatements(3);
        uint256 duel = board.openDuel(0, honest.id, honest.terms, liar.id, liar.terms);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        pass(6);
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 44));
        board.timeout(duel);
    }

    function test_tree_depthIsTheLeastThatHolds() public pure {
        assertEq(LeafTree.depth(16), 4, "sixteen");
        assertEq(LeafTree.depth(17), 8, "one more");
        assertEq(LeafTree.depth(256), 8, "two steps");
        assertEq(LeafTree.size(1, 128), 129, "one miner");
        assertEq(LeafTree.size(65, 128), 65 + 256, "two pages");
    }
}
