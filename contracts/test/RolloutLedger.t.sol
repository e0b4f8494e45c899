// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {RolloutLedger} from "../src/RolloutLedger.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Keys} from "../src/libraries/Keys.sol";
import {Network} from "./base/Network.sol";

contract RolloutLedgerTest is Network {
    bytes32 private constant ROOT = keccak256("root");
    bytes32 private constant BLOB = keccak256("blob");

    function setUp() public {
        setUpNetwork();
    }

    function commit(uint32 groups, uint64 version) private {
        vm.prank(MINER);
        ledger.commit(0, ROOT, BLOB, groups, version);
    }

    function test_commit_storesEverything() public {
        goTo(0, 1);
        bytes32 first = blockhash(GENESIS);
        commit(4, 1);
        RolloutLedger.Commitment memory entry = ledger.commitmentOf(0, MINER);
        assertEq(entry.root, ROOT, "root");
        assertEq(entry.groups, 4, "groups");
        assertEq(ledger.beaconOf(0), Keys.beacon(block.chainid, address(ledger), 0, first), "beacon");
        assertEq(ledger.committersFrom(0, 0, 10)[0], MINER, "listed");
    }

    function test_commit_onlyInItsPhase() public {
        goTo(0, 0);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.OutsidePhase.selector, 100, 101, 110));
        ledger.commit(0, ROOT, BLOB, 4, 1);
        goTo(0, 11);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.OutsidePhase.selector, 111, 101, 110));
        ledger.commit(0, ROOT, BLOB, 4, 1);
    }

    function test_commit_onlyOnce() public {
        goTo(0, 1);
        commit(4, 1);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyCommitted.selector, 0, MINER));
        ledger.commit(0, keccak256("other"), BLOB, 4, 1);
    }

    function test_commit_groupsAreCoveredByStake() public {
        goTo(0, 1);
        policy.set("max_groups", 4_096);
        goTo(1, 1);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooManyGroups.selector, 201, 200));
        ledger.commit(1, ROOT, BLOB, 201, 1);
    }

    function test_commit_onlyTheActiveVersion() public {
        goTo(0, 1);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongVersion.selector, 1, 2));
        ledger.commit(0, ROOT, BLOB, 4, 2);
    }

    function test_commit_notFromJail() public {
        vm.prank(address(court));
        registry.jail(MINER);
        goTo(0, 1);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        ledger.commit(0, ROOT, BLOB, 4, 1);
    }

    function test_seal_notBeforeTheChallengeBlock() public {
        goTo(0, 11);
        vm.expectRevert(abi.encodeWithSelector(Errors.HashUnavailable.selector, 111));
        ledger.seal(0);
    }

    function test_seal_isFinal() public {
        goTo(0, 12);
        bytes32 challenge = ledger.seal(0);
        assertEq(challenge, Keys.challenge(block.chainid, address(ledger), 0, blockhash(111)), "of its block");
        goTo(0, 40);
        assertEq(ledger.seal(0), challenge, "never changes");
    }

    function test_seal_lateStillWorks() public {
        vm.roll(GENESIS + 11 + 300);
        bytes32 expected = Keys.challenge(block.chainid, address(ledger), 0, blockhash(111 + 256));
        assertEq(ledger.seal(0), expected, "the fallback block");
    }

    function test_publish_refusesAStaleParent() public {
        vm.prank(TRAINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongParent.selector, keccak256("v1"), bytes32(0)));
        checkpoints.publish(keccak256("v2"), 0, 0, 0, 0, "sketch/1");
    }

    function test_publish_isMandatoryFromTheNextWindow() public {
        goTo(3, 5);
        vm.prank(TRAINER);
        checkpoints.publish(keccak256("v2"), keccak256("v1"), 0, 0, 0, "sketch/1");
        assertEq(checkpoints.activeVersion(3), 1, "running window keeps its version");
        assertEq(checkpoints.activeVersion(4), 2, "next window");
    }

    function test_publish_stakeAloneIsNotEnough() public {
        checkpoints.approve(TRAINER, false);
        vm.prank(TRAINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.TrainerNotApproved.selector, TRAINER));
        checkpoints.publish(keccak256("v2"), keccak256("v1"), 0, 0, 0, "sketch/1");
    }
}
