// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {RolloutLedger} from "../src/RolloutLedger.sol";
import {Role} from "../src/StakeVault.sol";
import {Commitment, Commitments} from "../src/libraries/Commitments.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Keys} from "../src/libraries/Keys.sol";
import {DrandSigner} from "./base/DrandSigner.sol";
import {Schedule, Timing} from "../src/libraries/Schedule.sol";
import {Network} from "./base/Network.sol";

contract RolloutLedgerTest is Network {
    bytes32 private constant ROOT = keccak256("root");
    uint256 private constant KEY = 0xA11CE;

    function setUp() public {
        setUpNetwork();
    }

    function commit(Commitment memory c) private {
        vm.prank(MINER);
        ledger.commit(c);
    }

    function signed(Commitment memory c, RolloutLedger where) private view returns (bytes memory) {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256("EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"),
                keccak256("Grail"),
                keccak256("1"),
                block.chainid,
                address(where)
            )
        );
        bytes32 digest = keccak256(abi.encodePacked("\x19\x01", domain, Commitments.digest(c)));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(KEY, digest);
        return abi.encodePacked(r, s, v);
    }

    function giveHotkey() private {
        vm.prank(MINER);
        registry.proposeHotkey(vm.addr(KEY));
        vm.prank(vm.addr(KEY));
        registry.acceptHotkey(MINER);
    }

    function checked(Timing memory t) external pure {
        Schedule.check(t);
    }

    function test_schedule_leavesBlocksForSettling() public {
        this.checked(Timing(GENESIS, 31, 10, 10, 10));
        vm.expectRevert(Errors.BadSchedule.selector);
        this.checked(Timing(GENESIS, 30, 10, 10, 10));
        vm.expectRevert(Errors.BadSchedule.selector);
        this.checked(Timing(GENESIS, 60, 0, 10, 10));
        vm.expectRevert(Errors.BadSchedule.selector);
        this.checked(Timing(GENESIS, 60, 10, 1, 10));
        vm.expectRevert(Errors.BadSchedule.selector);
        this.checked(Timing(GENESIS, 60, 10, 10, 0));
    }

    function test_commit_storesOneWord() public {
        goTo(0, 1);
        bytes32 first = blockhash(GENESIS);
        Commitment memory c = commitment(0, ROOT, 4);
        commit(c);
        assertEq(
            ledger.commitmentOf(0, MINER), Commitments.digest(c) >> 32 << 32 | bytes32(uint256(1)), "digest, number"
        );
        assertEq(ledger.numberOf(c), 1, "the first");
        assertEq(ledger.countOf(0), 1, "of one");
        assertEq(ledger.beaconOf(0), Keys.beacon(block.chainid, address(ledger), 0, first), "beacon");
        ledger.requireCommitted(c);
        c.groups = 5;
        vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, 0, MINER));
        ledger.requireCommitted(c);
    }

    function test_commit_onlyInItsPhase() public {
        goTo(0, 0);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.OutsidePhase.selector, 100, 101, 110));
        ledger.commit(commitment(0, ROOT, 4));
        goTo(0, 11);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.OutsidePhase.selector, 111, 101, 110));
        ledger.commit(commitment(0, ROOT, 4));
    }

    function test_commit_onlyOnceAndNeverNothing() public {
        goTo(0, 1);
        vm.prank(MINER);
        vm.expectRevert(Errors.EmptyCommitment.selector);
        ledger.commit(commitment(0, 0, 4));
        commit(commitment(0, ROOT, 4));
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.AlreadyCommitted.selector, 0, MINER));
        ledger.commit(commitment(0, keccak256("other"), 4));
    }

    function test_commit_onlyForOneself() public {
        join(address(0x1112), Role.Miner, 1_000 ether);
        goTo(0, 1);
        vm.prank(address(0x1112));
        vm.expectRevert(abi.encodeWithSelector(Errors.Unauthorized.selector, address(0x1112)));
        ledger.commit(commitment(0, ROOT, 4));
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, validators[0]));
        ledger.commit(commitment(0, ROOT, 4));
    }

    function test_commitFor_anyonePaysTheGasOfASignedCommitment() public {
        giveHotkey();
        goTo(0, 1);
        Commitment memory c = commitment(0, ROOT, 4);
        ledger.commitFor(c, signed(c, ledger));
        ledger.requireCommitted(c);
    }

    function test_commitFor_refusesOtherSignersLedgersAndMalleability() public {
        giveHotkey();
        goTo(0, 1);
        Commitment memory c = commitment(0, ROOT, 4);
        bytes memory good = signed(c, ledger);
        bytes memory elsewhere = signed(c, RolloutLedger(address(0xE15E)));
        vm.expectRevert();
        ledger.commitFor(c, elsewhere);
        c.groups = 5;
        vm.expectRevert();
        ledger.commitFor(c, good);
        c.groups = 4;
        (bytes32 r, bytes32 s, uint8 v) = (bytes32(0), bytes32(0), 0);
        assembly {
            r := mload(add(good, 32))
            s := mload(add(good, 64))
            v := byte(0, mload(add(good, 96)))
        }
        uint256 order = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;
        bytes memory twin = abi.encodePacked(r, bytes32(order - uint256(s)), v == 27 ? uint8(28) : uint8(27));
        vm.expectRevert(abi.encodeWithSelector(ECDSA.ECDSAInvalidSignatureS.selector, bytes32(order - uint256(s))));
        ledger.commitFor(c, twin);
        vm.expectRevert();
        ledger.commitFor(c, "");
    }

    function test_commit_groupsAreCoveredByStake() public {
        goTo(0, 1);
        set("max_groups", 4_096);
        goTo(1, 1);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooManyGroups.selector, 201, 200));
        ledger.commit(commitment(1, ROOT, 201));
    }

    function test_commit_onlyTheActiveVersion() public {
        goTo(0, 1);
        Commitment memory c = commitment(0, ROOT, 4);
        c.checkpointVersion = 2;
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongVersion.selector, 1, 2));
        ledger.commit(c);
    }

    function test_commit_notFromJail() public {
        vm.prank(address(court));
        registry.jail(MINER);
        goTo(0, 1);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        ledger.commit(commitment(0, ROOT, 4));
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

    // Drand

    function callRound(uint64 window) private returns (uint64 round) {
        set("beacon_drand", 1);
        goTo(window, 1);
        assertEq(ledger.open(window), 0, "no beacon yet");
        (, round) = ledger.drawOf(window, RolloutLedger.Moment.Open);
    }

    function test_openWith_mixesTheRoundThatTheCallNamed() public {
        uint64 round = callRound(0);
        bytes32 blockHash = blockhash(GENESIS);
        assertEq(round, drand.roundAfter(block.timestamp), "a round that nobody has seen");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotOpened.selector, 0));
        vm.prank(MINER);
        ledger.commit(commitment(0, ROOT, 4));
        bytes memory signature = DrandSigner.sign(round);
        bytes32 beacon = ledger.openWith(0, signature);
        assertEq(beacon, Keys.beacon(block.chainid, address(ledger), 0, Keys.seed(blockHash, sha256(signature))), "mix");
        assertEq(ledger.open(0), beacon, "both steps may be repeated");
        assertEq(ledger.openWith(0, ""), beacon, "both steps may be repeated");
        commit(commitment(0, ROOT, 4));
    }

    function test_openWith_refusesAnotherRoundAndAnUncalledOne() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.RoundNotCalled.selector, 0));
        ledger.openWith(0, new bytes(48));
        uint64 round = callRound(0);
        bytes memory next = DrandSigner.sign(round + 1);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, round));
        ledger.openWith(0, next);
    }

    /// @dev Else whoever dislikes a round would call another.
    function test_open_laterCallsChangeNothing() public {
        uint64 round = callRound(0);
        (bytes32 seed,) = ledger.drawOf(0, RolloutLedger.Moment.Open);
        vm.roll(block.number + 400);
        vm.warp(block.timestamp + 400 * 12);
        ledger.open(0);
        (bytes32 seedAfter, uint64 after_) = ledger.drawOf(0, RolloutLedger.Moment.Open);
        assertEq(after_, round, "the same round");
        assertEq(seedAfter, seed, "the same block");
    }

    function test_sealWith_mixesARoundOfItsOwn() public {
        uint64 opening = callRound(0);
        ledger.openWith(0, DrandSigner.sign(opening));
        goTo(0, 12);
        vm.warp(block.timestamp + 11 * 12);
        bytes32 blockHash = blockhash(GENESIS + 11);
        vm.expectRevert(abi.encodeWithSelector(Errors.RoundNotCalled.selector, 0));
        ledger.sealWith(0, new bytes(48));
        assertEq(ledger.seal(0), 0, "no challenge yet");
        (, uint64 round) = ledger.drawOf(0, RolloutLedger.Moment.Seal);
        assertTrue(round > opening, "after the commitments");
        bytes memory signature = DrandSigner.sign(round);
        bytes32 challenge = ledger.sealWith(0, signature);
        bytes32 seed = Keys.seed(blockHash, sha256(signature));
        assertEq(challenge, Keys.challenge(block.chainid, address(ledger), 0, seed), "mix");
        assertEq(ledger.challengeOf(0), challenge, "stored");
        assertEq(ledger.sealWith(0, ""), challenge, "may be repeated");
    }

    function test_drand_holdsForWindowsThatBeginWithIt() public {
        goTo(0, 1);
        set("beacon_drand", 1);
        assertTrue(ledger.open(0) != 0, "the running window keeps its rule");
        goTo(1, 1);
        set("beacon_drand", 0);
        assertEq(ledger.open(1), 0, "and so does the next, the other way");
        goTo(2, 1);
        assertTrue(ledger.open(2) != 0, "a vote turns it off");
    }

    function test_commit_worthWithinWhatGroupsCanHave() public {
        goTo(0, 1);
        Commitment memory c = commitment(0, ROOT, 1);
        c.worth = 8_192_001;
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooMuchWorth.selector, 8_192_001, 8_192_000));
        ledger.commit(c);
    }

    function test_commit_isNumberedInTheOrderOfTheChain() public {
        join(address(0xA77), Role.Miner, 2_000 ether);
        goTo(0, 1);
        bytes32 beacon = ledger.open(0);
        commitAs(address(0xA77), 0, 1);
        commitAs(MINER, 0, 1);
        assertEq(ledger.numberOf(committed[0]), 1, "first");
        assertEq(ledger.numberOf(committed[1]), 2, "second");
        assertEq(ledger.countOf(0), 2, "two");
        assertEq(ledger.beaconOf(0), beacon, "counting leaves the beacon as it is");
        committed[0].worth = 2;
        vm.expectRevert(abi.encodeWithSelector(Errors.NoCommitment.selector, 0, address(0xA77)));
        ledger.numberOf(committed[0]);
    }

    // Nothing to choose after the beacon

    function test_commit_notByWhoCameAfterTheBeacon() public {
        goTo(0, 0);
        join(address(0xA77), Role.Miner, 2_000 ether);
        goTo(0, 1);
        Commitment memory c = commitment(0, keccak256("root"), 1);
        c.miner = address(0xA77);
        vm.prank(c.miner);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, c.miner));
        ledger.commit(c);
        goTo(1, 1);
        c.window = 1;
        vm.prank(c.miner);
        ledger.commit(c);
    }

    function test_commit_notWithStakeThatCameAfterTheBeacon() public {
        goTo(0, 1);
        vm.prank(MINER);
        vault.stake(MINER, 2_000 ether);
        assertEq(ledger.groupsAllowed(0, MINER), 64, "at most");
        set("max_groups", 4_096);
        goTo(1, 0);
        fund(MINER, 10_000 ether);
        vm.prank(MINER);
        vault.stake(MINER, 10_000 ether);
        goTo(1, 1);
        assertEq(ledger.groupsAllowed(1, MINER), 400, "the stake of before the window");
        Commitment memory c = commitment(1, keccak256("root"), 401);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.TooManyGroups.selector, 401, 400));
        ledger.commit(c);
        vm.prank(MINER);
        vault.requestUnstake(MINER, 13_000 ether);
        assertEq(ledger.groupsAllowed(1, MINER), 100, "nor more than what is left of it");
    }

    function test_commit_notByWhoWasReleasedAfterTheBeacon() public {
        vm.prank(address(court));
        registry.jail(MINER);
        goTo(0, 0);
        vm.prank(address(timelock));
        registry.release(MINER);
        goTo(0, 1);
        vm.prank(MINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, MINER));
        ledger.commit(commitment(0, keccak256("root"), 1));
    }

    function test_publish_isMandatoryFromTheNextWindow() public {
        goTo(3, 5);
        vm.prank(TRAINER);
        checkpoints.publish(keccak256("v2"), keccak256("v1"), 0, 0, 0, "sketch/1");
        assertEq(checkpoints.activeVersion(3), 1, "running window keeps its version");
        assertEq(checkpoints.activeVersion(4), 2, "next window");
    }

    function test_publish_stakeAloneIsNotEnough() public {
        vm.prank(address(timelock));
        checkpoints.approve(TRAINER, false);
        vm.prank(TRAINER);
        vm.expectRevert(abi.encodeWithSelector(Errors.TrainerNotApproved.selector, TRAINER));
        checkpoints.publish(keccak256("v2"), keccak256("v1"), 0, 0, 0, "sketch/1");
    }
}
