// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../src/FaultCourt.sol";
import {Jury} from "../src/Jury.sol";
import {Role} from "../src/StakeVault.sol";
import {Commitment} from "../src/libraries/Commitments.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Sortition} from "../src/libraries/Sortition.sol";
import {RolloutLeaf} from "../src/libraries/Leaf.sol";
import {UNJUDGED} from "../src/libraries/Settlements.sol";
import {Network} from "./base/Network.sol";

contract JuryTest is Network {
    Commitment private c;

    function setUp() public {
        setUpNetwork();
        join(address(0x2224), Role.Validator, 10_000 ether);
        validators.push(address(0x2224));
        c = commitLeaf(honestLeaf());
    }

    function accuse() private returns (uint256 id) {
        vm.prank(validators[0]);
        id = jury.accuse(c, Fault.Replay, keccak256("evidence"));
        pass(2);
    }

    function commitVote(uint256 id, uint256 round, uint256 juror, Jury.Verdict verdict) private {
        vm.prank(validators[juror]);
        jury.commitVote(id, keccak256(abi.encode(id, round, validators[juror], verdict, bytes32("salt"))));
    }

    function revealVote(uint256 id, uint256 juror, Jury.Verdict verdict) private {
        vm.prank(validators[juror]);
        jury.revealVote(id, verdict, "salt");
    }

    /// @dev All jurors but the accuser vote so; the reveals are over then.
    function vote(uint256 id, uint256 round, Jury.Verdict a, Jury.Verdict b, Jury.Verdict d) private {
        commitVote(id, round, 1, a);
        commitVote(id, round, 2, b);
        commitVote(id, round, 3, d);
        pass(11);
        revealVote(id, 1, a);
        revealVote(id, 2, b);
        revealVote(id, 3, d);
        pass(11);
    }

    function test_jury_convictsAfterTheTimeToAppeal() public {
        uint256 before = token.balanceOf(validators[0]);
        uint256 id = accuse();
        vote(id, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        jury.rule(id);
        assertTrue(!registry.neuronOf(MINER).jailed, "not before the time to appeal is over");
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, block.number + 21));
        jury.execute(id);
        pass(21);
        jury.execute(id);
        assertTrue(registry.neuronOf(MINER).jailed, "jailed");
        assertEq(token.balanceOf(validators[0]) - before, 300 ether, "bond back, and the accuser's share");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyResolved.selector, id));
        jury.execute(id);
    }

    function test_jury_refutedAccuserPays() public {
        uint256 before = token.balanceOf(MINER);
        uint256 id = accuse();
        vote(id, 1, Jury.Verdict.Innocent, Jury.Verdict.Innocent, Jury.Verdict.Innocent);
        jury.rule(id);
        pass(21);
        jury.execute(id);
        assertEq(vault.stakeOf(MINER), 2_000 ether, "unslashed");
        assertEq(token.balanceOf(MINER) - before, 25 ether, "half the bond to the accused");
        assertEq(token.totalBurnt(), 25 ether, "half burnt");
        assertEq(jury.bondsHeld(), 0, "nothing left behind");
    }

    function test_jury_tooFewVotesCostNobody() public {
        uint256 before = token.balanceOf(validators[0]);
        uint256 id = accuse();
        commitVote(id, 1, 1, Jury.Verdict.Guilty);
        pass(11);
        revealVote(id, 1, Jury.Verdict.Guilty);
        pass(11);
        jury.rule(id);
        assertEq(token.balanceOf(validators[0]), before, "bond back");
        assertEq(vault.stakeOf(MINER), 2_000 ether, "unslashed");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotDecided.selector, id));
        jury.fine(id, validators[2]);
    }

    function test_jury_abstainingHasNoWeight() public {
        uint256 id = accuse();
        vote(id, 1, Jury.Verdict.Abstain, Jury.Verdict.Abstain, Jury.Verdict.Abstain);
        jury.rule(id);
        assertTrue(jury.caseOf(id).ruling == Jury.Verdict.None, "undecided");
    }

    function test_seats_followStakeAndLeaveTheAccuserOut() public {
        uint256 id = accuse();
        vm.expectRevert(abi.encodeWithSelector(Errors.NotDrawn.selector, id, validators[1]));
        jury.seatsOf(id, validators[1]);
        jury.draw(id);
        assertEq(jury.seatsOf(id, validators[0]), 0, "no judge in one's own case");
        assertEq(jury.seatsOf(id, MINER), 0, "miners do not judge");
        uint256 all = 0;
        for (uint256 i = 1; i < 4; ++i) {
            all += jury.seatsOf(id, validators[i]);
        }
        assertEq(all, 7, "every point is somebody's");
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotDrawn.selector, id, validators[0]));
        jury.commitVote(id, keccak256("x"));
    }

    function test_seats_stakeBoughtAfterTheAccusationDoesNotCount() public {
        uint256 id = accuse();
        jury.draw(id);
        uint256 before = jury.seatsOf(id, validators[1]);
        fund(address(0xA11), 900_000 ether);
        vm.prank(address(0xA11));
        vault.stake(validators[1], 900_000 ether);
        pass(2);
        assertEq(jury.seatsOf(id, validators[1]), before, "the stake of before");
    }

    /// @dev Fixed block hashes, so that the outcome is too: seven points, each with a probability of a third.
    function test_seats_areProportionalOnAverage() public {
        uint256 total = 0;
        for (uint256 i = 0; i < 20; ++i) {
            validators.pop();
            setUp();
            uint256 id = accuse();
            vm.setBlockhash(block.number - 1, keccak256(abi.encode("hash", i)));
            jury.draw(id);
            total += jury.seatsOf(id, validators[1]);
        }
        assertTrue(total > 26 && total < 67, "7 / 3 each: 46.7 in 20 draws, by three and a half deviations");
        total = 0;
        for (uint256 i = 0; i < 3_000; ++i) {
            total += Sortition.seats(keccak256(abi.encode(i)), 10_000 ether, 10_000 ether, 30_000 ether, 7);
        }
        assertTrue(total > 6_727 && total < 7_273, "7,000 in 3,000 draws, by four deviations");
    }

    function test_vote_isSecretOnceAndInTime() public {
        uint256 id = accuse();
        commitVote(id, 1, 1, Jury.Verdict.Guilty);
        vm.startPrank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyVoted.selector, id, validators[1]));
        jury.commitVote(id, keccak256("again"));
        uint256 last = jury.caseOf(id).commitEnd;
        pass(last - pauseSwitch.clock());
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, last, last + 1));
        jury.revealVote(id, Jury.Verdict.Guilty, "salt");
        pass(1);
        vm.expectRevert();
        jury.revealVote(id, Jury.Verdict.Innocent, "salt");
        vm.expectRevert(Errors.BadVerdict.selector);
        jury.revealVote(id, Jury.Verdict.None, "salt");
        jury.revealVote(id, Jury.Verdict.Guilty, "salt");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyVoted.selector, id, validators[1]));
        jury.revealVote(id, Jury.Verdict.Guilty, "salt");
        vm.stopPrank();
        vm.prank(validators[2]);
        vm.expectRevert();
        jury.commitVote(id, keccak256("late"));
    }

    function test_vote_cannotBeCopied() public {
        uint256 id = accuse();
        bytes32 theirs = keccak256(abi.encode(id, uint256(1), validators[1], Jury.Verdict.Guilty, bytes32("salt")));
        vm.prank(validators[2]);
        jury.commitVote(id, theirs);
        pass(11);
        vm.prank(validators[2]);
        vm.expectRevert();
        jury.revealVote(id, Jury.Verdict.Guilty, "salt");
    }

    function test_appeal_overturnsAndTheAppellantIsMadeWhole() public {
        fund(address(0xA11), 1_000 ether);
        uint256 id = accuse();
        vote(id, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        jury.rule(id);
        vm.prank(address(0xA11));
        jury.appeal(id);
        vote(id, 2, Jury.Verdict.Innocent, Jury.Verdict.Innocent, Jury.Verdict.Guilty);
        jury.execute(id);
        assertTrue(!registry.neuronOf(MINER).jailed, "free");
        assertEq(token.balanceOf(address(0xA11)), 1_000 ether, "the appellant's bond is back");
        assertEq(jury.bondsHeld(), 0, "nothing left behind");
    }

    function test_appeal_inVainPaysTheOtherSide() public {
        fund(address(0xA11), 1_000 ether);
        uint256 id = accuse();
        vote(id, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        jury.rule(id);
        vm.prank(address(0xA11));
        jury.appeal(id);
        vote(id, 2, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        uint256 before = token.balanceOf(validators[0]);
        jury.execute(id);
        assertEq(token.balanceOf(address(0xA11)), 800 ether, "the bond is lost");
        assertEq(
            token.balanceOf(validators[0]) - before, 100 ether + 50 ether + 300 ether, "half of it, own bond, share"
        );
    }

    function test_appeal_thatNobodyHearsLeavesTheRuling() public {
        fund(address(0xA11), 1_000 ether);
        uint256 id = accuse();
        vote(id, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        jury.rule(id);
        vm.prank(address(0xA11));
        jury.appeal(id);
        pass(22);
        jury.execute(id);
        assertTrue(registry.neuronOf(MINER).jailed, "convicted");
    }

    function both(uint256 id, uint256 round, Jury.Verdict a, Jury.Verdict b) private {
        commitVote(id, round, 1, a);
        commitVote(id, round, 2, b);
        pass(11);
        revealVote(id, 1, a);
        revealVote(id, 2, b);
        pass(11);
    }

    /// @dev Ruled guilty and appealed; nobody has voted on the appeal.
    function appealed() private returns (uint256 id) {
        fund(address(0xA11), 1_000 ether);
        id = accuse();
        vote(id, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        jury.rule(id);
        vm.prank(address(0xA11));
        jury.appeal(id);
    }

    function test_appeal_theAccuserHasNoVote() public {
        uint256 id = appealed();
        assertEq(jury.weightOf(id, validators[0]), 0, "no judge in one's own case");
        assertEq(jury.weightOf(id, validators[1]), 10_000 ether, "stake");
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotDrawn.selector, id, validators[0]));
        jury.commitVote(id, "ballot");
    }

    function test_appeal_quorumIsOfTheStakeThatMayVote() public {
        uint256 id = appealed();
        both(id, 2, Jury.Verdict.Innocent, Jury.Verdict.Abstain);
        set("quorum_bps", 3_400); // a third of the three that may vote is 3,333: this case keeps its window's one half
        jury.execute(id);
        assertTrue(registry.neuronOf(MINER).jailed, "one of three is less than half");
        assertEq(token.balanceOf(address(0xA11)), 800 ether, "and an appeal that is not heard costs its bond");
    }

    function test_appeal_halfOfTheStakeThatMayVoteIsHeard() public {
        vm.prank(validators[3]);
        vault.requestUnstake(validators[3], 10_000 ether);
        goTo(1, 1);
        fund(address(0xA11), 1_000 ether);
        uint256 id = accuse();
        both(id, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        jury.rule(id);
        vm.prank(address(0xA11));
        jury.appeal(id);
        assertEq(jury.caseOf(id).guilty, 0, "the first round's votes count no more");
        both(id, 2, Jury.Verdict.Innocent, Jury.Verdict.Abstain);
        jury.execute(id);
        assertTrue(!registry.neuronOf(MINER).jailed, "one of the two besides the accuser");
    }

    function test_appeal_inTimeOnly() public {
        uint256 id = accuse();
        vm.expectRevert(abi.encodeWithSelector(Errors.NotDecided.selector, id));
        jury.appeal(id);
        vote(id, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        jury.rule(id);
        pass(21);
        vm.prank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooLate.selector, block.number, block.number - 1));
        jury.appeal(id);
    }

    function test_fine_theMinorityAndTheAbsentLoseABoundedSum() public {
        uint256 id = accuse();
        commitVote(id, 1, 1, Jury.Verdict.Guilty);
        commitVote(id, 1, 2, Jury.Verdict.Guilty);
        pass(11);
        revealVote(id, 1, Jury.Verdict.Guilty);
        revealVote(id, 2, Jury.Verdict.Guilty);
        pass(11);
        jury.rule(id);
        pass(21);
        jury.execute(id);
        vm.expectRevert(Errors.NoFault.selector);
        jury.fine(id, validators[1]);
        vm.expectRevert(Errors.NoFault.selector);
        jury.fine(id, MINER);
        jury.fine(id, validators[3]);
        assertEq(vault.stakeOf(validators[3]), 9_995 ether, "five, whatever its seats");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyResolved.selector, id));
        jury.fine(id, validators[3]);
    }

    function test_accuse_onlyTimelyValidatorsOnceEachAboutRealWork() public {
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        jury.accuse(c, Fault.Replay, 0);
        vm.startPrank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotForJury.selector, 1));
        jury.accuse(c, Fault.Derivation, 0);
        Commitment memory other = c;
        other.window = 1;
        vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, 1, MINER));
        jury.accuse(other, Fault.Replay, 0);
        jury.accuse(c, Fault.Withheld, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyAccused.selector, 0, MINER));
        jury.accuse(c, Fault.Replay, 0);
        vm.stopPrank();
        vm.roll(GENESIS + WINDOW + 121);
        vm.prank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooLate.selector, 281, 280));
        jury.accuse(c, Fault.Replay, 0);
    }

    function test_accuse_aFriendsAccusationShieldsNobody() public {
        uint256 first = accuse();
        vm.prank(validators[1]);
        uint256 second = jury.accuse(c, Fault.Reward, 0);
        assertTrue(first != second, "each validator has its own try");
        assertTrue(jury.accusedBy(0, MINER, validators[0]) && jury.accusedBy(0, MINER, validators[1]), "both on file");
    }

    function test_case_oneConvictionForTwoCases() public {
        uint256 first = accuse();
        vm.prank(validators[1]);
        uint256 second = jury.accuse(c, Fault.Reward, 0);
        pass(2);
        vote(first, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        jury.rule(first);
        jury.rule(second);
        pass(21);
        jury.execute(first);
        assertEq(vault.stakeOf(MINER), 1_000 ether, "slashed once");
        assertEq(jury.bondsHeld(), 0, "the second accuser has its bond back");
        vm.prank(validators[2]);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyConvicted.selector, 0, MINER));
        jury.accuse(c, Fault.Replay, 0);
    }

    /// @dev F10: who was jailed since judges nobody, and pays nothing for it.
    function test_fine_notForVotesThatCouldNotBeCast() public {
        uint256 id = accuse();
        jury.draw(id);
        uint256 out = jury.seatsOf(id, validators[1]) > 0 ? 1 : 2;
        vm.prank(address(court));
        registry.jail(validators[out]);
        vm.prank(validators[out]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, validators[out]));
        jury.commitVote(id, keccak256("x"));
        for (uint256 i = 1; i < 4; ++i) {
            if (i != out && jury.seatsOf(id, validators[i]) > 0) commitVote(id, 1, i, Jury.Verdict.Guilty);
        }
        pass(11);
        for (uint256 i = 1; i < 4; ++i) {
            if (i != out && jury.seatsOf(id, validators[i]) > 0) revealVote(id, i, Jury.Verdict.Guilty);
        }
        pass(11);
        jury.rule(id);
        pass(21);
        jury.execute(id);
        if (jury.caseOf(id).ruling == Jury.Verdict.None) return;
        vm.expectRevert(Errors.NoFault.selector);
        jury.fine(id, validators[out]);
        vm.prank(address(timelock));
        registry.release(validators[out]);
        vm.expectRevert(Errors.NoFault.selector);
        jury.fine(id, validators[out]);
    }

    /// @dev F13, F29: the stake that judges is that of before the window, whatever happens in the accusation's block.
    function test_seats_nothingInTheAccusationsBlockCounts() public {
        vm.prank(validators[0]);
        uint256 id = jury.accuse(c, Fault.Replay, 0);
        join(address(0x1A7E), Role.Validator, 1_000_000 ether);
        vm.prank(address(court));
        registry.jail(validators[0]);
        pass(2);
        jury.draw(id);
        assertEq(jury.seatsOf(id, address(0x1A7E)), 0, "came late");
        assertEq(jury.seatsOf(id, validators[0]), 0, "the accuser");
        uint256 all = 0;
        for (uint256 i = 1; i < 4; ++i) {
            all += jury.seatsOf(id, validators[i]);
        }
        assertEq(all, 7, "seven seats in all");
    }

    /// @dev F14: the variance of the seats is that of the stake, however it is cut. Forty pieces of one per cent each
    ///      win four of seven seats as seldom as one piece of forty per cent.
    function test_seats_splittingChangesNothing() public pure {
        for (uint256 r = 0; r < 100; ++r) {
            bytes32 seed = keccak256(abi.encode("run", r));
            uint256 one = Sortition.seats(seed, 60, 40, 100, 7);
            uint256 many = 0;
            for (uint256 i = 60; i < 100; ++i) {
                many += Sortition.seats(seed, i, 1, 100, 7);
            }
            assertEq(one, many, "the same points");
        }
    }

    // Contests

    /// @dev Everybody rejects the miner's work; the first validator with a seat is contested.
    function contested() private returns (uint256 id, uint256 who) {
        committed.push(c);
        scoreBy(0, 4, 2);
        while (seatsOf(0, 0, validators[who]) == 0) ++who;
        vm.prank(MINER);
        id = jury.contest(c, validators[who], sheets[0][validators[who]]);
        pass(2);
        jury.draw(id);
    }

    function ruleBy(uint256 id, uint256 who, Jury.Verdict word) private {
        for (uint256 i = 0; i < 4; ++i) {
            if (i != who && jury.seatsOf(id, validators[i]) > 0) commitVote(id, 1, i, word);
        }
        pass(11);
        for (uint256 i = 0; i < 4; ++i) {
            if (i != who && jury.seatsOf(id, validators[i]) > 0) revealVote(id, i, word);
        }
        pass(11);
        jury.rule(id);
    }

    function voteBut(uint256 id, uint256 who, Jury.Verdict word) private {
        ruleBy(id, who, word);
        if (jury.caseOf(id).state == Jury.State.Closed) return;
        pass(21);
        jury.execute(id);
    }

    function test_contest_aWrongRejectionCostsItsValidator() public {
        (uint256 id, uint256 who) = contested();
        uint256 miner = token.balanceOf(MINER);
        voteBut(id, who, Jury.Verdict.Innocent);
        assertEq(jury.overturned(0, MINER), 1, "one hold less");
        assertEq(vault.stakeOf(validators[who]), 9_950 ether, "the penalty");
        assertEq(token.balanceOf(MINER) - miner, 75 ether, "the bond, and half the penalty");
        assertEq(jury.bondsHeld(), 0, "nothing left behind");
        assertTrue(!court.convicted(0, MINER), "nobody is convicted");
        bytes memory sheet = sheets[0][validators[who]];
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyAccused.selector, 0, MINER));
        jury.contest(c, validators[who], sheet);
    }

    function test_contest_aRightRejectionCostsThePleader() public {
        (uint256 id, uint256 who) = contested();
        uint256 before = token.balanceOf(validators[who]);
        voteBut(id, who, Jury.Verdict.Guilty);
        assertEq(jury.overturned(0, MINER), 0, "the hold stays");
        assertEq(token.balanceOf(validators[who]) - before, 25 ether, "half the bond");
        assertEq(vault.stakeOf(MINER), 2_000 ether, "a rejection is no fault");
        assertEq(jury.bondsHeld(), 0, "nothing left behind");
    }

    function test_contest_whatNobodyDecidedMayBePleadedAgain() public {
        (uint256 id, uint256 who) = contested();
        uint256 before = token.balanceOf(MINER);
        voteBut(id, who, Jury.Verdict.Abstain);
        assertEq(token.balanceOf(MINER) - before, 50 ether, "the bond is back");
        bytes memory sheet = sheets[0][validators[who]];
        vm.prank(MINER);
        jury.contest(c, validators[who], sheet);
    }

    function test_contest_onlyWhatASheetRejects() public {
        committed.push(c);
        scoreBy(0, 4, 1);
        bytes memory sheet = sheets[0][validators[1]];
        vm.startPrank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotRejected.selector, 0, MINER, validators[1]));
        jury.contest(c, validators[1], sheet);
        vm.expectRevert(Errors.BadEvidence.selector);
        jury.contest(c, validators[1], "another");
    }

    // Audits

    /// @dev Everybody accepts the miner's work; a validator without part in it accuses the first that has a seat.
    function auditAccused() private returns (uint256 id, uint256 accused, uint256 accuser) {
        committed.push(c);
        scoreBy(0, 4, 1);
        while (seatsOf(0, 0, validators[accused]) == 0) ++accused;
        accuser = (accused + 1) % 4;
        vm.prank(validators[accuser]);
        id = jury.accuseAudit(c, Fault.Audit, validators[accused], sheets[0][validators[accused]]);
        pass(2);
        jury.draw(id);
    }

    function test_audit_whoAcceptsUnreadIsConvicted() public {
        (uint256 id, uint256 accused, uint256 accuser) = auditAccused();
        uint256 before = token.balanceOf(validators[accuser]);
        assertEq(uint256(jury.caseOf(id).evidence), uint160(MINER), "whose work it was about");
        voteBut(id, accused, Jury.Verdict.Guilty);
        assertEq(vault.stakeOf(validators[accused]), 5_000 ether, "slashed like any other");
        assertTrue(registry.neuronOf(validators[accused]).jailed, "jailed");
        assertTrue(court.convicted(0, validators[accused]) && !court.convicted(0, MINER), "the auditor, not the miner");
        assertTrue(token.balanceOf(validators[accuser]) - before > 50 ether, "the bond, and a part");
        bytes memory sheet = sheets[0][validators[accused]];
        vm.prank(validators[accuser]);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyConvicted.selector, 0, validators[accused]));
        jury.accuseAudit(c, Fault.HiddenAudit, validators[accused], sheet);
    }

    function test_audit_aRefutedAccuserPaysTheAuditor() public {
        (uint256 id, uint256 accused,) = auditAccused();
        uint256 before = token.balanceOf(validators[accused]);
        voteBut(id, accused, Jury.Verdict.Innocent);
        assertEq(vault.stakeOf(validators[accused]), 10_000 ether, "unslashed");
        assertEq(token.balanceOf(validators[accused]) - before, 25 ether, "half the bond");
        assertEq(jury.bondsHeld(), 0, "nothing left behind");
    }

    function test_audit_neitherPartyJudges() public {
        (uint256 id, uint256 accused, uint256 accuser) = auditAccused();
        uint256 all = 0;
        for (uint256 i = 0; i < 4; ++i) {
            all += jury.seatsOf(id, validators[i]);
        }
        assertEq(
            jury.seatsOf(id, validators[accused]) + jury.seatsOf(id, validators[accuser]), 0, "no seat of their own"
        );
        assertEq(all, 7, "every point is somebody else's");
        ruleBy(id, accused, Jury.Verdict.Innocent);
        vm.prank(validators[accuser]);
        jury.appeal(id);
        assertEq(jury.weightOf(id, validators[accused]) + jury.weightOf(id, validators[accuser]), 0, "nor on appeal");
        // one of the two others is half of those who may be heard: enough for a quorum of a half
        uint256 voter = (accused + 2) % 4;
        commitVote(id, 2, voter, Jury.Verdict.Guilty);
        pass(11);
        revealVote(id, voter, Jury.Verdict.Guilty);
        pass(11);
        jury.execute(id);
        assertTrue(court.convicted(0, validators[accused]), "the quorum is of the stake of those who may vote");
    }

    function test_audit_onlyOfWhatASheetAccepts() public {
        committed.push(c);
        scoreBy(0, 4, 2);
        bytes memory sheet = sheets[0][validators[1]];
        vm.startPrank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotAccepted.selector, 0, MINER, validators[1]));
        jury.accuseAudit(c, Fault.Audit, validators[1], sheet);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotForJury.selector, 3));
        jury.accuseAudit(c, Fault.Replay, validators[1], sheet);
        vm.expectRevert(Errors.BadEvidence.selector);
        jury.accuseAudit(c, Fault.Audit, validators[1], "another");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotForJury.selector, 8));
        jury.accuse(c, Fault.Audit, 0);
    }

    function test_audit_nobodyAccusesItself() public {
        (, uint256 accused,) = auditAccused();
        bytes memory sheet = sheets[0][validators[accused]];
        vm.prank(validators[accused]);
        vm.expectRevert(Errors.NoFault.selector);
        jury.accuseAudit(c, Fault.Audit, validators[accused], sheet);
    }

    // Silence

    /// @dev Validators that hold no seat say something, whoever holds one says `word`; the miner asks a jury.
    function unjudged(uint8 word) private returns (bytes[] memory shown) {
        committed.push(c);
        scoreBy(0, word == 0 ? 0 : 4, word);
        return evidenceOf(0, 0).sheets;
    }

    function pleadSilence() private returns (uint256 id) {
        bytes[] memory shown = unjudged(0);
        vm.prank(MINER);
        id = jury.contestSilence(c, shown);
        pass(2);
        jury.draw(id);
    }

    function test_silence_aJuryIsTheSecondDraw() public {
        uint256 miner = token.balanceOf(MINER);
        uint256 id = pleadSilence();
        assertEq(jury.caseOf(id).accuser, address(0), "nobody is accused of anything");
        voteBut(id, 4, Jury.Verdict.Innocent);
        assertEq(jury.overturned(0, MINER), UNJUDGED, "nothing holds the pay");
        assertEq(token.balanceOf(MINER), miner, "the bond, no more");
        assertEq(jury.bondsHeld(), 0, "nothing left behind");
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(vault.stakeOf(validators[i]), 10_000 ether, "silence has cost its pay already");
        }
        bytes[] memory shown = evidenceOf(0, 0).sheets;
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyAccused.selector, 0, MINER));
        jury.contestSilence(c, shown);
    }

    /// @dev Nobody gains by it, so no jury is worth buying; the pay stays held.
    function test_silence_workThatIsWrongCostsItsBond() public {
        uint256 burnt = token.totalBurnt();
        voteBut(pleadSilence(), 4, Jury.Verdict.Guilty);
        assertEq(jury.overturned(0, MINER), 0, "the hold stays");
        assertEq(token.totalBurnt() - burnt, 50 ether, "all of the bond");
        assertEq(jury.bondsHeld(), 0, "nothing left behind");
    }

    function test_silence_onAppealNobodysStakeIsLeftOut() public {
        uint256 id = pleadSilence();
        for (uint256 i = 0; i < 4; ++i) {
            if (jury.seatsOf(id, validators[i]) > 0) commitVote(id, 1, i, Jury.Verdict.Guilty);
        }
        pass(11);
        for (uint256 i = 0; i < 4; ++i) {
            if (jury.seatsOf(id, validators[i]) > 0) revealVote(id, i, Jury.Verdict.Guilty);
        }
        pass(11);
        jury.rule(id);
        vm.prank(MINER);
        jury.appeal(id);
        for (uint256 i = 0; i < 4; ++i) {
            assertEq(jury.weightOf(id, validators[i]), 10_000 ether, "by stake");
            commitVote(id, 2, i, Jury.Verdict.Innocent);
        }
        pass(11);
        for (uint256 i = 0; i < 4; ++i) {
            revealVote(id, i, Jury.Verdict.Innocent);
        }
        pass(11);
        jury.execute(id);
        assertEq(jury.overturned(0, MINER), UNJUDGED, "nothing holds the pay");
        assertEq(jury.bondsHeld(), 0, "both bonds are back");
    }

    function test_silence_whatNobodyDecidedMayBePleadedAgain() public {
        voteBut(pleadSilence(), 4, Jury.Verdict.Abstain);
        bytes[] memory shown = evidenceOf(0, 0).sheets;
        vm.prank(MINER);
        jury.contestSilence(c, shown);
    }

    function test_silence_notWhereASeatHasSpoken() public {
        bytes[] memory shown = unjudged(1);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotUnjudged.selector, 0, MINER));
        jury.contestSilence(c, shown);
    }

    /// @dev Who shows its blob to nobody, sees the challenge, and then asks a jury, has no pay to ask for.
    function test_silence_notWhereSeatsCouldNotFetchTheWork() public {
        bytes[] memory shown = unjudged(3);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotUnjudged.selector, 0, MINER));
        jury.contestSilence(c, shown);
    }

    function test_silence_notBeforeTheRevealsAreOver() public {
        committed.push(c);
        goTo(0, 12);
        ledger.seal(0);
        goTo(0, 30);
        bytes[] memory shown = evidenceOf(0, 0).sheets;
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, block.number + 1));
        jury.contestSilence(c, shown);
    }

    function test_pause_stopsRulingsAndTheirDeadlines() public {
        uint256 id = accuse();
        vote(id, 1, Jury.Verdict.Guilty, Jury.Verdict.Guilty, Jury.Verdict.Guilty);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        jury.rule(id);
        pass(50);
        jury.rule(id);
    }
}
