// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../src/FaultCourt.sol";
import {Commitment, Commitments} from "../src/libraries/Commitments.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Leaf, RolloutLeaf} from "../src/libraries/Leaf.sol";
import {Network} from "./base/Network.sol";

contract FaultCourtTest is Network {
    uint256 private constant KEY = 0xA11CE;
    address private constant ANN = address(0xA11);

    function setUp() public {
        setUpNetwork();
        fund(ANN, 1_000 ether);
    }

    function guiltyLeaf() private pure returns (RolloutLeaf memory leaf) {
        leaf = honestLeaf();
        leaf.envId = keccak256("easier/1");
    }

    function test_derivation_honestLeafIsNoFault() public {
        Commitment memory c = commitLeaf(honestLeaf());
        vm.expectRevert(Errors.NoFault.selector);
        court.proveDerivationFault(c, honestLeaf(), noProof());
    }

    function test_derivation_everyFieldThatTheContractKnows() public {
        for (uint256 i = 0; i < 8; ++i) {
            setUpNetwork();
            RolloutLeaf memory leaf = honestLeaf();
            if (i == 0) leaf.window = 1;
            if (i == 1) leaf.miner = TRAINER;
            if (i == 2) leaf.checkpointVersion = 2;
            if (i == 3) leaf.group = 4;
            if (i == 4) leaf.index = 8;
            if (i == 5) leaf.envId = keccak256("easier/1");
            if (i == 6) leaf.finish = 2;
            if (i == 7) leaf.nTokens = 0;
            court.proveDerivationFault(commitLeaf(leaf), leaf, noProof());
            assertTrue(registry.neuronOf(MINER).jailed, "jailed");
            assertEq(vault.stakeOf(MINER), 1_000 ether, "half the stake");
        }
    }

    function test_derivation_splitsTheSlashToTheWei() public {
        Commitment memory c = commitLeaf(guiltyLeaf());
        uint256 minted = token.totalSupply() + token.totalBurnt();
        vm.prank(address(0xACC));
        court.proveDerivationFault(c, guiltyLeaf(), noProof());
        assertEq(token.balanceOf(address(0xACC)), 300 ether, "accuser");
        assertEq(token.totalBurnt(), 500 ether, "burnt");
        assertEq(token.balanceOf(address(timelock)), 200 ether, "treasury");
        assertEq(token.totalSupply() + token.totalBurnt(), minted, "nothing lost, nothing made");
        assertEq(token.balanceOf(address(court)), 0, "nothing left behind");
    }

    function test_derivation_needsTheCommitmentAndItsLeaf() public {
        Commitment memory c = commitLeaf(honestLeaf());
        vm.expectRevert(Errors.BadProof.selector);
        court.proveDerivationFault(c, guiltyLeaf(), noProof());
        c.root = Leaf.digest(guiltyLeaf());
        vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, 0, MINER));
        court.proveDerivationFault(c, guiltyLeaf(), noProof());
    }

    function test_duplicate_twoLeavesAtOnePlace() public {
        RolloutLeaf memory a = honestLeaf();
        RolloutLeaf memory b = honestLeaf();
        b.rewardMicro = 1_000_000;
        (bytes32 left, bytes32 right) = (Leaf.digest(a), Leaf.digest(b));
        bytes32 root = left < right ? keccak256(abi.encode(left, right)) : keccak256(abi.encode(right, left));
        goTo(0, 1);
        Commitment memory c = commitment(0, root, 4);
        vm.prank(MINER);
        ledger.commit(c);
        bytes32[] memory proofA = new bytes32[](1);
        bytes32[] memory proofB = new bytes32[](1);
        (proofA[0], proofB[0]) = (right, left);
        vm.expectRevert(Errors.NoFault.selector);
        court.proveDuplicate(c, a, proofA, a, proofA);
        court.proveDuplicate(c, a, proofA, b, proofB);
        assertTrue(court.convicted(0, MINER), "convicted");
    }

    function test_convict_nobodyTwiceForOneWindow() public {
        Commitment memory c = commitLeaf(guiltyLeaf());
        court.proveDerivationFault(c, guiltyLeaf(), noProof());
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyConvicted.selector, 0, MINER));
        court.proveDerivationFault(c, guiltyLeaf(), noProof());
        vm.prank(address(jury));
        court.convict(0, MINER, Fault.Replay, ANN);
        assertEq(vault.stakeOf(MINER), 1_000 ether, "slashed once");
    }

    function test_convict_onlyTheJuryAndNotWhilePaused() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(this)));
        court.convict(0, MINER, Fault.Replay, ANN);
        Commitment memory c = commitLeaf(guiltyLeaf());
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        vm.expectRevert(abi.encodeWithSelector(Errors.Paused.selector, block.number + 50));
        court.proveDerivationFault(c, guiltyLeaf(), noProof());
    }

    function test_convict_unbondingCannotDodge() public {
        Commitment memory c = commitLeaf(guiltyLeaf());
        vm.prank(MINER);
        vault.requestUnstake(MINER, 2_000 ether);
        court.proveDerivationFault(c, guiltyLeaf(), noProof());
        assertEq(vault.slashableStake(MINER), 1_000 ether, "half, also of what is leaving");
    }

    // Equivocation

    function signed(Commitment memory c) private view returns (bytes memory) {
        (, string memory name, string memory version, uint256 chainId, address ledger_,,) = ledger.eip712Domain();
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256(bytes(name)),
                keccak256(bytes(version)),
                chainId,
                ledger_
            )
        );
        (uint8 v, bytes32 r, bytes32 s) =
            vm.sign(KEY, keccak256(abi.encodePacked("\x19\x01", domain, Commitments.digest(c))));
        return abi.encodePacked(r, s, v);
    }

    function useHotkey(address hotkey) private {
        vm.prank(MINER);
        registry.proposeHotkey(hotkey);
        vm.prank(hotkey);
        registry.acceptHotkey(MINER);
    }

    function test_equivocation_twoSignedCommitments() public {
        useHotkey(vm.addr(KEY));
        goTo(0, 1);
        Commitment memory a = commitment(0, keccak256("a"), 4);
        Commitment memory b = commitment(0, keccak256("b"), 4);
        (bytes memory first, bytes memory second) = (signed(a), signed(b));
        vm.expectRevert(Errors.NoFault.selector);
        court.proveEquivocation(a, first, a, first);
        court.proveEquivocation(a, first, b, second);
        assertTrue(registry.neuronOf(MINER).jailed, "jailed");
    }

    function test_equivocation_aSignedOneBesidesTheOneOnChain() public {
        useHotkey(vm.addr(KEY));
        goTo(0, 1);
        Commitment memory a = commitment(0, keccak256("a"), 4);
        Commitment memory b = commitment(0, keccak256("b"), 4);
        vm.prank(vm.addr(KEY));
        ledger.commit(a);
        bytes memory first = signed(a);
        vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, 0, MINER));
        court.proveEquivocation(b, "", a, first);
        court.proveEquivocation(a, "", b, signed(b));
        assertTrue(court.convicted(0, MINER), "convicted");
    }

    function test_equivocation_rotatingTheHotkeyDoesNotHelp() public {
        useHotkey(vm.addr(KEY));
        goTo(0, 1);
        Commitment memory a = commitment(0, keccak256("a"), 4);
        Commitment memory b = commitment(0, keccak256("b"), 4);
        useHotkey(MINER);
        goTo(0, 20);
        court.proveEquivocation(a, signed(a), b, signed(b));
        assertTrue(court.convicted(0, MINER), "convicted");
    }

    function test_equivocation_notByStrangersOrAcrossWindows() public {
        goTo(0, 1);
        Commitment memory a = commitment(0, keccak256("a"), 4);
        Commitment memory b = commitment(0, keccak256("b"), 4);
        (bytes memory first, bytes memory second) = (signed(a), signed(b));
        vm.expectRevert(abi.encodeWithSelector(Errors.NotSigned.selector, MINER));
        court.proveEquivocation(a, first, b, second);
        useHotkey(vm.addr(KEY));
        b.window = 1;
        second = signed(b);
        vm.expectRevert(Errors.NoFault.selector);
        court.proveEquivocation(a, first, b, second);
    }

    // Openings

    function openable() private returns (Commitment memory c, RolloutLeaf memory leaf) {
        leaf = honestLeaf();
        (leaf.tokensHash, leaf.logprobsHash, leaf.proofHash) = (keccak256("t"), keccak256("l"), keccak256("s"));
        c = commitLeaf(leaf);
    }

    function demand(Commitment memory c) private returns (uint256) {
        vm.prank(ANN);
        return court.demandOpening(c, 0, 0);
    }

    function test_opening_anAnswerCostsTheDemander() public {
        (Commitment memory c, RolloutLeaf memory leaf) = openable();
        uint256 id = demand(c);
        uint256 before = token.balanceOf(MINER);
        vm.expectRevert(Errors.BadProof.selector);
        court.answerOpening(id, c, leaf, noProof(), "x", "l", "s");
        court.answerOpening(id, c, leaf, noProof(), "t", "l", "s");
        assertEq(token.balanceOf(MINER) - before, 5 ether, "the bond is the miner's");
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyResolved.selector, id));
        court.closeOpening(id);
        vm.prank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyDemanded.selector, 0, 0));
        court.demandOpening(c, 0, 0);
    }

    function test_opening_silenceConvicts() public {
        (Commitment memory c,) = openable();
        uint256 id = demand(c);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooEarly.selector, block.number, block.number + 31));
        court.closeOpening(id);
        pass(31);
        uint256 before = token.balanceOf(ANN);
        court.closeOpening(id);
        assertEq(token.balanceOf(ANN) - before, 305 ether, "bond and the accuser's share");
        assertTrue(registry.neuronOf(MINER).jailed, "jailed");
        assertEq(court.bondsHeld(), 0, "nothing left behind");
    }

    function test_opening_aPauseTakesNobodysTime() public {
        (Commitment memory c, RolloutLeaf memory leaf) = openable();
        uint256 id = demand(c);
        vm.prank(GUARDIAN);
        pauseSwitch.pause();
        pass(50);
        vm.expectRevert();
        court.closeOpening(id);
        court.answerOpening(id, c, leaf, noProof(), "t", "l", "s");
    }

    function test_opening_onlyRealPlacesAndInTime() public {
        (Commitment memory c,) = openable();
        vm.startPrank(ANN);
        vm.expectRevert(abi.encodeWithSelector(Errors.NoSuchPlace.selector, 4, 0));
        court.demandOpening(c, 4, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.NoSuchPlace.selector, 0, 8));
        court.demandOpening(c, 0, 8);
        vm.roll(GENESIS + WINDOW + 121);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooLate.selector, 281, 280));
        court.demandOpening(c, 0, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.UnknownCase.selector, 0));
        court.closeOpening(0);
    }
}
