// SPDX-License-Identifier: Apache-2.0
pragma solidity ^0.8.28;

import {Role} from "../src/StakeVault.sol";
import {Errors} from "../src/libraries/Errors.sol";
import {Network} from "./base/Network.sol";

/// @dev Stands in for Subtensor's staking precompile.
contract Alpha {
    mapping(bytes32 hotkey => mapping(uint256 netuid => uint256)) public getTotalAlphaStaked;

    function move(bytes32 from, bytes32 to, uint256 netuid, uint256 rao) external {
        if (from != 0) getTotalAlphaStaked[from][netuid] -= rao;
        if (to != 0) getTotalAlphaStaked[to][netuid] += rao;
    }
}

/// @dev Stands in for its sr25519 precompile: a "signature" is a hash of key and message.
contract Signatures {
    function verify(bytes32 message, bytes32 key, bytes32 r, bytes32 s) external pure returns (bool) {
        return r == keccak256(abi.encode(key, message)) && s == key;
    }
}

contract MetagraphStakeTest is Network {
    Alpha private constant ALPHA = Alpha(address(0x805));
    bytes32 private constant HOT = keccak256("hot");
    bytes32 private constant HOT2 = keccak256("hot2");
    uint256 private constant COIN = 1e9;

    function setUp() public {
        setUpNetwork();
        vm.etch(address(0x805), type(Alpha).runtimeCode);
        vm.etch(address(0x403), type(Signatures).runtimeCode);
        set("metagraph_factor", 3);
    }

    function bind(address validator, bytes32 hotkey) private {
        bytes32 r = keccak256(abi.encode(hotkey, active.bindingOf(validator, hotkey)));
        vm.prank(validator);
        active.bindHotkey(hotkey, r, hotkey);
    }

    function weightOf(address validator) private returns (uint256) {
        pass(1);
        return active.stakeAt(validator, block.number - 1);
    }

    /// @dev A validator with so much alpha, in force in window 1.
    function withAlpha(address validator, bytes32 hotkey, uint256 coins) private {
        withRao(validator, hotkey, coins * COIN);
    }

    function withRao(address validator, bytes32 hotkey, uint256 rao) private {
        ALPHA.move(0, hotkey, NETUID, rao);
        bind(validator, hotkey);
        active.syncStake(validator);
        goTo(0, 5);
        active.syncStake(validator);
    }

    function test_alpha_countsOnceItWasReadInTwoWindows() public {
        ALPHA.move(0, HOT, NETUID, 4_000 * COIN);
        bind(validators[0], HOT);
        active.syncStake(validators[0]);
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 10_000 ether, "read in one window only");
        assertEq(active.alphaOf(validators[0]), 4_000 ether, "what anybody sees");
        assertEq(active.alphaOf(validators[1]), 0, "no hotkey, no alpha");
        goTo(0, 5);
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 14_000 ether, "and in the next");
        assertEq(active.totalAt(block.number - 1), 34_000 ether, "in the total too");
        assertEq(vault.stakeOf(validators[0]), 10_000 ether, "the bond is what it was");
    }

    function test_alpha_lessCountsAtOnceMoreLater() public {
        withAlpha(validators[0], HOT, 4_000);
        ALPHA.move(HOT, HOT2, NETUID, 3_000 * COIN);
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 11_000 ether, "less at once");
        ALPHA.move(HOT2, HOT, NETUID, 3_000 * COIN);
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 11_000 ether, "back within the window: too late");
        goTo(1, 5);
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 11_000 ether, "the least of the window before");
        goTo(2, 5);
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 14_000 ether, "a whole window later");
    }

    /// @dev The attack: one alpha, carried from hotkey to hotkey, read at each. One reading by anybody ends it.
    function test_alpha_carriedAroundCountsOnceWhereAnybodyLooks() public {
        ALPHA.move(0, HOT, NETUID, 6_000 * COIN);
        bind(validators[0], HOT);
        bind(validators[1], HOT2);
        for (uint64 window = 0; window < 3; ++window) {
            goTo(window, 5);
            active.syncStake(validators[0]);
            ALPHA.move(HOT, HOT2, NETUID, 6_000 * COIN);
            active.syncStake(validators[1]);
            pass(20);
            active.syncStake(validators[0]); // somebody who looks
            ALPHA.move(HOT2, HOT, NETUID, 6_000 * COIN);
        }
        assertEq(weightOf(validators[0]), 10_000 ether, "found without it");
        assertEq(weightOf(validators[1]), 16_000 ether, "where it mostly lies");
    }

    /// @dev A whale of alpha with the least bond: no more than metagraph_factor bonds' worth, and none without a bond.
    function test_alpha_aWhaleWithADustBondGainsNoSeat() public {
        address whale = address(0x3A1E);
        join(whale, Role.Validator, 1_000 ether);
        withAlpha(whale, HOT, 50_000_000);
        assertEq(weightOf(whale), 3_000 ether, "three times its bond");
        vm.prank(whale);
        vault.requestUnstake(whale, 1_000 ether);
        assertEq(weightOf(whale), 0, "no bond, no weight");
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, whale));
        active.sit(whale);
        vm.prank(address(0xBAD));
        vm.expectRevert(abi.encodeWithSelector(Errors.NotActive.selector, address(0xBAD)));
        active.bindHotkey(HOT2, 0, 0);
    }

    function test_alpha_movedAfterTheBeaconChangesNoSeatOfTheWindow() public {
        withAlpha(validators[0], HOT, 4_000);
        uint256 before = GENESIS + WINDOW - 1;
        goTo(1, 0);
        (uint256 start, uint256 stake) = active.rangeAt(validators[0], before);
        uint256 total = active.totalAt(before);
        ALPHA.move(HOT, 0, NETUID, 4_000 * COIN);
        ALPHA.move(0, HOT2, NETUID, 90_000 * COIN);
        bind(validators[1], HOT2);
        active.syncStake(validators[0]);
        active.syncStake(validators[1]);
        (uint256 start2, uint256 stake2) = active.rangeAt(validators[0], before);
        assertEq(start2, start, "its points");
        assertEq(stake2, stake, "all of them");
        assertEq(stake, 14_000 ether, "with the alpha of then");
        assertEq(active.totalAt(before), total, "of as many");
        assertEq(weightOf(validators[0]), 10_000 ether, "the next window knows");
    }

    function test_alpha_thatNobodyReadsLapses() public {
        withAlpha(validators[0], HOT, 4_000);
        set("metagraph_max_age", 100);
        pass(100);
        active.reweigh(validators[0]);
        assertEq(weightOf(validators[0]), 14_000 ether, "fresh to the last block");
        active.reweigh(validators[0]);
        assertEq(weightOf(validators[0]), 10_000 ether, "and not after it");
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 10_000 ether, "what was read so long ago confirms nothing");
    }

    function test_factor_oneIsOffAndAVoteIsAppliedByAnybody() public {
        withAlpha(validators[0], HOT, 40_000);
        assertEq(weightOf(validators[0]), 30_000 ether, "three times");
        set("metagraph_factor", 1);
        active.reweigh(validators[0]);
        assertEq(weightOf(validators[0]), 10_000 ether, "off");
        set("metagraph_factor", 4);
        active.reweigh(validators[0]);
        active.reweigh(address(0x0B0D)); // who has no place changes nothing
        assertEq(weightOf(validators[0]), 40_000 ether, "four times");
        vm.prank(address(timelock));
        vm.expectRevert();
        policy.set("metagraph_factor", 5);
    }

    function test_bond_carriesItsAlphaWithIt() public {
        withAlpha(validators[0], HOT, 40_000);
        vm.prank(address(court));
        vault.slash(validators[0], 1_000 ether);
        assertEq(weightOf(validators[0]), 27_000 ether, "a slash takes three times itself");
        vm.prank(address(court));
        registry.jail(validators[0]);
        assertEq(weightOf(validators[0]), 0, "jailed, alpha counts for nothing");
    }

    /// @dev Else a slash of a very large validator would revert in the tree, after a vote for a higher factor.
    function test_weight_fitsIntoAPlaceHoweverLargeTheBond() public {
        withRao(validators[0], HOT, type(uint96).max);
        assertEq(active.weightOf(validators[0], 70_000_000_000 ether), type(uint96).max, "full, not over");
        assertEq(active.weightOf(validators[0], type(uint96).max), type(uint96).max, "nor below the bond");
    }

    /// @dev Seats are the larger weights'.
    function test_sit_byWeight() public {
        set("max_validators", 3);
        address late = address(0x1A7E);
        join(late, Role.Validator, 5_000 ether);
        vm.expectRevert(abi.encodeWithSelector(Errors.StakeTooLow.selector, 5_000 ether, 10_000 ether + 1));
        active.sit(late);
        withAlpha(late, HOT, 5_001);
        active.sit(late);
        assertEq(weightOf(late), 10_001 ether, "its bond and its alpha");
    }

    function test_bind_takesTheHotkeysWordOnceAndFromOneValidator() public {
        bytes32 r = keccak256(abi.encode(HOT, active.bindingOf(validators[0], HOT)));
        vm.prank(validators[1]);
        vm.expectRevert(abi.encodeWithSelector(Errors.BadHotkeyProof.selector, HOT));
        active.bindHotkey(HOT, r, HOT);
        withAlpha(validators[0], HOT, 4_000);
        assertEq(weightOf(validators[0]), 14_000 ether, "bound");
        bind(validators[1], HOT);
        assertEq(active.boundTo(HOT), validators[1], "the hotkey has gone over");
        assertEq(weightOf(validators[0]), 10_000 ether, "and its alpha with it, at once");
        vm.prank(validators[0]);
        vm.expectRevert(abi.encodeWithSelector(Errors.BadHotkeyProof.selector, HOT));
        active.bindHotkey(HOT, r, HOT); // its old signature
        vm.expectRevert(abi.encodeWithSelector(Errors.NotBound.selector, validators[0]));
        active.syncStake(validators[0]);
        bind(validators[1], HOT2);
        assertEq(active.boundTo(HOT), address(0), "a validator has one hotkey");
        assertEq(active.boundTo(HOT2), validators[1], "the newest");
    }

    function test_bind_saysOfWhomItTookAHotkeyAndOfNobodyElse() public {
        vm.recordLogs();
        bind(validators[0], HOT);
        assertEq(vm.getRecordedLogs().length, 1, "one word of a first binding");
        bind(validators[0], HOT);
        assertEq(vm.getRecordedLogs().length, 1, "and of the same once more");
        bind(validators[1], HOT);
        assertEq(vm.getRecordedLogs().length, 2, "two where another loses it");
    }

    function test_anotherHotkey_beginsAnew() public {
        withAlpha(validators[0], HOT, 4_000);
        ALPHA.move(0, HOT2, NETUID, 9_000 * COIN);
        bind(validators[0], HOT2);
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 10_000 ether, "not what another hotkey had");
        goTo(1, 5);
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 19_000 ether, "its own, a window later");
    }

    function test_noPrecompile_isSaidAndChangesNothing() public {
        withAlpha(validators[0], HOT, 4_000);
        vm.etch(address(0x805), "");
        vm.expectRevert(abi.encodeWithSelector(Errors.NoPrecompile.selector, address(0x805)));
        active.syncStake(validators[0]);
        assertEq(weightOf(validators[0]), 14_000 ether, "until it is too old");
    }

    function testFuzz_weight_isBoundedByTheBond(uint96 alpha, uint96 bond, uint8 factor) public {
        factor = uint8(bound(factor, 1, 4));
        uint128 stake = uint128(bound(bond, 1_000 ether, 100_000 ether));
        set("metagraph_factor", factor);
        address late = address(0x1A7E);
        join(late, Role.Validator, stake);
        withRao(late, HOT, alpha);
        uint256 weight = weightOf(late);
        assertTrue(weight >= stake, "never less than the bond");
        assertTrue(weight <= uint256(stake) * factor, "never more than so many bonds");
        uint256 sum = uint256(stake) + (alpha < type(uint96).max / 1e9 ? uint256(alpha) * 1e9 : type(uint96).max);
        assertEq(weight, factor == 1 ? stake : sum < uint256(stake) * factor ? sum : uint256(stake) * factor, "exact");
    }
}
