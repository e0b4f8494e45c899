// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Fault} from "../src/FaultCourt.sol";
import {Role} from "../src/StakeVault.sol";
import {Commitment, Commitments} from "../src/libraries/Commitments.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Leaf, RolloutLeaf} from "../src/libraries/Leaf.sol";
import {Entry, SumTree} from "../src/libraries/SumTree.sol";
import {Network} from "./base/Network.sol";
import {Trees} from "./base/Trees.sol";

contract FaultCourtTest is Network {
    using Trees for Trees.Tree;

    uint256 private constant KEY = 0xA11CE;
    address private constant ANN = address(0xA11);
    address private constant SHELL = address(0x5E11);

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
        court.proveDerivationFault(c, honestLeaf(), 1, entryOf(honestLeaf()));
    }

    function test_derivation_everyFieldThatTheContractKnows() public {
        for (uint256 i = 0; i < 10; ++i) {
            setUpNetwork();
            RolloutLeaf memory leaf = honestLeaf();
            if (i == 0) leaf.window = 1;
            if (i == 1) leaf.miner = TRAINER;
            if (i == 2) leaf.checkpointVersion = 2;
            if (i == 3) leaf.group = 4;
            if (i == 4) leaf.index = 8;
            if (i == 5) leaf.envId = keccak256("easier/1");
            if (i == 6) leaf.finish = 4;
            if (i == 7) leaf.nTokens = 0;
            if (i == 8) leaf.turns = 0;
            if (i == 9) leaf.observedTokens = 4_097;
            court.proveDerivationFault(commitLeaf(leaf), leaf, 1, entryOf(leaf));
            assertTrue(registry.neuronOf(MINER).jailed, "jailed");
            assertEq(vault.stakeOf(MINER), 1_000 ether, "half the stake");
        }
    }

    function test_derivation_observedTokensAreWorthWhatThePolicySays() public {
        RolloutLeaf memory leaf = honestLeaf();
        (leaf.turns, leaf.finish, leaf.observedTokens) = (4, 3, 4_096);
        Commitment memory c = commitLeaf(leaf);
        vm.expectRevert(Errors.NoFault.selector);
        court.proveDerivationFault(c, leaf, 1, entryOf(leaf));
        setUpNetwork();
        set("observed_milli", 250);
        c = commitLeaf(leaf);
        court.proveDerivationFault(c, leaf, 1, entryOf(leaf));
        assertTrue(registry.neuronOf(MINER).jailed, "3,000 are not 3,000 and 4,096 quarters");
    }

    function test_derivation_splitsTheSlashToTheWei() public {
        Commitment memory c = commitLeaf(guiltyLeaf());
        uint256 minted = token.totalSupply() + token.totalBurnt();
        vm.prank(address(0xACC));
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
        assertEq(token.balanceOf(address(0xACC)), 300 ether, "accuser");
        assertEq(token.totalBurnt(), 500 ether, "burnt");
        assertEq(token.balanceOf(address(timelock)), 200 ether, "treasury");
        assertEq(token.totalSupply() + token.totalBurnt(), minted, "nothing lost, nothing made");
        assertEq(token.balanceOf(address(court)), 0, "nothing left behind");
    }

    function test_derivation_needsTheCommitmentAndItsLeaf() public {
        Commitment memory c = commitLeaf(honestLeaf());
        vm.expectRevert(Errors.BadProof.selector);
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
        c.root = rootOf(guiltyLeaf());
        vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, 0, MINER));
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
    }

    /// @dev A tree of two leaves, smaller digest first.
    function two(RolloutLeaf memory a, RolloutLeaf memory b)
        private
        returns (Commitment memory c, Trees.Tree memory tree)
    {
        tree = Trees.make(Commitments.LEAVES, 2);
        (uint256 x, uint256 y) = (uint256(Leaf.digest(a)), uint256(Leaf.digest(b)));
        (tree.keys[0], tree.keys[1]) = x < y ? (x, y) : (y, x);
        (tree.values[0], tree.values[1]) = (WORTH, WORTH);
        goTo(0, 1);
        c = commitment(0, tree.root(), 4);
        c.worth = 2 * WORTH;
        vm.prank(MINER);
        ledger.commit(c);
    }

    function test_duplicate_twoLeavesAtOnePlace() public {
        RolloutLeaf memory a = honestLeaf();
        RolloutLeaf memory b = honestLeaf();
        b.rewardMicro = 1_000_000;
        (Commitment memory c, Trees.Tree memory tree) = two(a, b);
        bool first = tree.keys[0] == uint256(Leaf.digest(a));
        Entry memory x = tree.entry(first ? 0 : 1);
        Entry memory y = tree.entry(first ? 1 : 0);
        vm.expectRevert(Errors.NoFault.selector);
        court.proveDuplicate(c, 2, a, x, a, x);
        vm.expectRevert(Errors.BadProof.selector);
        court.proveDuplicate(c, 2, a, y, b, x);
        RolloutLeaf memory other = honestLeaf();
        other.rewardMicro = 7;
        Entry memory invented = Entry(uint256(Leaf.digest(other)), y.value, y.index, y.path);
        vm.expectRevert(Errors.BadProof.selector);
        court.proveDuplicate(c, 2, a, x, other, invented);
        court.proveDuplicate(c, 2, a, x, b, y);
        assertTrue(court.convicted(0, MINER), "convicted");
        assertEq(court.convictedAt(0, MINER), block.number, "now");
    }

    /// @dev Worth is what the leaf's tokens earn, and nothing else.
    function test_derivation_aFalseWorthIsAFault() public {
        RolloutLeaf memory leaf = honestLeaf();
        goTo(0, 1);
        bytes32 root = SumTree.seal(1, SumTree.leaf(Commitments.LEAVES, uint256(Leaf.digest(leaf)), 9_999), 9_999);
        Commitment memory c = commitment(0, root, 4);
        c.worth = 9_999;
        vm.prank(MINER);
        ledger.commit(c);
        Entry memory entry = entryOf(leaf);
        vm.expectRevert(Errors.BadProof.selector);
        court.proveDerivationFault(c, leaf, 1, entry);
        entry.value = 9_999;
        court.proveDerivationFault(c, leaf, 1, entry);
        assertTrue(court.convicted(0, MINER), "convicted");
    }

    function test_root_anotherWorthThanCommittedOrAnotherSizeIsAFault() public {
        bytes32 top = SumTree.leaf(Commitments.LEAVES, uint256(Leaf.digest(honestLeaf())), uint128(WORTH));
        for (uint256 kind = 0; kind < 2; ++kind) {
            setUpNetwork();
            goTo(0, 1);
            Commitment memory c = commitment(0, rootOf(honestLeaf()), 4);
            if (kind == 0) c.worth = WORTH + 1;
            vm.prank(MINER);
            ledger.commit(c);
            vm.expectRevert(Errors.BadProof.selector);
            court.proveWrongRoot(c, 2, top, WORTH);
            court.proveWrongRoot(c, 1, top, WORTH);
            assertTrue(court.convicted(0, MINER), "convicted");
        }
        setUpNetwork();
        set("group_size", 2);
        goTo(0, 1);
        Commitment memory honest = commitment(0, SumTree.seal(2, top, WORTH), 1);
        vm.prank(MINER);
        ledger.commit(honest);
        vm.expectRevert(Errors.NoFault.selector);
        court.proveWrongRoot(honest, 2, top, WORTH);
    }

    function test_convict_nobodyTwiceForOneWindow() public {
        Commitment memory c = commitLeaf(guiltyLeaf());
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyConvicted.selector, 0, MINER));
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
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
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
    }

    function test_convict_unbondingCannotDodge() public {
        Commitment memory c = commitLeaf(guiltyLeaf());
        vm.prank(MINER);
        vault.requestUnstake(MINER, 2_000 ether);
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
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

    function rotated() private returns (Commitment memory a, Commitment memory b) {
        useHotkey(vm.addr(KEY));
        goTo(0, 1);
        a = commitment(0, keccak256("a"), 4);
        b = commitment(0, keccak256("b"), 4);
        vm.prank(vm.addr(KEY));
        ledger.commit(a);
    }

    function test_equivocation_aSignedOneBesidesTheOneOnChain() public {
        (Commitment memory a, Commitment memory b) = rotated();
        (bytes memory first, bytes memory second) = (signed(a), signed(b));
        vm.expectRevert(Errors.NoFault.selector);
        court.proveEquivocation(a, a, first, GENESIS + 1);
        court.proveEquivocation(a, b, second, GENESIS + 1);
        assertTrue(court.convicted(0, MINER), "convicted");
        assertTrue(registry.neuronOf(MINER).jailed, "jailed");
    }

    /// @dev F1, F17: nothing on chain, nothing to equivocate with: no role but the miner's, no window that has not begun.
    function test_equivocation_needsACommitmentOnChain() public {
        address operator = vm.addr(KEY);
        join(operator, Role.Validator, 1_000 ether);
        goTo(0, 5);
        for (uint64 w = 0; w < 2_000; w += 1_000) {
            Commitment memory a = Commitment(w, operator, keccak256("a"), keccak256("blob"), 1, 1, 0);
            Commitment memory b = Commitment(w, operator, keccak256("b"), keccak256("blob"), 1, 1, 0);
            bytes memory second = signed(b);
            vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, w, operator));
            court.proveEquivocation(a, b, second, GENESIS + 1);
        }
    }

    /// @dev F7: the key that signed was in charge neither when the window began nor now.
    function test_equivocation_rotatingTwiceDoesNotHelp() public {
        goTo(0, 1);
        useHotkey(vm.addr(KEY));
        Commitment memory a = commitment(0, keccak256("a"), 4);
        Commitment memory b = commitment(0, keccak256("b"), 4);
        vm.prank(vm.addr(KEY));
        ledger.commit(a);
        pass(1);
        useHotkey(MINER);
        court.proveEquivocation(a, b, signed(b), GENESIS + 1);
        assertTrue(court.convicted(0, MINER), "convicted");
    }

    function test_equivocation_twoRotationsInOneBlockAreRefused() public {
        goTo(0, 1);
        useHotkey(vm.addr(KEY));
        vm.prank(MINER);
        registry.proposeHotkey(MINER);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyRotated.selector, block.number));
        registry.acceptHotkey(MINER);
    }

    function test_equivocation_onlyByKeysInChargeInThatWindowWhileItLasts() public {
        (Commitment memory a, Commitment memory b) = rotated();
        bytes memory second = signed(b);
        uint64[3] memory outside = [GENESIS - 1, GENESIS + 11, 2];
        for (uint256 i = 0; i < 3; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Errors.NotSigned.selector, MINER));
            court.proveEquivocation(a, b, second, outside[i]);
        }
        Commitment memory next = b;
        next.window = 1;
        bytes memory third = signed(next);
        vm.expectRevert(Errors.NoFault.selector);
        court.proveEquivocation(a, next, third, GENESIS + 1);
        b.window = 0;
        goTo(1, 0);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooLate.selector, block.number, block.number - 1));
        court.proveEquivocation(a, b, second, GENESIS + 1);
    }

    function test_equivocation_notByStrangers() public {
        goTo(0, 1);
        Commitment memory a = commitment(0, keccak256("a"), 4);
        Commitment memory b = commitment(0, keccak256("b"), 4);
        vm.prank(MINER);
        ledger.commit(a);
        bytes memory second = signed(b);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotSigned.selector, MINER));
        court.proveEquivocation(a, b, second, GENESIS + 1);
    }

    // Nobody gains by convicting oneself

    /// @dev F1: an operator with little of its own and much of others' in its pool, and its shell as the accuser.
    function test_convict_theAccuserIsPaidOutOfTheOwnersLossAlone() public {
        fund(ANN, 100_000 ether);
        vm.prank(ANN);
        vault.stake(MINER, 98_000 ether);
        goTo(0, 1);
        Commitment memory c = commitment(0, rootOf(guiltyLeaf()), 4);
        vm.prank(MINER);
        ledger.commit(c);
        vm.prank(SHELL);
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
        assertEq(token.balanceOf(SHELL), 300 ether, "thirty per cent of the owner's own thousand");
        assertEq(vault.positionOf(MINER, MINER), 1_000 ether, "which the owner lost");
        assertEq(vault.positionOf(MINER, ANN), 49_000 ether, "as others lost theirs");
    }

    /// @dev F1b: what the owner has on its way out counts as its own, what delegators have there does not.
    function test_convict_ownStakeIsOwnAlsoOnItsWayOut() public {
        vm.prank(ANN);
        vault.stake(MINER, 1_000 ether);
        Commitment memory c = commitLeaf(guiltyLeaf());
        vm.prank(MINER);
        vault.requestUnstake(MINER, 2_000 ether);
        vm.prank(ANN);
        vault.requestUnstake(MINER, 600 ether);
        vm.prank(SHELL);
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
        assertEq(token.balanceOf(SHELL), 300 ether, "thirty per cent of the thousand that the owner lost");
    }

    function testFuzz_convict_ownerAndAccuserTogetherAlwaysLose(uint128 ann, uint128 own, uint128 annLeaves) public {
        vm.startPrank(address(timelock));
        policy.set("slash_burn_bps", 1_000);
        policy.set("slash_accuser_bps", 4_500);
        vm.stopPrank();
        goTo(0, 1);
        fund(ANN, 1_000_000 ether);
        vm.prank(ANN);
        vault.stake(MINER, uint128(bound(ann, 1, 1_000_000 ether)));
        Commitment memory c = commitment(0, rootOf(guiltyLeaf()), 4);
        vm.prank(MINER);
        ledger.commit(c);
        uint256 leaves = bound(own, 0, 1_900 ether);
        if (leaves > 0) {
            vm.prank(MINER);
            vault.requestUnstake(MINER, uint128(leaves));
        }
        uint256 held = vault.positionOf(MINER, ANN);
        vm.prank(ANN);
        vault.requestUnstake(MINER, uint128(bound(annLeaves, 1, held)));
        uint256 before = vault.positionOf(MINER, MINER) + worthOfExits(MINER);
        vm.prank(SHELL);
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
        uint256 lost = before - vault.positionOf(MINER, MINER) - worthOfExits(MINER);
        assertLe(token.balanceOf(SHELL) * 2, lost, "the accuser has less than half of what its friend lost");
        assertTrue(token.balanceOf(SHELL) >= policy.get("accuse_cost"), "and more than accusing costs");
    }

    function worthOfExits(address who) private view returns (uint256 sum) {
        (, uint256[] memory worth) = vault.exitsOf(who);
        for (uint256 i = 0; i < worth.length; ++i) {
            sum += worth[i];
        }
    }

    /// @dev F12: a vote reaches no window that has begun.
    function test_convict_bySentenceOfTheWindowsOwnPolicy() public {
        Commitment memory c = commitLeaf(guiltyLeaf());
        set("accuse_cost", 0);
        set("slash_bps", 200);
        set("slash_accuser_bps", 4_500);
        vm.prank(SHELL);
        court.proveDerivationFault(c, guiltyLeaf(), 1, entryOf(guiltyLeaf()));
        assertEq(vault.stakeOf(MINER), 1_000 ether, "half, as when the window began");
        assertEq(token.balanceOf(SHELL), 300 ether, "and thirty per cent of it");
    }
}
