// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {FaultCourt} from "../src/FaultCourt.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Leaf, RolloutLeaf} from "../src/libraries/Leaf.sol";
import {Network} from "./base/Network.sol";

contract FaultCourtTest is Network {
    function setUp() public {
        setUpNetwork();
    }

    function accuseMiner() private returns (uint256 id) {
        vm.prank(validators[0]);
        return court.accuse(0, MINER, FaultCourt.Kind.Replay, keccak256("evidence"));
    }

    function vote(uint256 id, uint256 juror, bool guilty) private {
        vm.prank(validators[juror]);
        court.vote(id, guilty);
    }

    function test_derivation_honestLeafIsNoFault() public {
        commitLeaf(honestLeaf());
        vm.expectRevert(Errors.NoFault.selector);
        court.proveDerivationFault(0, MINER, honestLeaf(), noProof());
    }

    function test_derivation_everyFieldThatTheContractKnows() public {
        for (uint256 i = 0; i < 7; ++i) {
            setUpNetwork();
            RolloutLeaf memory leaf = honestLeaf();
            if (i == 0) leaf.window = 1;
            if (i == 1) leaf.miner = TRAINER;
            if (i == 2) leaf.checkpointVersion = 2;
            if (i == 3) leaf.group = 4;
            if (i == 4) leaf.index = 8;
            if (i == 5) leaf.envId = keccak256("easier/1");
            if (i == 6) leaf.finish = 2;
            commitLeaf(leaf);
            court.proveDerivationFault(0, MINER, leaf, noProof());
            assertTrue(registry.neuronOf(MINER).jailed, "jailed");
            assertEq(registry.stakeOf(MINER), 1_000 ether, "half the stake");
        }
    }

    function test_derivation_splitsTheSlashToTheWei() public {
        RolloutLeaf memory leaf = honestLeaf();
        leaf.envId = keccak256("easier/1");
        commitLeaf(leaf);
        uint256 minted = token.totalSupply() + token.totalBurnt();
        vm.prank(address(0xACC));
        court.proveDerivationFault(0, MINER, leaf, noProof());
        assertEq(token.balanceOf(address(0xACC)), 300 ether, "accuser");
        assertEq(token.totalBurnt(), 500 ether, "burnt");
        assertEq(token.balanceOf(TREASURY), 200 ether, "treasury");
        assertEq(token.totalSupply() + token.totalBurnt(), minted, "nothing lost, nothing made");
        assertEq(token.balanceOf(address(court)), 0, "nothing left behind");
    }

    function test_derivation_needsACommittedLeaf() public {
        commitLeaf(honestLeaf());
        RolloutLeaf memory other = honestLeaf();
        other.envId = keccak256("easier/1");
        vm.expectRevert(Errors.BadProof.selector);
        court.proveDerivationFault(0, MINER, other, noProof());
    }

    function test_duplicate_twoLeavesAtOnePlace() public {
        RolloutLeaf memory a = honestLeaf();
        RolloutLeaf memory b = honestLeaf();
        b.rewardMicro = 1_000_000;
        (bytes32 left, bytes32 right) = (Leaf.digest(a), Leaf.digest(b));
        bytes32 root = left < right ? keccak256(abi.encode(left, right)) : keccak256(abi.encode(right, left));
        goTo(0, 1);
        vm.prank(MINER);
        ledger.commit(0, root, keccak256("blob"), 4, 1);
        bytes32[] memory proofA = new bytes32[](1);
        bytes32[] memory proofB = new bytes32[](1);
        (proofA[0], proofB[0]) = (right, left);
        vm.expectRevert(Errors.NoFault.selector);
        court.proveDuplicate(0, MINER, a, proofA, a, proofA);
        court.proveDuplicate(0, MINER, a, proofA, b, proofB);
        assertTrue(court.convicted(0, MINER), "convicted");
    }

    function test_nobodyIsSlashedTwiceForOneWindow() public {
        RolloutLeaf memory leaf = honestLeaf();
        leaf.envId = keccak256("easier/1");
        commitLeaf(leaf);
        uint256 id = accuseMiner();
        court.proveDerivationFault(0, MINER, leaf, noProof());
        vote(id, 1, true);
        court.resolve(id);
        assertEq(registry.stakeOf(MINER), 1_000 ether, "slashed once");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyConvicted.selector, 0, MINER));
        court.proveDerivationFault(0, MINER, leaf, noProof());
    }

    function test_jury_majorityConvicts() public {
        commitLeaf(honestLeaf());
        uint256 before = token.balanceOf(validators[0]);
        uint256 id = accuseMiner();
        vm.expectRevert(abi.encodeWithSelector(Errors.NotDecided.selector, id));
        court.resolve(id);
        vote(id, 1, true);
        court.resolve(id);
        assertTrue(registry.neuronOf(MINER).jailed, "jailed");
        assertEq(token.balanceOf(validators[0]) - before, 300 ether, "bond back, and the accuser's share");
    }

    function test_jury_refutedAccuserPays() public {
        commitLeaf(honestLeaf());
        uint256 before = token.balanceOf(MINER);
        uint256 id = accuseMiner();
        vote(id, 1, false);
        vote(id, 2, false);
        court.resolve(id);
        assertTrue(!registry.neuronOf(MINER).jailed, "free");
        assertEq(registry.stakeOf(MINER), 2_000 ether, "unslashed");
        assertEq(token.balanceOf(MINER) - before, 25 ether, "half the bond to the accused");
        assertEq(token.totalBurnt(), 25 ether, "half burnt");
    }

    function test_jury_undecidedCostsNobody() public {
        commitLeaf(honestLeaf());
        uint256 before = token.balanceOf(validators[0]);
        uint256 id = accuseMiner();
        vm.roll(block.number + 61);
        court.resolve(id);
        assertEq(token.balanceOf(validators[0]), before, "bond back");
        assertEq(registry.stakeOf(MINER), 2_000 ether, "unslashed");
    }

    function test_vote_onlyOnceAndOnlyValidators() public {
        commitLeaf(honestLeaf());
        uint256 id = accuseMiner();
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyVoted.selector, id, validators[0]));
        court.vote(id, true);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        court.vote(id, false);
    }

    function test_accuse_needsACommitmentAndATimelyAccuser() public {
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, 0, MINER));
        court.accuse(0, MINER, FaultCourt.Kind.Replay, 0);
        commitLeaf(honestLeaf());
        vm.roll(GENESIS + WINDOW + 121);
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooLate.selector, 281, 280));
        court.accuse(0, MINER, FaultCourt.Kind.Replay, 0);
    }

    function test_accuse_exactFaultsNeedNoJury() public {
        commitLeaf(honestLeaf());
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotNumeric.selector, 1));
        court.accuse(0, MINER, FaultCourt.Kind.Derivation, 0);
    }

    function test_unbondingCannotDodgeAConviction() public {
        commitLeaf(honestLeaf());
        vm.prank(MINER);
        registry.requestUnstake(2_000 ether);
        uint256 id = accuseMiner();
        vote(id, 1, true);
        court.resolve(id);
        assertEq(registry.slashableStake(MINER), 1_000 ether, "half, also of what is leaving");
    }
}
