// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {DrandBeacon} from "../src/DrandBeacon.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {DrandSigner} from "./base/DrandSigner.sol";
import {Test} from "./base/Test.sol";

contract DrandBeaconTest is Test {
    /// @dev The public network "quicknet", its round 1000 and what its relays say is that round's randomness.
    bytes private constant QUICKNET = hex"000000000000000000000000000000000d1fec758c921cc22b0e17e63aaf4bcb"
        hex"5ed66304de9cf809bd274ca73bab4af5a6e9c76a4bc09e76eae8991ef5ece45a"
        hex"0000000000000000000000000000000003cf0f2896adee7eb8b5f01fcad39122"
        hex"12c437e0073e911fb90022d3e760183c8c4b450b6a0a6c3ac6a5776a2d106451"
        hex"000000000000000000000000000000000e5db2b6bfbb01c867749cadffca88b3"
        hex"6c24f3012ba09fc4d3022c5c37dce0f977d3adb5d183c7477c442b1f04515273"
        hex"0000000000000000000000000000000001a714f2edb74119a2f2b0d5a7c75ba9"
        hex"02d163700a61bc224ededd8e63aef7be1aaf8e93d7a9718b047ccddb3eb5d68b";
    bytes private constant ROUND_1000 = hex"b44679b9a59af2ec876b1a6b1ad52ea9b1615fc3982b19576350f93447cb1125"
        hex"e342b73a8dd2bacbe47e4b6b63ed5e39";
    uint64 private constant GENESIS = 1_692_803_367;

    DrandBeacon private quicknet;
    DrandBeacon private ours;

    function setUp() public {
        quicknet = new DrandBeacon(QUICKNET, GENESIS, 3, 30);
        ours = new DrandBeacon(DrandSigner.publicKey(), GENESIS, 3, 30);
    }

    function test_randomnessOf_quicknetsRound() public view {
        bytes32 expected = 0xfe290beca10872ef2fb164d2aa4442de4566183ec51c56ff3cd603d930e54fdd;
        assertEq(quicknet.randomnessOf(1000, ROUND_1000), expected, "randomness of round 1000");
    }

    function test_randomnessOf_refusesOtherRoundsAndKeys() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, 1001));
        quicknet.randomnessOf(1001, ROUND_1000);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, 1000));
        ours.randomnessOf(1000, ROUND_1000);
    }

    function testFuzz_randomnessOf_anyRound(uint64 round) public view {
        bytes memory signature = DrandSigner.sign(round);
        assertEq(ours.randomnessOf(round, signature), sha256(signature), "both signs of y");
    }

    /// @dev One signature has one encoding: else whoever brings the round would choose among several randomnesses.
    function testFuzz_randomnessOf_refusesEveryOtherEncoding(uint64 round, uint256 bit) public {
        bytes memory signature = DrandSigner.sign(round);
        bit = bound(bit, 0, 48 * 8 - 1);
        signature[bit / 8] ^= bytes1(uint8(1 << (bit % 8)));
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, round));
        ours.randomnessOf(round, signature);
    }

    function test_randomnessOf_refusesWrongLengthsAndInfinity() public {
        bytes[4] memory bad = [
            bytes(""),
            bytes.concat(ROUND_1000, hex"00"),
            bytes.concat(bytes32(hex"c0"), bytes16(0)),
            bytes.concat(bytes32(hex"80"), bytes16(0))
        ];
        for (uint256 i = 0; i < bad.length; ++i) {
            vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, 1000));
            quicknet.randomnessOf(1000, bad[i]);
        }
    }

    /// @dev x and x + p are the same field element; only the smaller is canonical.
    function test_randomnessOf_refusesXPlusP() public {
        uint256 found;
        for (uint64 round = 1; found < 3; ++round) {
            bytes memory signature = DrandSigner.sign(round);
            (bytes16 hi, bytes32 lo) = (bytes16(signature), bytes32(0));
            assembly ("memory-safe") {
                lo := mload(add(signature, 48))
            }
            uint256 flags = uint128(hi) >> 125;
            uint256 low;
            unchecked {
                low = uint256(lo) + 0x64774b84f38512bf6730d2a0f6b0f6241eabfffeb153ffffb9feffffffffaaab;
            }
            uint256 high =
                (uint128(hi) & ((1 << 125) - 1)) + 0x1a0111ea397fe69a4b1ba7b6434bacd7 + (low < uint256(lo) ? 1 : 0);
            if (high >> 125 != 0) continue;
            ++found;
            vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, round));
            ours.randomnessOf(round, abi.encodePacked(uint128(flags << 125 | high), low));
        }
    }

    function testFuzz_roundAfter_isTheFirstUnseenOne(uint64 ahead) public view {
        uint256 timestamp = GENESIS + bound(ahead, 0, 1e12);
        uint256 published = GENESIS + uint256(quicknet.roundAfter(timestamp) - 1) * 3;
        assertTrue(published > timestamp + 30, "after the delay");
        assertTrue(published - 3 <= timestamp + 30, "and the first");
    }

    function test_roundAfter_beforeGenesis() public view {
        assertEq(quicknet.roundAfter(0), 1, "round 1");
    }

    function test_constructor_refusesNonsense() public {
        vm.expectRevert(abi.encodeWithSelector(Errors.LengthMismatch.selector, 96, 256));
        new DrandBeacon(new bytes(96), GENESIS, 3, 30);
        vm.expectRevert(Errors.BadSchedule.selector);
        new DrandBeacon(QUICKNET, GENESIS, 0, 30);
    }

    // On Subtensor: no BLS precompile, a pallet that has checked the rounds that it stores

    address private constant PALLET = address(0x810);

    function answers(uint64 round, bool exists, uint64 number, bytes memory signature) private {
        bytes memory call_ = abi.encodeWithSignature("getPulse(uint64)", round);
        vm.mockCall(PALLET, call_, abi.encode(exists, number, bytes(""), signature));
    }

    /// @dev As the chain is without EIP-2537, and with the pallet.
    function onSubtensor() private returns (DrandBeacon) {
        vm.mockCall(address(0x10), bytes(""), bytes(""));
        answers(1, false, 0, "");
        return new DrandBeacon(QUICKNET, GENESIS, 3, 30);
    }

    function test_source_isWhoeverCanCheckARound() public {
        assertTrue(quicknet.source() == DrandBeacon.Source.Bls, "EIP-2537 where it is");
        answers(1, false, 0, "");
        assertTrue(
            new DrandBeacon(QUICKNET, GENESIS, 3, 30).source() == DrandBeacon.Source.Bls, "also beside the pallet"
        );
        assertTrue(onSubtensor().source() == DrandBeacon.Source.Pallet, "the pallet where it is not");
        DrandBeacon another = new DrandBeacon(DrandSigner.publicKey(), GENESIS, 3, 30);
        assertTrue(another.source() == DrandBeacon.Source.None, "which stores quicknet's rounds alone");
        vm.clearMockedCalls();
        vm.mockCall(address(0x10), bytes(""), bytes(""));
        assertTrue(new DrandBeacon(QUICKNET, GENESIS, 3, 30).source() == DrandBeacon.Source.None, "nobody");
    }

    function test_period_isNotZero() public {
        vm.expectRevert(Errors.BadSchedule.selector);
        new DrandBeacon(QUICKNET, GENESIS, 0, 30);
    }

    function test_pallet_believesItsOwnRoundsAlone() public {
        DrandBeacon beacon = onSubtensor();
        answers(1000, true, 1000, ROUND_1000);
        assertEq(beacon.randomnessOf(1000, ROUND_1000), sha256(ROUND_1000), "a round that it stores");
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, 1000));
        beacon.randomnessOf(1000, bytes.concat(ROUND_1000, hex"00"));
        answers(1000, false, 1000, ROUND_1000);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, 1000));
        beacon.randomnessOf(1000, ROUND_1000);
        answers(1000, true, 999, ROUND_1000);
        vm.expectRevert(abi.encodeWithSelector(Errors.WrongRound.selector, 1000));
        beacon.randomnessOf(1000, ROUND_1000);
    }
}
